package main

import (
	"maps"
	"net/textproto"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdiff"
)

const (
	trailerPrefix = "Trailer-"       // of trailers in unary responses of Connect
	gatewayPrefix = "Grpc-Metadata-" // of metadata in requests and responses of grpc-gateway
)

func canonical(header string) string { return textproto.CanonicalMIMEHeaderKey(header) }

// checkHeaderNames reports the names that New does not accept.
func checkHeaderNames(c *checked, d *declaration, add report) {
	for _, mistake := range c.current.mistakes {
		n, ok := nameOf(mistake)
		if !ok || n.of != d.name || n.field == responseTrailers && hasPrefix(d.list(n.field)[n.element], trailerPrefix) {
			continue
		}
		problem := strings.TrimPrefix(mistake.Error(), "corsrpc: "+mistake.Field+": ")
		add(d.element(n.field, n.element), "%s: %s", fieldName(n.field), problem)
	}
}

// checkTrailerPrefix reports trailers in the spelling of unary Connect
// responses: in response_trailers New does not accept them, in response_headers
// they are exposed to pages of Connect alone.
func checkTrailerPrefix(_ *checked, d *declaration, add report) {
	for _, field := range []protoreflect.FieldNumber{responseHeaders, responseTrailers} {
		for i, header := range d.list(field) {
			if hasPrefix(header, trailerPrefix) {
				add(d.element(field, i), "%s: %s has the prefix that the Connect protocol gives to trailers: write %s in response_trailers, which every protocol then spells in its own way",
					fieldName(field), quoted(header), quoted(header[len(trailerPrefix):]))
			}
		}
	}
}

// checkProtocolHeaders reports headers that the protocols send themselves.
func checkProtocolHeaders(_ *checked, d *declaration, add report) {
	for _, field := range lists {
		for i, header := range d.list(field) {
			switch owner := protocolHeaders()[canonical(header)]; {
			case owner != "":
				add(d.element(field, i), "%s: %s is a header of %s, which corsrpc lists by itself: leave it out", fieldName(field), quoted(header), owner)
			case hasPrefix(header, gatewayPrefix):
				add(d.element(field, i), "%s: %s has the prefix that grpc-gateway gives to metadata: write %s, and corsrpc lists both", fieldName(field), quoted(header), quoted(header[len(gatewayPrefix):]))
			case hasPrefix(header, "Grpc-"):
				add(d.element(field, i), `%s: %s has the prefix "grpc-", which is reserved for gRPC: leave it out, or give the header another name`, fieldName(field), quoted(header))
			case hasPrefix(header, "Connect-"):
				add(d.element(field, i), `%s: %s has the prefix "connect-", which is reserved for Connect: leave it out, or give the header another name`, fieldName(field), quoted(header))
			}
		}
	}
}

// protocolHeaders returns the headers that rules list for the protocols, with
// the names of these.
var protocolHeaders = sync.OnceValue(func() map[string]string {
	policy, err := corsrpc.New(corsrpc.Config{
		Origins: []string{corsdiff.Page}, Files: new(protoregistry.Files),
		Services: []string{"grpc.health.v1.Health"}, // the only kind that does not have to be registered
	})
	if err != nil {
		panic(err) // the Config is constant
	}
	owners := make(map[string]string)
	for rule := range policy.Rules() {
		for _, grant := range rule.Grants() {
			switch grant.Kind {
			case corsrpc.GrantRequestHeader, corsrpc.GrantResponseHeader:
				if owners[grant.Value] != "" {
					owners[grant.Value] += ", "
				}
				owners[grant.Value] += grant.Source
			}
		}
	}
	return owners
})

// checkAudiences reports audiences that the option does not list.
func checkAudiences(c *checked, d *declaration, add report) {
	label := d.options.GetAudience()
	if c.audiences == nil || label == "" || slices.Contains(c.audiences, label) {
		return
	}
	add(d.option(audience), "audience %s is not in the plugin option audiences: write one of %s, or add it there and to Audiences of the server's configuration", quoted(label), quoted(c.audiences...))
}

// checkGetPreflighted reports request headers of methods that pages can call
// with GET. Browsers cache preflights by URL, and the message is in the URL.
func checkGetPreflighted(_ *checked, d *declaration, add report) {
	if !d.allowsGet() || d.internal() {
		return
	}
	at := d.builtIn(idempotencyLevel)
	costs := make(map[string]bool)
	for _, header := range d.service.list(requestHeaders) {
		costs[strings.ToLower(header)] = !safelisted(header)
	}
	for i, header := range slices.Backward(d.list(requestHeaders)) {
		if !safelisted(header) {
			costs[strings.ToLower(header)] = true
			at = d.element(requestHeaders, i)
		}
	}
	maps.DeleteFunc(costs, func(_ string, cost bool) bool { return !cost })
	if len(costs) > 0 {
		add(at, "a page that calls %s with Connect GET and sends %s needs a preflight for every message: declare no request header, or remove idempotency_level so that pages call with POST",
			d.name, quoted(slices.Sorted(maps.Keys(costs))...))
	}
}

// allowsGet reports whether a declaration is a method that Connect also calls
// with GET.
func (d *declaration) allowsGet() bool {
	return d.method != nil && d.unary() && d.method.GetOptions().GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
}

func (d *declaration) unary() bool {
	return !d.method.GetClientStreaming() && !d.method.GetServerStreaming()
}

// safelisted reports whether pages can send the header, with all but unusual
// values, without a preflight
// (https://fetch.spec.whatwg.org/#cors-safelisted-request-header). Content-Type
// is one of the protocols'.
func safelisted(header string) bool {
	return slices.Contains([]string{"Accept", "Accept-Language", "Content-Language", "Content-Type"}, canonical(header))
}

// checkInternalMixed reports internal methods of services that pages can call.
func checkInternalMixed(_ *checked, d *declaration, add report) {
	if d.service == nil || !d.internal() || d.service.internal() {
		return
	}
	isOpen := func(method *declaration) bool { return !method.internal() }
	if slices.ContainsFunc(d.service.methods, isOpen) {
		add(d.option(access), `%s is internal, and other methods of its service are not: a page that calls a method that the server does not have gets "Failed to fetch" instead of unimplemented; move internal methods to a service of their own`, d.name)
	}
}

// hasPrefix reports whether a header begins so, without regard to case.
func hasPrefix(header, prefix string) bool {
	return len(header) > len(prefix) && strings.EqualFold(header[:len(prefix)], prefix)
}
