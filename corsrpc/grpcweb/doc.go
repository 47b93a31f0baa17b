// Package grpcweb lets web pages call a grpc-go server over gRPC-Web, without a
// proxy:
//
//	server := grpc.NewServer()
//	shopv1.RegisterCatalogServiceServer(server, catalog)
//	handler := cors.Wrap(authenticate(grpcweb.NewHandler(server, grpcweb.Config{})))
//
// [NewHandler] translates each gRPC-Web call, binary or base64 text, into a gRPC
// request, passes it to [google.golang.org/grpc.Server.ServeHTTP], and
// translates the response back. Interceptors, reflection, health checks, stats
// and message limits work as usual. Everything that is not gRPC-Web passes to
// the server untouched, so native gRPC clients can use the same port if the
// http.Server speaks HTTP/2.
//
// For a gateway, pass NewHandler the handler that [NewForwarder] returns, in
// place of the grpc-go server. It forwards the calls to a server elsewhere.
//
// # Responses
//
// The response is binary or text, whichever the request's Accept header asks
// for. If it asks for neither, the response has the form of the request. If the
// handler sets a header or sends a message, the trailers follow in a frame at
// the end of the body. Otherwise they are sent as HTTP headers, without a body.
// Pages can read those headers only if the CORS policy exposes them, and
// corsrpc's policies do.
//
// The response of a unary or client-streaming method is sent in one piece at the
// end, with its Content-Length. Streams are sent message by message. Messages
// that become ready while the connection is busy are sent together.
//
// Metadata that would break the response is dropped: names that are not valid
// header names, names that describe the body or the connection, and
// Access-Control-*, which belongs to the policy. Control characters in values
// become spaces.
//
// A call that the server ends without a status, for example because it was
// stopped, ends with UNAVAILABLE.
//
// # Shutdown
//
// Shut down the http.Server first, then the grpc.Server: if RPCs are still in
// progress through ServeHTTP, GracefulStop ends them with status UNAVAILABLE.
//
// # Limits of ServeHTTP
//
// Calls through [google.golang.org/grpc.Server.ServeHTTP] have no flow control
// for requests (see Config.MaxRequestBytes), no [grpc.InTapHandle], no keepalive
// enforcement and no MaxConcurrentStreams. The grpc.Server's settings for HTTP/2
// have no effect, since the http.Server speaks HTTP/2 and has its own limits.
// With a forwarder to a server that runs [google.golang.org/grpc.Server.Serve],
// all of these work, but the server sees neither the client's address nor the
// context of the HTTP request.
//
// Over HTTP/1.1, browsers send the whole request before they start to read the
// response. A client that does both at once works too; its connection is not
// used again.
package grpcweb
