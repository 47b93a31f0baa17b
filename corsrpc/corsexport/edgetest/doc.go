// Package edgetest sends requests to a live edge (a proxy or gateway that
// runs an exported policy) and compares every response with the one that
// [corsrpc.Policy.Wrap] would give.
//
// Point the edge's upstream at a [Backend] and call [Run]:
//
//	backend := new(edgetest.Backend)
//	go http.Serve(listener, backend) // where the edge looks for its upstream
//	report, err := edgetest.Run(ctx, "https://edge.example.com", policy, edgetest.Options{Backend: backend})
//	fmt.Print(report)
//
// Without a Backend behind the edge, Run sends only requests that a correct edge
// does not pass on: preflights, which it answers itself, and calls that Wrap
// would refuse. So a production server behind it sees nothing.
//
// An edge passes if the [Report] contains no differences of class [Opens] or
// [Loses]. Differences of class [Differs] are harmless: review them once, and
// run the test again whenever you change the edge's configuration, to see
// whether new ones appear.
//
// Requests are sent over HTTP/1.1, byte for byte, with or without TLS. So this
// package does not detect behavior that is specific to HTTP/2, and it does not
// test WebSockets or streams.
package edgetest
