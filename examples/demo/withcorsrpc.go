package main

import (
	"net/http"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// withCorsrpc lets the page call. The names of headers and trailers stand in
// the schema, next to the rpc they belong to.
func withCorsrpc(page string, api http.Handler) (http.Handler, error) {
	cors, err := corsrpc.New(corsrpc.Config{
		Origins:   []string{page},
		Audiences: map[string][]string{"storefront": {page}, "backoffice": {}},
	})
	if err != nil {
		return nil, err
	}
	return cors.Wrap(api), nil
}
