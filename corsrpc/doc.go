// Package corsrpc lets web pages call Connect, gRPC-Web and REST services on
// another origin. The same server can also serve gRPC clients.
//
// You say who may call, by listing origins. What they may call comes from the
// protobuf services that are linked into the program. How calls travel (HTTP
// methods, header names, trailers) comes from what corsrpc knows about each
// protocol. From these three it generates the CORS headers of every procedure:
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
// # Words
//
// An origin is a scheme, a host and a port, such as https://app.example.com. A
// browser sends the origin of a page in the Origin header of its cross-origin
// requests.
//
// Before many cross-origin calls, the browser sends an OPTIONS request, the
// preflight, to ask whether the page may make the call. In the response,
// Access-Control-* headers name the origins, HTTP methods and request headers
// that are allowed. In the response to the call itself, they name the response
// headers that the page may read: these are exposed.
//
// Sec-Fetch-Site is a header that browsers add and scripts cannot set. Its value
// is same-origin, same-site, cross-site, or none if the user typed the address.
// A "marked" request is one that has Origin or Sec-Fetch-Site, and so comes from
// a browser. Browsers add Sec-Purpose when they prefetch, and any page can cause
// a prefetch with speculation rules: a script element that lists URLs.
//
// An alternative spelling of a procedure is a path that differs from the
// procedure's own path, but that some router or server would still route to the
// procedure; see [Policy.Wrap].
//
// The schema can declare a method internal, which closes it to every page, or
// give it an audience, a label that [Config].Audiences maps to origins.
//
// # What it refuses
//
// CORS by itself does not stop calls. Browsers send many requests without a
// preflight, and merely hide the response from the page. [Policy.Wrap] stops the
// calls themselves, for procedures and for their REST bindings: the HTTP methods
// and paths that google.api.http gives them. A call from a page whose origin is
// not listed gets 403, and its handler does not run. The same holds for a
// cross-site request without Origin, such as one made by an image, a form or a
// navigation: otherwise it could call a procedure by a Connect GET, with the
// user's cookies. Requests from non-browser clients pass untouched. Wrap
// documents the steps in order.
//
// A path that is neither a procedure, nor a binding, nor one of
// [Config].Resources is not governed: corsrpc adds no headers there and protects
// nothing.
//
// # What pages see
//
// Wrap goes around everything else, authentication included: preflights carry no
// credentials, and a page can read a 401 only if the response carries the CORS
// headers. If the page's origin is listed, every response on a governed path
// carries them. So the page can also read the errors of routers and of
// middleware inside Wrap.
//
// Pages can read the application headers, trailers and error metadata that are
// declared: in [Config], or in the schema with the options of
// corsrpc/v1/options.proto. Protocols send trailers in different forms, and each
// form of a declared trailer is exposed.
//
// # When something is blocked
//
// [Policy.Evaluate] returns what happens to a request and why.
// [Config].OnDecision is called for each request from a browser, refused or not;
// see [LogDenied]. [Policy.Rules] returns the generated lists as data, and
// [Rule.Grants] shows where each entry comes from.
package corsrpc
