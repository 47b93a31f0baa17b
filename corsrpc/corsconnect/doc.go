// Package corsconnect applies a [corsrpc.Policy] inside connect-go handlers,
// where two things can be done that an http.Handler around them cannot do.
//
// [WithGate] is for servers whose CORS headers a proxy or a gateway writes: it
// refuses calls inside the server, so that the proxy need not be trusted to
// stop anything. Directly behind [corsrpc.Policy.Wrap] it is not needed, and
// OnDecision would be called twice for calls that reach it. It is needed where
// a transcoder between Wrap and the Connect handler serves procedures under
// paths that Wrap does not know.
//
// [NewInterceptor] lets pages read exactly what a handler sends, whether it was
// declared or not, and keeps CORS headers of other servers out of responses. It
// is useful behind Wrap as well as behind a proxy. Behind a proxy:
//
//	mux.Handle(shopv1connect.NewCartServiceHandler(cart,
//		corsconnect.WithGate(cors),
//		connect.WithInterceptors(corsconnect.NewInterceptor(cors), logging),
//	))
//
// Neither responds to preflights, since Connect passes no OPTIONS request to gates
// and interceptors. Wrap does, or the proxy.
package corsconnect
