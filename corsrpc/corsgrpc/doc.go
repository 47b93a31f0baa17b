// Package corsgrpc applies a [corsrpc.Policy] inside grpc-go servers that pages
// reach through a gRPC-Web proxy, which answers preflights and writes CORS
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
// "corsrpc: " and the Reason, and their handler does not run; OnDenied is told.
// They are judged by the rules of [corsrpc.Policy.Wrap], from the metadata
// origin, sec-fetch-site, cookie and :authority. So the proxy must hand on
// Origin and Sec-Fetch-Site, as Envoy does. If it rewrites :authority, name the
// public hosts in Hosts of the policy's Config, or browsers that do not send
// Sec-Fetch-Site are refused on the server's own pages.
//
// Calls with neither origin nor sec-fetch-site come from no browser. They pass
// untouched, and so do procedures that the policy does not govern; see
// [Ungoverned].
//
// grpc-go decodes the request of a unary call before it runs interceptors, and
// answers unimplemented without running them where it finds no procedure.
//
// # What it strips
//
// Proxies pass metadata on as header fields. If a handler forwards that of
// another server with an access-control-allow-origin in it, the answer has two,
// and browsers refuse it whole. So in calls with an origin, access-control-* is
// taken out of the header and trailer metadata that handlers set, by
// [grpc.SetHeader], [grpc.SendHeader] and [grpc.SetTrailer] as well as by the
// methods of [grpc.ServerStream]. What interceptors outside of these set cannot
// be reached and stays: chain them first.
//
// grpc-go lets metadata be intercepted only by replacing its stream in the
// context. The price is that [grpc.SetSendCompressor] and
// [grpc.ClientSupportedCompressors], which want the stream itself, fail in the
// handlers of calls with an origin. Browsers cannot ask for gRPC's compression;
// a handler that calls them should go on without.
package corsgrpc
