// Package corsconnectv2 applies a [corsrpc.Policy] to servers of Connect v2,
// connectrpc.com/connect/v2. Package corsconnect does so for v1.
//
// [corsrpc.Policy.Wrap] can wrap a server of Connect v2 like every other
// [net/http.Handler], and responds to preflights, which no interceptor ever
// sees. This package adds what Wrap cannot do from outside of the server:
//
//   - [NewServerInterceptor] refuses calls that the policy refuses, lets pages
//     read exactly what a handler sends, and keeps CORS headers of other servers
//     out of responses.
//   - [Registered] lists the services of a server, so that the policy governs
//     these and nothing that is linked by accident.
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
