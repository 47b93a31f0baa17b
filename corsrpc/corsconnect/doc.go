// Package corsconnect applies a [corsrpc.Policy] inside connect-go handlers,
// where two things can be done that an http.Handler around them cannot do.
//
// [Gate] refuses calls where CORS headers are written elsewhere, by a proxy or
// a gateway, which then does not have to be trusted to stop anything. Behind
// [corsrpc.Policy.Wrap] it is not needed, and would tell OnDenied a second time
// of calls that reach it.
//
// [Interceptor] lets pages read exactly what a handler sends, whether it was
// declared or not, and keeps CORS headers of other servers out of answers. It
// is of use behind Wrap as well as behind a proxy. Behind a proxy, then:
//
//	mux.Handle(shopv1connect.NewCartServiceHandler(cart,
//		corsconnect.Gate(cors),
//		connect.WithInterceptors(corsconnect.Interceptor(cors), logging),
//	))
//
// Neither answers preflights: Connect hands no OPTIONS request to gates and
// interceptors. Wrap does, or the proxy.
package corsconnect
