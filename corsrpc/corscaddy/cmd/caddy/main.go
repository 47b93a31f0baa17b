// Caddy is Caddy with its standard modules and http.handlers.corsrpc:
//
//	go install github.com/corsrpc/corsrpc-go/corsrpc/corscaddy/cmd/caddy@latest
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/corsrpc/corsrpc-go/corsrpc/corscaddy"
)

func main() { caddycmd.Main() }
