// Package corsgrpc applies a [corsrpc.Policy] inside grpc-go servers that pages
// reach through a gRPC-Web proxy, which responds to preflights and writes CORS
// headers, or through [grpc.Server.ServeHTTP]:
//
//	server := grpc.NewServer(
//		grpc.ChainUnaryInterceptor(corsgrpc.UnaryServerInterceptor(cors), logging),
//		grpc.ChainStreamInterceptor(corsgrpc.StreamServerInterceptor(cors), streamLogging),
//	)
//
// # What it refuses
//
// Calls that the policy refuses end as PermissionDenied, with the text
// "corsrpc: " and the Reason, and their handler does not run; OnDecision is called.
// They are judged by the rules of [corsrpc.Policy.Wrap], from the metadata
// origin, sec-fetch-site, sec-purpose, cookie and :authority. So the proxy must
// hand on Origin, Sec-Fetch-Site and Sec-Purpose, as Envoy does. If it rewrites :authority, name the
// public hosts in Hosts of the policy's Config, or browsers that do not send
// Sec-Fetch-Site are refused on the server's own pages.
//
// Calls with neither origin nor sec-fetch-site come from no browser. They pass
// untouched, and so do procedures that the policy does not govern; see
// [Ungoverned].
//
// grpc-go decodes the request of a unary call before it runs interceptors, and
// responds with unimplemented, without running them, if it finds no procedure.
//
// # Behind grpc-gateway
//
// A gateway that dials the server hands Origin on as grpcgateway-origin, and the
// host of the request as x-forwarded-host. Both are understood, so that pages of
// the gateway's own host keep working. Let the gateway also hand on Sec-Fetch-Site
// and Sec-Purpose: see [IncomingHeader].
//
// A gateway that calls an implementation in-process, by the generated functions
// Register…HandlerServer, runs no interceptor. There, and wherever a gateway
// serves REST to pages of other origins, put [corsrpc.Policy.Wrap] around it, with
// REST set in the policy's Config: it also responds to preflights and exposes headers.
//
// # What it strips
//
// Proxies pass metadata on as header fields. If a handler forwards the
// metadata of another server, with an access-control-allow-origin in it, the
// response carries that header twice, and browsers block the whole response.
// So in calls with an origin, access-control-* is taken out of the header and
// trailer metadata that handlers set, by [grpc.SetHeader], [grpc.SendHeader]
// and [grpc.SetTrailer] as well as by the methods of [grpc.ServerStream].
// Metadata set by interceptors that run before those of this package cannot be
// reached and stays, so chain these first.
//
// grpc-go lets metadata be intercepted only by replacing its stream in the
// context. The price is that [grpc.SetSendCompressor] and
// [grpc.ClientSupportedCompressors], which want the stream itself, fail in the
// handlers of calls with an origin. Browsers cannot ask for gRPC's
// compression; a handler that calls these functions should ignore their errors
// and go on uncompressed.
package corsgrpc
