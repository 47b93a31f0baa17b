// Package corsdebug shows operators what a [corsrpc.Policy] does.
//
// [Handler] serves a page with the policy's rules, the source of each
// permission, and recent denials, each with the change that would have allowed
// the request. It also has a form for trying a request. A [Recorder] gathers the
// denials. [Compare] judges real traffic by a second policy too, and reports
// where the two differ.
//
//	recorder := corsdebug.NewRecorder(200)
//	cors, err := corsrpc.New(corsrpc.Config{
//		Origins:    []string{"https://app.example.com"},
//		OnDecision: corsrpc.JoinHooks(recorder.Record, corsrpc.LogDenied(nil)),
//	})
//	…
//	go func() { log.Fatal(http.ListenAndServe("localhost:6060", corsdebug.Handler(cors, recorder))) }()
//
// The page shows every origin, header name and path of the policy. Serve it on a
// listener that only operators can reach.
package corsdebug
