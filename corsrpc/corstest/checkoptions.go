package corstest

import (
	"net/http"
	"strings"
	"time"
)

// defaultCheckURL is where the server is, unless the test says otherwise: a name
// that nobody has (RFC 2606).
const defaultCheckURL = "https://api.example"

// checkSettings are those of a [Check] alone.
type checkSettings struct {
	url       string
	prefix    string
	services  []string   // full names; nil: all of the application
	protocols []Protocol // nil: all
	audiences []string   // nil: unknown
	noAccess  bool
	calls     []string            // full names of methods and services, or "*"
	links     []string            // likewise
	bindings  map[string][]string // by full name of the method
	metadata  http.Header
	cookies   []*http.Cookie
	gateway   http.Header
	timeout   time.Duration
}

// WithServerURL sets the URL at which pages reach the server, without a path:
// its host is the Host that the handler sees. The default is
// https://api.example. [CheckURL] ignores it.
func WithServerURL(rawURL string) CheckOption {
	return checkOption(func(s *settings) { s.check.url = strings.TrimSuffix(rawURL, "/") })
}

// WithResponseTimeout sets how long one response of [CheckURL] can take to
// begin. The default, and that of a timeout that is not positive, is ten
// seconds. [Check] ignores it.
func WithResponseTimeout(timeout time.Duration) CheckOption {
	return checkOption(func(s *settings) { s.check.timeout = timeout })
}

// WithPathPrefix sets the path below which the procedures are, such as /api. It
// must begin with a slash.
func WithPathPrefix(prefix string) CheckOption {
	return checkOption(func(s *settings) { s.check.prefix = strings.TrimSuffix(prefix, "/") })
}

// WithServices checks these services, by full name, and no others; each must
// be served. The default is every linked service except those of the frameworks,
// such as health checks and reflection; services that the server does not have
// are not checked.
func WithServices(names ...string) CheckOption {
	return checkOption(func(s *settings) { s.check.services = append(s.check.services, names...) })
}

// WithProtocols checks these protocols and no others: those that the server is
// meant to serve to pages. A grpc-go server behind a gRPC-Web proxy, for example,
// serves [GRPCWeb] alone.
//
// The default is [Connect], [ConnectGET] and [GRPCWeb]. With the default, it is an
// error if the server responds under a REST binding of the schema: the report
// would leave out a way to call the procedure, and only the test knows how the
// gateway spells metadata. List [RESTGateway] or [RESTTranscoding] too, or the
// RPC protocols alone to leave bindings out.
func WithProtocols(protocols ...Protocol) CheckOption {
	return checkOption(func(s *settings) { s.check.protocols = append(s.check.protocols, protocols...) })
}

// WithAudiences sets the audiences of the schema that the origin belongs to;
// without a label, it belongs to none. It is required if the schema has
// audiences.
func WithAudiences(labels ...string) CheckOption {
	return checkOption(func(s *settings) {
		s.check.audiences = append(s.check.audiences, labels...)
		if s.check.audiences == nil {
			s.check.audiences = []string{}
		}
	})
}

// WithNoAccess expects that pages of the origin reach no procedure at all, or
// none of those of [WithServices]: the origin is a stranger.
//
// A response of 401 and a redirect to a login page do not show whether the
// server refuses the origin, or would run the procedure for a user who is logged
// in. Check reports them as failures: pass the user's session with [WithCookies]
// or [WithMetadata].
func WithNoAccess() CheckOption {
	return checkOption(func(s *settings) { s.check.noAccess = true })
}

// WithCookies gives the browser cookies of the server, as after a login there. It
// sends them as browsers do, by their SameSite attribute and the profile: also with
// requests of strangers' pages. Without them, a check cannot judge requests that
// need a session.
func WithCookies(cookies ...*http.Cookie) CheckOption {
	return checkOption(func(s *settings) { s.check.cookies = append(s.check.cookies, cookies...) })
}

// WithMetadata sets the values of declared request headers, such as Authorization
// with a user's token, in place of made-up ones. Strangers' pages send all of
// metadata, declared or not.
func WithMetadata(metadata http.Header) CheckOption {
	return checkOption(func(s *settings) { s.check.metadata = joined(s.check.metadata, metadata) })
}

// WithGatewayHeader adds headers to every request, preflights included: for a
// gateway in front of the server that lets nobody else through, and that pages
// pass by other means, such as a network of their own. Pages cannot add headers to
// a preflight.
func WithGatewayHeader(header http.Header) CheckOption {
	return checkOption(func(s *settings) { s.check.gateway = joined(s.check.gateway, header) })
}

// WithCalls makes real calls of the named methods and services, by full name as
// in [Declare], or of all with "*", with an empty message: their handlers run.
// Through REST, the path of the call has 1 for each variable.
// metadata is as for [WithMetadata].
//
// For these calls, Check reports the headers of the response that the page needs
// and cannot read, and those that nobody declared. Headers that the response did
// not have are inferred as without WithCalls, but only if the call failed.
func WithCalls(metadata http.Header, names ...string) CheckOption {
	return checkOption(func(s *settings) {
		s.check.calls = append(s.check.calls, names...)
		s.check.metadata = joined(s.check.metadata, metadata)
	})
}

// joined returns the headers of both; of a name that both have, the values of
// more.
func joined(h, more http.Header) http.Header {
	all := http.Header{}
	for _, header := range []http.Header{h, more} {
		for name, values := range header {
			all[http.CanonicalHeaderKey(name)] = values
		}
	}
	return all
}
