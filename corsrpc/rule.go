package corsrpc

import (
	"slices"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
)

// A Rule is what a [Policy] grants on one path: the generated lists, as data. It
// is a copy; changing it has no effect on the Policy.
type Rule struct {
	// Path is the path of a procedure, "/acme.shop.v1.CartService/AddItem", of
	// a service, "/acme.shop.v1.CartService/", or the template of a REST
	// binding, "/v1/shelves/{id}", each with Config.PathPrefix before it; or a
	// key of Config.Resources. Match says how it is compared.
	Path string
	// Procedure is the name of the procedure, "/pkg.Service/Method", whatever
	// the PathPrefix, also for bindings; for a service's rule it is
	// "/pkg.Service/". It is empty for resources.
	Procedure string
	// Match is how Path is compared with a request's path.
	Match Match
	// Origins are the origins that may call, as written in Config; nil if no
	// page may.
	Origins []string
	// Credentials lets pages call with cookies.
	Credentials bool
	// Internal refuses every marked request, whatever ReportOnly is.
	Internal bool
	// Enforced means that calls which are not allowed get 403. It is false for
	// resources alone.
	Enforced bool
	// ReportOnly means that such calls are reported and not refused, except those
	// of internal methods. Enforced stays true.
	ReportOnly bool
	// Links lets requests with GET pass without Origin.
	Links bool
	// Methods are the value of Access-Control-Allow-Methods, RequestHeaders
	// that of Access-Control-Allow-Headers, ResponseHeaders that of
	// Access-Control-Expose-Headers: complete, canonical and sorted, except
	// that the Methods of a resource are in Config's order. A binding's
	// Methods is its HTTP method: two bindings on one template are two rules.
	Methods, RequestHeaders, ResponseHeaders []string
	// MaxAge is the value of Access-Control-Max-Age.
	MaxAge time.Duration

	from provenance
}

// provenance is where a rule's permissions come from. Rules share what it
// points to.
type provenance struct {
	origins                         *originList
	requestHeaders, responseHeaders *nameList
	methods                         []Grant
	binding                         *httprule.Binding // of MatchBinding
	// Where in Config a further permission would stand, for Decision.Fix;
	// empty where it follows from several places. Those of origins are in
	// their list.
	credentialsField, requestField, methodsField string
	// closed marks the rule of a service that Config does not name.
	closed bool
}

// A Match is how a rule's path is compared with that of a request.
type Match uint8

const (
	// MatchProcedure matches the path of a procedure: the percent-decoded path
	// of the request must equal it byte for byte.
	MatchProcedure Match = iota
	// MatchService matches every path below a service, except those of known
	// procedures. Its rule grants only what all methods of the service grant. A
	// page that it allows can read the error "unimplemented". A service that
	// neither Config.Services nor Config.Except names has only this rule, without
	// Origins.
	MatchService
	// MatchBinding matches every path that some gateway could route to the
	// template of a REST binding. Gateways disagree, so that is the union of
	// what they do:
	//
	//   - the path is compared decoded, and as it was sent
	//   - %2F is part of a segment, or separates two
	//   - "*" also matches an empty segment, "**" also zero segments
	//   - the custom verb, such as ":purge", can begin at any colon
	//
	// If a path matches several bindings whose HTTP method fits, all of them
	// must let the request pass, and only permissions that all of them grant
	// are granted.
	MatchBinding
	// MatchResource matches a key of Config.Resources, as described there.
	MatchResource
)

var matchTexts = []string{"procedure", "service", "binding", "resource"}

// String returns the match as one word, such as procedure.
func (m Match) String() string { return enumText(m, matchTexts) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of
// String.
func (m Match) MarshalText() ([]byte, error) { return marshalEnum(m, matchTexts) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (m *Match) UnmarshalText(text []byte) error { return unmarshalEnum(m, matchTexts, text) }

// A Grant is one permission of a rule, and where it comes from.
type Grant struct {
	Kind GrantKind
	// Value is the origin as it is written in Config, the HTTP method, or the
	// canonical header name.
	Value string
	// Source is the place in Config, the option in the schema, or the name of
	// the protocol: RequestHeaders[0], Overrides["acme.shop.v1.CartService"].Origins[1],
	// (corsrpc.v1.method).request_headers of acme.shop.v1.CartService.AddItem,
	// Connect.
	Source string
}

// A GrantKind is what a Grant permits.
type GrantKind uint8

const (
	// GrantOrigin lets pages of an origin, or of a pattern of origins, call.
	GrantOrigin GrantKind = iota
	// GrantMethod lets pages use an HTTP method.
	GrantMethod
	// GrantRequestHeader lets pages send a header.
	GrantRequestHeader
	// GrantResponseHeader lets pages read a header.
	GrantResponseHeader
)

var grantKindTexts = []string{"origin", "method", "request_header", "response_header"}

// String returns the kind as one word in snake case, such as request_header.
func (k GrantKind) String() string { return enumText(k, grantKindTexts) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of
// String.
func (k GrantKind) MarshalText() ([]byte, error) { return marshalEnum(k, grantKindTexts) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (k *GrantKind) UnmarshalText(text []byte) error { return unmarshalEnum(k, grantKindTexts, text) }

// Grants returns every origin, method and header name of the rule with its
// source, in this order. A permission that has several sources has one Grant
// for each, so a permission is lost only when its last source is removed.
// The zero Rule has none.
func (r Rule) Grants() []Grant {
	var grants []Grant
	if r.from.origins != nil {
		for i := range r.from.origins.entries {
			o := &r.from.origins.entries[i]
			grants = append(grants, Grant{GrantOrigin, o.String(), o.source()})
		}
	}
	grants = append(grants, r.from.methods...)
	for _, list := range []struct {
		kind  GrantKind
		names *nameList
	}{{GrantRequestHeader, r.from.requestHeaders}, {GrantResponseHeader, r.from.responseHeaders}} {
		if list.names == nil {
			continue
		}
		for _, n := range list.names.listed {
			grants = append(grants, Grant{list.kind, n.name, n.source})
		}
	}
	return grants
}

// clone copies what somebody could change.
func (r Rule) clone() Rule {
	r.Origins = slices.Clone(r.Origins)
	r.Methods = slices.Clone(r.Methods)
	r.RequestHeaders = slices.Clone(r.RequestHeaders)
	r.ResponseHeaders = slices.Clone(r.ResponseHeaders)
	return r
}

// SamplePath returns a path that has the rule, with segment in place of each
// variable part: for tools that try a policy. segment must be free of slashes
// and percent signs. For a [MatchService] rule, the path is that of an unknown
// method.
func (r Rule) SamplePath(segment string) string {
	switch r.Match {
	case MatchService:
		return r.Path + segment
	case MatchBinding:
		if r.from.binding == nil { // not one of a Policy's
			return r.Path
		}
		prefix := strings.TrimSuffix(r.Path, r.from.binding.Template.String())
		return prefix + r.from.binding.Template.Sample(segment)
	case MatchResource:
		segments := strings.Split(r.Path, "/")
		for i, s := range segments {
			if strings.HasPrefix(s, "{") || s == "" && i > 0 {
				segments[i] = segment
			}
		}
		return strings.Join(segments, "/")
	}
	return r.Path
}
