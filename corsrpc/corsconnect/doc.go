// Package corsconnect applies a [corsrpc.Policy] inside connect-go handlers,
// where it can do two things that an http.Handler around them cannot.
//
// [WithGate] refuses calls inside the server. It is for servers behind a proxy
// or a gateway that writes the CORS headers: the server then does not depend on
// the proxy to stop calls. Directly behind [corsrpc.Policy.Wrap] it is not
// needed, and OnDecision would be called twice for each call. It is needed if a
// transcoder stands between Wrap and the Connect handler and serves procedures
// under paths that Wrap does not know.
//
// [NewInterceptor] lets pages read exactly what a handler sends, declared or
// not. It also removes CORS headers that a handler copied from another server's
// response. It is useful behind Wrap as well as behind a proxy. Behind a proxy:
//
//	mux.Handle(shopv1connect.NewCartServiceHandler(cart,
//		corsconnect.WithGate(cors),
//		connect.WithInterceptors(corsconnect.NewInterceptor(cors), logging),
//	))
//
// Neither WithGate nor NewInterceptor responds to preflights, because Connect
// does not pass OPTIONS requests to them. Wrap or the proxy responds to them.
package corsconnect
