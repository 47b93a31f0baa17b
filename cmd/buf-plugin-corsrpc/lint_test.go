package main

import (
	"strings"
	"testing"

	"buf.build/go/bufplugin/check/checktest"
)

// Each rule finds what is wrong with a bad schema, and nothing in a good one.
func TestLint(t *testing.T) {
	t.Parallel()
	type finding struct {
		startLine, startColumn, endLine, endColumn int
		message                                    string
	}
	for rule, findings := range map[string][]finding{
		"CORSRPC_HEADER_NAME": {
			{13, 5, 13, 30, `request_headers: "cookie" is a forbidden request header, which browsers let no page set: leave it out`},
			{20, 9, 20, 27, "request_headers: \"x-brand,x-locale\" is not a valid header name: use letters, digits and !#$%&'*+-.^_`|~ only, and put each name in its own list element"},
			{22, 7, 22, 37, `response_headers: "set-cookie" is never shown to pages and cannot be set by them; for cookies, set Credentials`},
			{24, 7, 24, 29, `response_trailers: "*" is not a header name; browsers take it for a wildcard only without credentials, and never for Authorization: list the names`},
			{30, 5, 30, 76, `response_headers: "access-control-max-age" belongs to CORS itself, which corsrpc handles: leave it out`},
			{39, 7, 39, 29, "request_headers: \"x c\" is not a valid header name: use letters, digits and !#$%&'*+-.^_`|~ only, and put each name in its own list element"},
		},
		"CORSRPC_TRAILER_PREFIX": {
			{11, 3, 11, 69, `response_trailers: "trailer-x-quota" has the prefix that the Connect protocol gives to trailers: write "x-quota" in response_trailers, which every protocol then spells in its own way`},
			{16, 7, 16, 41, `response_headers: "Trailer-X-Cost" has the prefix that the Connect protocol gives to trailers: write "X-Cost" in response_trailers, which every protocol then spells in its own way`},
			{19, 9, 19, 25, `response_trailers: "TRAILER-x-cost" has the prefix that the Connect protocol gives to trailers: write "x-cost" in response_trailers, which every protocol then spells in its own way`},
		},
		"CORSRPC_PROTOCOL_HEADER": {
			{12, 5, 12, 36, `request_headers: "content-type" is a header of Connect, gRPC-Web, gRPC, which corsrpc lists by itself: leave it out`},
			{13, 5, 13, 36, `response_headers: "grpc-status" is a header of gRPC-Web, which corsrpc lists by itself: leave it out`},
			{19, 7, 19, 50, `request_headers: "Connect-Protocol-Version" is a header of Connect, which corsrpc lists by itself: leave it out`},
			{20, 7, 20, 47, `request_headers: "grpc-metadata-x-brand" has the prefix that grpc-gateway gives to metadata: write "x-brand", and corsrpc lists both`},
			{21, 26, 21, 46, `response_headers: "connect-request-id" has the prefix "connect-", which is reserved for Connect: leave it out, or give the header another name`},
			{22, 7, 22, 37, `response_trailers: "grpc-cost" has the prefix "grpc-", which is reserved for gRPC: leave it out, or give the header another name`},
		},
		"CORSRPC_AUDIENCE_KNOWN": {
			{11, 34, 11, 57, `audience "back-office" is not in the plugin option audiences: write one of "storefront", "backoffice", or add it there and to Audiences of the server's configuration`},
			{16, 5, 16, 55, `audience "storfront" is not in the plugin option audiences: write one of "storefront", "backoffice", or add it there and to Audiences of the server's configuration`},
		},
		"CORSRPC_GET_PREFLIGHTED": {
			{14, 5, 14, 48, `a page that calls acme.shop.v1.CatalogService.GetProduct with Connect GET and sends "authorization" needs a preflight for every message: declare no request header, or remove idempotency_level so that pages call with POST`},
			{21, 7, 21, 36, `a page that calls acme.shop.v1.CatalogService.GetPrice with Connect GET and sends "authorization", "x-brand", "x-currency" needs a preflight for every message: declare no request header, or remove idempotency_level so that pages call with POST`},
		},
		"CORSRPC_INTERNAL_MIXED": {
			{14, 5, 14, 57, `acme.shop.v1.CartService.PurgeCarts is internal, and other methods of its service are not: a page that calls a method that the server does not have gets "Failed to fetch" instead of unimplemented; move internal methods to a service of their own`},
			{20, 7, 20, 30, `acme.shop.v1.CartService.MergeCarts is internal, and other methods of its service are not: a page that calls a method that the server does not have gets "Failed to fetch" instead of unimplemented; move internal methods to a service of their own`},
		},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			name := strings.ToLower(strings.TrimPrefix(rule, "CORSRPC_"))
			options := map[string]any{"audiences": []string{"storefront", "backoffice"}}
			var want []checktest.ExpectedAnnotation
			for _, f := range findings {
				want = append(want, checktest.ExpectedAnnotation{
					RuleID: rule, Message: f.message, FileLocation: location(name+"_bad.proto", f.startLine, f.startColumn, f.endLine, f.endColumn),
				})
			}
			bad := &checktest.RequestSpec{Files: protos("lint", name+"_bad.proto"), RuleIDs: []string{rule}, Options: options}
			checktest.CheckTest{Spec: spec, Request: bad, ExpectedAnnotations: want}.Run(t)
			bad.RuleIDs = nil // one mistake is reported by one rule
			checktest.CheckTest{Spec: spec, Request: bad, ExpectedAnnotations: want}.Run(t)
			good := &checktest.RequestSpec{Files: protos("lint", name+"_good.proto"), RuleIDs: []string{rule}, Options: options}
			checktest.CheckTest{Spec: spec, Request: good}.Run(t)
		})
	}
}

// Without the option, every audience is known.
func TestAudiencesWithoutTheOption(t *testing.T) {
	t.Parallel()
	request := &checktest.RequestSpec{Files: protos("lint", "audience_known_bad.proto")}
	checktest.CheckTest{Spec: spec, Request: request}.Run(t)
}
