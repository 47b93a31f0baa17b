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
// Without a Backend behind the edge, Run sends only preflights and calls that
// Wrap would refuse, so that a correct edge passes nothing on to a production
// server.
//
// An edge passes if the [Report] has no difference of the classes [Opens] and
// [Loses]. Differences of class [Differs] are harmless: review them once, and
// run the test again whenever you change the edge's configuration, to see
// whether new ones appear.
//
// Requests are sent over HTTP/1.1, byte for byte, with or without TLS. So this
// package does not find what an edge does over HTTP/2 alone, nor what it does
// with WebSockets and streams.
package edgetest
