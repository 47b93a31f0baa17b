// Package corsdebug shows what a [corsrpc.Policy] does, to the people who run
// it: a page with the rules and where they come from, with recent denials and
// what would allow them, and with a form to try a request. [Compare] judges
// real traffic by a second policy that is under consideration, too, and
// reports where the two differ.
//
//	recorder := corsdebug.NewRecorder(200)
//	cors, err := corsrpc.New(corsrpc.Config{
//		Origins:    []string{"https://app.example.com"},
//		OnDecision: corsrpc.JoinHooks(recorder.Record, corsrpc.LogDenied(nil)),
//	})
//	…
//	go http.ListenAndServe("localhost:6060", corsdebug.Handler(cors, recorder))
//
// The page shows every origin, header name and path of the policy. It belongs on
// a listener that only operators reach.
package corsdebug
