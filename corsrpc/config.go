package corsrpc

import (
	"context"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/reflect/protoregistry"
)

// Config says who may call which services. It is read once, by [New] or
// [Policy.Update]; changing it later changes nothing.
//
// Each procedure gets one rule. What concerns who may call is replaced by the
// more specific: a method's before its service's before Config's, and at one
// level an Override before the audience in the schema. Lists of header names
// add up over all levels.
//
// Except where a field says otherwise, nil stands for a default and an empty
// slice that is not nil for none. The zero Config governs every linked service
// and lets no page call.
type Config struct {
	// Origins are those of the pages that may call, each exactly as browsers
	// send it:
	//
	//	https://app.example.com    this origin
	//	https://*.example.com      its subdomains of any depth, not itself
	//	http://localhost:*         at any port, or none
	//	chrome-extension://id      other schemes: these very bytes
	//	*                          alone: every origin, without credentials
	Origins []string

	// Credentials lets pages call with cookies, HTTP authentication or client
	// certificates. Bearer tokens in an Authorization header do not need it.
	// It is refused together with "*", with http origins of other machines
	// and with patterns on public suffixes.
	Credentials bool

	// RequestHeaders are the names of application metadata that pages may
	// send, such as Authorization. The protocols' own headers are known. See
	// also [TraceContextHeaders] and [B3Headers].
	RequestHeaders []string

	// ResponseHeaders are the names of application response headers that
	// pages may read, and of error metadata, which arrives as headers.
	ResponseHeaders []string

	// ResponseTrailers are the names of application trailers that pages may
	// read, each without a protocol's prefix.
	ResponseTrailers []string

	// Protocols shape the generated lists; nil stands for all. They never
	// lead to a refusal: which protocols are served is the handlers' affair.
	Protocols []Protocol

	// Services are the full names of the services to govern, such as
	// acme.shop.v1.CartService. "*", and nil, stands for every linked service
	// but those of packages grpc, google and connectext, which must be named
	// to be governed.
	Services []string

	// Except are full names of services that another policy owns: this one
	// leaves them alone entirely.
	Except []string

	// Overrides are exceptions for one service or one method, by full name:
	// acme.shop.v1.CartService or acme.shop.v1.CartService.AddItem. None opens
	// a method that is ACCESS_INTERNAL in the schema.
	Overrides map[string]Override

	// Audiences give origins to the audiences that are named in the schema.
	// A method whose audience is not here can be called by no page; for the
	// services named in Services that is an error. Audiences that no linked
	// service names are none, so that servers can share a list.
	Audiences map[string][]string

	// Resources are plain HTTP paths beside the procedures: fonts, images,
	// uploads, REST. The keys are decoded, case-sensitive paths:
	//
	//	/upload             this path
	//	/products/{id}      one segment in place of the braces, not empty
	//	/fonts/             this path and everything below
	//
	// The most specific key wins: from the left, segment by segment, a
	// literal one before braces before the rest of a subtree. Procedures win
	// over resources: a key below a governed service has no effect. A path with
	// empty segments, . or .. is none of them, since handlers differ on what it
	// means.
	Resources map[string]Resource

	// PathPrefix is the path below which Wrap finds the procedures, "" for
	// the root: "/api" where it is around http.StripPrefix("/api", mux).
	// Procedures elsewhere are not governed, and not protected; OnDenied is
	// told of preflights for them. It concerns neither Resources nor
	// [Policy.Service].
	PathPrefix string

	// Hosts are the server's own public hosts, host or host:port, with which
	// an Origin is compared where the browser does not say whether a request
	// is same-origin (see [Policy.Wrap]). nil stands for the request's Host
	// field. On plain HTTP that field is chosen by whoever controls the name
	// in the URL, so Hosts are what stops DNS rebinding there.
	Hosts []string

	// Files hold the descriptors of the services; nil stands for
	// [protoregistry.GlobalFiles], where generated code registers them.
	Files *protoregistry.Files

	// MaxAge is how long browsers may cache a preflight's answer: 0 stands
	// for two hours, Chromium's limit; a negative value is sent as 0, so that
	// nothing is cached. Below one second and over 24 hours, Firefox's limit,
	// it is an error. Fractions of a second are cut off.
	MaxAge time.Duration

	// ReportOnly lets every call reach its handler, while OnDenied is told
	// what would have been refused: the way in for servers in use. Pages of
	// other origins still get no permission to read, their preflights are
	// still refused, and so are calls to ACCESS_INTERNAL methods.
	ReportOnly bool

	// OnDenied is told of each request that was refused, or that its browser
	// will block, with a Decision whose Allowed is false; on paths that are
	// not governed, of those preflights alone that are for a procedure below
	// another PathPrefix. It runs synchronously in the request's goroutine,
	// concurrently with itself, and must not block. See [LogDenied].
	OnDenied func(context.Context, Decision)

	// DangerouslyAllowInsecureOrigins permits credentials for http origins of
	// other machines, whose pages anyone on the network path can rewrite.
	DangerouslyAllowInsecureOrigins bool

	// DangerouslyAllowPublicSuffixes permits credentials for patterns on
	// public suffixes such as https://*.github.io, under which anyone can
	// register. What is known of them is the list in golang.org/x/net as it
	// was linked; a pattern above some suffixes, such as
	// https://*.amazonaws.com above s3.amazonaws.com, is not detected.
	DangerouslyAllowPublicSuffixes bool
}

