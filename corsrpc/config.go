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
// Each procedure gets one rule. Who may call is decided at the most specific
// level that says so: method, then service, then Config. At the same level, an
// Override wins over the schema. No setting opens an internal method. Lists of
// header names from all levels are combined.
//
// Unless a field says otherwise, nil means the default, and a non-nil empty slice
// means none. The zero Config governs every registered service and lets no page
// call.
type Config struct {
	// Origins are the origins of the pages that may call, each exactly as
	// browsers send it:
	//
	//	https://app.example.com    this origin
	//	https://*.example.com      its subdomains of any depth, not itself
	//	http://localhost:*         at any port, or none
	//	chrome-extension://id      other schemes: exactly these bytes
	//	*                          alone: every origin, without credentials
	Origins []string

	// Credentials lets pages call with cookies, HTTP authentication or client
	// certificates. Bearer tokens in an Authorization header do not need it.
	// Without it, cross-origin calls that carry cookies are refused. It can
	// never be combined with "*". It can be combined with http origins of
	// other machines, or with patterns on public suffixes, only if the
	// matching Dangerously field is set.
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

	// Protocols are those whose headers the generated lists contain; nil means
	// all. They never cause a refusal: the handlers decide which protocols are
	// served.
	Protocols []Protocol

	// REST says how the REST bindings of the schema, google.api.http, are
	// served behind this policy. Each binding gets the permissions of its
	// procedure. Bindings are matched under PathPrefix; a gateway mounted
	// under a different prefix needs a Policy of its own. Procedures win over
	// bindings, and bindings over resources.
	REST REST

	// Bindings are REST bindings that are declared outside the schema, in
	// grpc-gateway's YAML files or by vanguard.WithRules. The keys are full
	// method names; each value lists an HTTP method and a path template, such
	// as "POST /v1/admin:purge". They join the schema's.
	Bindings map[string][]string

	// Services are the full names of the services to govern, such as
	// acme.shop.v1.CartService. Both "*" and nil mean every registered
	// service, except for infrastructure: health, reflection and the other
	// services of grpc-go's packages, and those of packages below google.
	// Infrastructure must be named to be governed, and can be named even if it
	// is not registered.
	//
	// A registered service that is listed in neither Services nor Except is
	// closed to pages, unless it is infrastructure.
	Services []string

	// Except are full names of services that another policy owns: this one
	// leaves them alone entirely.
	Except []string

	// Overrides are exceptions for one service or one method, by full name:
	// acme.shop.v1.CartService or acme.shop.v1.CartService.AddItem. None opens
	// a method that is ACCESS_INTERNAL in the schema.
	Overrides map[string]Override

	// Audiences map the audiences that the schema names to origins.
	// It is an error if a method of a governed service has an audience that is
	// not here; an empty list lets no page call. Audiences that the schema
	// does not name are ignored, so servers can share a list.
	Audiences map[string][]string

	// Resources are plain HTTP paths beside the procedures: fonts, images,
	// uploads, documentation. The keys are decoded, case-sensitive paths:
	//
	//	/upload             this path
	//	/products/{id}      one segment in place of the braces, not empty
	//	/fonts/             this path and everything below
	//
	// The most specific key wins. Keys are compared from the left, segment by
	// segment: a literal segment beats braces, and braces beat a subtree.
	// Procedures win over resources: a key below a governed service has no
	// effect. An encoded slash is part of a segment. Paths with empty or dot
	// segments match no key, since handlers differ on what they mean.
	Resources map[string]Resource

	// PathPrefix is the path below which Wrap finds the procedures: "" for the
	// root, or "/api" if Wrap is around http.StripPrefix("/api", mux).
	// Procedures served under any other prefix get no CORS headers, and are
	// protected only as alternative spellings; preflights for them are
	// reported to OnDecision. PathPrefix does not apply to Resources or
	// [Policy.WrapService].
	PathPrefix string

	// Hosts are the server's own public hosts, each host or host:port. If the
	// browser does not send Sec-Fetch-Site, an Origin with one of these hosts
	// counts as the server's own page; see [Policy.Wrap]. If Hosts is nil, the
	// request's Host header is used.
	//
	// On plain HTTP, an attacker can point a host name at the server's address (DNS
	// rebinding), and Host is then the attacker's name. Set Hosts and RequireHosts
	// to stop that.
	Hosts []string

	// RequireHosts refuses calls whose host is not in Hosts, GET included. On plain
	// HTTP it stops DNS rebinding; see Hosts. Put the names that gRPC clients and
	// service meshes use into Hosts too. RequireHosts without Hosts is an error.
	//
	// It applies to procedures, bindings, their alternative spellings and
	// their preflights. Resources, infrastructure and paths that are not
	// governed can still be reached.
	RequireHosts bool

	// RequireFetchMetadata refuses calls with neither Origin nor Sec-Fetch-Site. It
	// is for listeners that only browsers reach, over HTTPS: on plain HTTP browsers
	// do not send Sec-Fetch-Site. If a CDN removes these headers, every call is
	// refused. It applies to the same requests as RequireHosts.
	RequireFetchMetadata bool

	// Files hold the descriptors of the services; nil means
	// [protoregistry.GlobalFiles], where generated code registers them.
	Files *protoregistry.Files

	// MaxAge is how long browsers can cache a preflight's response: 0 means
	// two hours, Chromium's limit; a negative value prevents caching. Positive
	// values below one second or above 24 hours, Firefox's limit, are errors.
	// Fractions of a second are dropped.
	MaxAge time.Duration

	// ReportOnly is for migrating existing servers. It lets every call reach its
	// handler, except calls to internal methods, and OnDecision reports what would
	// have been refused. Pages whose origin is not listed still cannot read
	// responses, and their preflights are still refused.
	ReportOnly bool

	// ExplainTo are the origins of developers' pages, such as
	// "http://localhost:*"; never "*". A page of such an origin can read why a
	// call is refused: the response is an error in the shape of its protocol,
	// permission_denied with the Reason, Detail and Fix.
	//
	// A preflight from such a page succeeds even if the call will be refused. Wrap
	// then checks the call itself, and refuses it if it has a header that the
	// preflight would otherwise have stopped. No handler runs that would not run
	// without ExplainTo. Refusals of internal methods, Resources and alternative
	// spellings of a path are not explained. Nothing changes for other pages.
	ExplainTo []string

	// ExplainIgnore are names of request headers that your proxies add, besides
	// well-known ones such as X-Forwarded-For. A call from an ExplainTo origin is
	// not refused for these.
	ExplainIgnore []string

	// OnDecision is called for:
	//
	//   - every request that Wrap refuses, whatever the path
	//   - every other marked request on a governed path
	//   - every request that passes only because of ReportOnly
	//   - top-level navigations to an alternative spelling of a procedure
	//   - preflights below a wrong path prefix; see [ReasonWrongPathPrefix]
	//
	// If the Outcome is OutcomeAllowed, the fields Origin, Detail and Fix of
	// the Decision are empty, and the call of OnDecision does not allocate.
	//
	// It runs synchronously in the request's goroutine, concurrently with
	// itself, and must not block. See [LogDenied] and [JoinHooks].
	OnDecision func(context.Context, Decision)

	// DangerouslyAllowInsecureOrigins permits credentials for http origins of
	// other machines, whose pages anyone on the network path can rewrite.
	DangerouslyAllowInsecureOrigins bool

	// DangerouslyAllowPublicSuffixes permits credentials for patterns on
	// public suffixes such as https://*.github.io, under which anyone can
	// register. The list of these suffixes is that of golang.org/x/net. Only a
	// pattern directly on such a suffix is detected: https://*.amazonaws.com,
	// which includes the suffix s3.amazonaws.com, is not.
	DangerouslyAllowPublicSuffixes bool
}

// clone copies everything in a Config that somebody could change.
func (c Config) clone() Config {
	c.Origins = slices.Clone(c.Origins)
	c.RequestHeaders = slices.Clone(c.RequestHeaders)
	c.ResponseHeaders = slices.Clone(c.ResponseHeaders)
	c.ResponseTrailers = slices.Clone(c.ResponseTrailers)
	c.Protocols = slices.Clone(c.Protocols)
	c.Services = slices.Clone(c.Services)
	c.Bindings = maps.Clone(c.Bindings)
	for name, bindings := range c.Bindings {
		c.Bindings[name] = slices.Clone(bindings)
	}
	c.Except = slices.Clone(c.Except)
	c.Hosts = slices.Clone(c.Hosts)
	c.ExplainTo = slices.Clone(c.ExplainTo)
	c.ExplainIgnore = slices.Clone(c.ExplainIgnore)
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
