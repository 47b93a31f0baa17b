// Package httprule knows the REST bindings of google.api.http: how a schema
// declares them, the grammar of their path templates, and which of them a
// request could reach through a gateway.
//
// Gateways disagree about paths. grpc-gateway has four ways to unescape them,
// Vanguard a fifth; they cut verbs off differently; and what they do depends on
// their version. An [Index] therefore finds every binding that some gateway could
// route a path to. It can find more than the gateway at hand would, never fewer.
package httprule

// A Binding is one way to call a method over REST.
type Binding struct {
	// Method is the HTTP method, "GET", or the kind of a custom pattern. The
	// kind "*" stands for every method.
	Method string
	// Template is where the binding's paths are.
	Template *Template
	// Body is the field of the request message that the request body holds:
	// "*" for the whole message, "" for none.
	Body string
	// ResponseBody is the field of the response message that the response
	// body holds, "" for the whole message.
	ResponseBody string
}

// String returns the binding as [ParseBinding] reads it: "POST /v1/admin:purge".
func (b Binding) String() string { return b.Method + " " + b.Template.String() }
