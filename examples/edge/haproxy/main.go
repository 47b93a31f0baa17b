// Command haproxy writes the policy of this example for HAProxy.
//
//	go run ./examples/edge/haproxy -o examples/edge/haproxy/corsrpc
//
// HAProxy has no include. It gets three files, in this order: haproxy.cfg with
// what all share, the policy, and frontends.cfg.
//
//	haproxy -f haproxy.cfg -f corsrpc/corsrpc.cfg -f frontends.cfg
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1" // the schema
)

func main() {
	output := flag.String("o", "corsrpc", "`directory` to write the files to")
	dir := flag.String("dir", "/etc/haproxy/corsrpc", "`directory` of the files on the machine of HAProxy")
	flag.Parse()
	export, err := newExport(*dir)
	if err != nil {
		log.Fatal(err)
	}
	if err := write(*output, export); err != nil {
		log.Fatal(err)
	}
	for _, note := range export.Notes {
		fmt.Println("note:", note)
	}
}

// newExport returns the policy as HAProxy's files.
func newExport(dir string) (*corsexport.Export, error) {
	shop := []string{"https://shop.example.com", "https://*.preview.example.com", "http://localhost:*"}
	policy, err := corsrpc.New(corsrpc.Config{
		Services:       []string{"*"},
		Origins:        shop,
		Audiences:      map[string][]string{"storefront": shop, "backoffice": {"https://console.example.com"}},
		Hosts:          []string{"api.example.com"},
		RequestHeaders: []string{"Authorization"},
		Overrides:      map[string]corsrpc.Override{"acme.shop.v1.CartService": {Credentials: corsrpc.On}},
		Resources:      map[string]corsrpc.Resource{"/assets/": {Origins: []string{"*"}}},
	})
	if err != nil {
		return nil, err
	}
	return corsexport.HAProxy(policy, corsexport.Options{
		Dir:      dir,
		Defaults: "http", // of haproxy.cfg
		Upstream: "rpc",  // likewise
	})
}

// write writes the files into a directory, and removes those of the policy that
// was there before.
func write(dir string, export *corsexport.Export) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "corsrpc*"))
	for _, name := range old {
		err = errors.Join(err, os.Remove(name))
	}
	for _, file := range export.Files {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, file.Name), file.Data, 0o644))
	}
	return err
}
