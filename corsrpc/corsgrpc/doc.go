// Package corsgrpc applies a [corsrpc.Policy] inside grpc-go servers. Pages
// reach such a server through a gRPC-Web proxy, which responds to preflights and
// writes CORS headers, or through package grpcweb, which translates gRPC-Web
// calls for [grpc.Server.ServeHTTP]. Install the interceptors like this:
//
//	server := grpc.NewServer(
//		grpc.ChainUnaryInterceptor(corsgrpc.UnaryServerInterceptor(cors), logging),
//		grpc.ChainStreamInterceptor(corsgrpc.StreamServerInterceptor(cors), streamLogging),
//	)
//
// # What it refuses
//
// Calls that the policy refuses end as PermissionDenied, with the text "corsrpc:
// " and the Reason. Their handler does not run, and OnDecision is called. Calls
// are judged by the rules of [corsrpc.Policy.Wrap], from these metadata keys:
// origin, sec-fetch-site, sec-purpose, cookie and :authority. So the proxy must
// pass on Origin, Sec-Fetch-Site and Sec-Purpose, as Envoy does. If it rewrites
// :authority, name the public hosts in Config.Hosts. Otherwise the server's own
// pages are refused in browsers that do not send Sec-Fetch-Site.
//
// Calls with neither origin nor sec-fetch-site come from a non-browser client,
// or from a browser over plain HTTP. They pass untouched. So do calls to
// procedures that the policy does not govern; see [Ungoverned].
//
// grpc-go decodes the request of a unary call before it runs interceptors. For
// an unknown procedure, it responds with unimplemented and runs none.
//
// # Behind grpc-gateway
//
// A gateway that dials the server passes Origin on as grpcgateway-origin, and
// the host of the request as x-forwarded-host. The interceptors read both, so
// that pages of the gateway's own host keep working. Let the gateway also pass
// on Sec-Fetch-Site and Sec-Purpose: see [IncomingHeader].
//
// A gateway that calls an implementation in-process, through the generated
// Register…HandlerServer functions, runs no interceptor. Put
// [corsrpc.Policy.Wrap] around such a gateway, with REST set in the policy's
// Config. Do the same around every gateway that serves REST to pages of other
// origins: Wrap also responds to preflights and exposes headers.
//
// # What it strips
//
// Proxies pass response metadata on as HTTP headers. If a handler forwards the
// metadata of another server, with an access-control-allow-origin in it, the
// response carries that header twice, and browsers block the whole response. So
// in calls with an origin, the interceptors remove access-control-* from the
// header and trailer metadata that handlers set. That covers [grpc.SetHeader],
// [grpc.SendHeader], [grpc.SetTrailer] and the methods of [grpc.ServerStream].
// Metadata set by an earlier interceptor is not removed, so chain these
// interceptors first.
//
// To remove access-control-*, the interceptors replace grpc-go's stream in the
// context. As a result, [grpc.SetSendCompressor] and
// [grpc.ClientSupportedCompressors], which need the original stream, fail in the
// handlers of calls with an origin. A handler that calls these functions should
// ignore their errors and go on uncompressed. Little is lost, because browsers
// do not negotiate gRPC's compression anyway.
package corsgrpc
