// Package corsconnectv2 applies a [corsrpc.Policy] to servers of Connect v2,
// connectrpc.com/connect/v2. For v1, use package corsconnect.
//
// [corsrpc.Policy.Wrap] can wrap a Connect v2 server like any other
// [net/http.Handler], and it responds to preflights, which no interceptor ever
// sees. This package adds what Wrap cannot do from outside the server:
//
//   - [NewServerInterceptor] refuses calls that the policy refuses, lets pages
//     read exactly what a handler sends, and removes CORS headers that a handler
//     copied from another server's response.
//   - [Registered] returns the services of a server, so that the policy governs
//     these, and not every service that the program links.
//   - [Mount] is [connecthttp.Mount] with each service wrapped by a policy.
//
// A server behind Wrap:
//
//	server := connect.NewServer(corsconnectv2.NewServerInterceptor(cors, corsconnectv2.BehindWrap()), logging)
//	shopv1connect.RegisterCartServiceHandler(server, cart)
//	mux := http.NewServeMux()
//	connecthttp.Mount(mux, server)
//	handler := cors.Wrap(authenticate(mux))
//
// What changes for pages when a server moves from v1 to v2 is in
// docs/connect-v2.md.
package corsconnectv2
