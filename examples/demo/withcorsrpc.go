package main

import (
	"net/http"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdebug"
)

// withCorsrpc lets the page call. The names of headers and trailers stand in
// the schema, next to the rpc they belong to. The debug page shows the policy,
// and what it denies.
func withCorsrpc(page string, api http.Handler) (wrapped, debugPage http.Handler, err error) {
	denials := corsdebug.NewRecorder(200)
	cors, err := corsrpc.New(corsrpc.Config{
		Origins:    []string{page},
		Audiences:  map[string][]string{"storefront": {page}, "backoffice": {}},
		OnDecision: denials.Record,
	})
	if err != nil {
		return nil, nil, err
	}
	return cors.Wrap(api), corsdebug.Handler(cors, denials), nil
}