// An Override is an exception for one service or method. The zero Override
// changes nothing.
type Override struct {
	// Origins replace those of the levels above: nil inherits, an empty slice
	// lets no page call.
	Origins []string
	// Credentials and ReportOnly replace those of the levels above.
	Credentials Setting
	ReportOnly  Setting
	// These add to Config's and the schema's.
	RequestHeaders, ResponseHeaders, ResponseTrailers []string
}

// A Setting is a switch that may also be left as it is.
type Setting uint8

const (
	// Inherit leaves the setting as it is at the level above.
	Inherit Setting = iota
	// On turns it on.
	On
	// Off turns it off.
	Off
)

// String returns the setting's name.
func (s Setting) String() string {
	return enumText(s, []string{"Inherit", "On", "Off"})
}

// apply returns the setting's effect on an inherited value.
func (s Setting) apply(inherited bool) bool {
	return s == On || s == Inherit && inherited
}

// A Resource is what one plain HTTP path grants to pages. It inherits nothing
// from Config, and it is not enforced: form posts and fonts live here, so
// requests of other origins reach the handler, and the answer merely lacks the
// headers. The zero Resource lets no page read.
type Resource struct {
	// Origins are as in Config.
	Origins []string
	// Credentials are as in Config. Fonts, images and scripts that are loaded
	// without crossorigin="use-credentials" need none.
	Credentials bool
	// Methods are those that pages may use beside GET, HEAD and POST, which
	// always pass. They are case-sensitive: scripts' requests carry PUT and
	// DELETE in upper case, and PATCH as the script wrote it.
	Methods []string
	// RequestHeaders are the names that pages may send. Content-Type is one,
	// for every other value than those of forms.
	RequestHeaders []string
	// ResponseHeaders are the names that pages may read.
	ResponseHeaders []string
	// MaxAge is as in Config.
	MaxAge time.Duration
}

// clone copies everything in a Config that somebody could change.
func (c Config) clone() Config {
	c.Origins = slices.Clone(c.Origins)
	c.RequestHeaders = slices.Clone(c.RequestHeaders)
	c.ResponseHeaders = slices.Clone(c.ResponseHeaders)
	c.ResponseTrailers = slices.Clone(c.ResponseTrailers)
	c.Protocols = slices.Clone(c.Protocols)
	c.Services = slices.Clone(c.Services)
	c.Except = slices.Clone(c.Except)
	c.Hosts = slices.Clone(c.Hosts)
	c.Audiences = maps.Clone(c.Audiences)
	for name, origins := range c.Audiences {
		c.Audiences[name] = slices.Clone(origins)
	}
	c.Overrides = maps.Clone(c.Overrides)
	for name, o := range c.Overrides {
		o.Origins = slices.Clone(o.Origins)
		o.RequestHeaders = slices.Clone(o.RequestHeaders)
		o.ResponseHeaders = slices.Clone(o.ResponseHeaders)
		o.ResponseTrailers = slices.Clone(o.ResponseTrailers)
		c.Overrides[name] = o
	}
	c.Resources = maps.Clone(c.Resources)
	for path, r := range c.Resources {
		r.Origins = slices.Clone(r.Origins)
		r.Methods = slices.Clone(r.Methods)
		r.RequestHeaders = slices.Clone(r.RequestHeaders)
		r.ResponseHeaders = slices.Clone(r.ResponseHeaders)
		c.Resources[path] = r
	}
	return c
}
