// Package corsrpc lets web pages call Connect, gRPC-Web and gRPC services on
// another origin.
//
// A user of it writes who may call: origins. What may be called comes from the
// protobuf services that are linked into the program, and how it travels, HTTP
// methods, header names, trailers, from what corsrpc knows of each protocol.
// From those three it generates the Access-Control-* lists of every procedure
// and answers with them:
//
//	cors, err := corsrpc.New(corsrpc.Config{
//		Origins:          []string{"https://app.example.com"},
//		RequestHeaders:   []string{"Authorization"},
//		ResponseTrailers: []string{"X-Cost"},
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	mux := http.NewServeMux()
//	mux.Handle(shopv1connect.NewCatalogServiceHandler(catalog))
//	server := &http.Server{Handler: cors.Wrap(authenticate(mux))}
//
// [Policy.Wrap] goes around everything else, authentication included, since
// preflights carry no credentials, and since a page can read a 401 only if it
// comes with the headers.
//
// # What it refuses
//
// CORS by itself stops no call: browsers send many requests without asking
// first and merely keep the answer from the page. For procedures, Wrap does
// stop them. A request from a page whose origin is not listed gets 403 and the
// handler does not run; so does a cross-site request without an origin: an
// image, a form, a navigation, each of which would reach a Connect GET with
// the user's cookies. Requests that no browser sent pass untouched. See
// [Policy.Wrap] for the rules in order.
//
// Paths that are neither a procedure nor one of [Config].Resources are not
// governed: corsrpc neither answers for them nor protects them.
//
// # What pages see
//
// Every answer on a governed path carries the headers, so that errors of
// authentication and routing are readable too, and panics that something inside
// Wrap turns into an answer. Application headers,
// trailers and error metadata are readable if they are declared, in [Config]
// or in the schema with the options of corsrpc/v1/options.proto. A declared
// trailer is exposed in each form that a protocol gives it.
//
// # When something is blocked
//
// [Policy.Evaluate] says what becomes of a request and why, and
// [Config].OnDenied reports each denial as it happens; see [LogDenied].
package corsrpc
