// Routers shows the one right way to put corsrpc around routers, proxies and
// other protections: Wrap is outermost.
//
//	cd examples/routers && go run . -router chi
//
// Each file is one case: chi.go, gin.go, echo.go, crossorigin.go, timeout.go,
// and, with another server behind it, proxy.go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

var routers = map[string]func(*corsrpc.Policy) http.Handler{
	"chi":         withChi,
	"gin":         withGin,
	"echo":        withEcho,
	"crossorigin": withCrossOriginProtection,
	"timeout":     withTimeout,
}

func main() {
	router := flag.String("router", "chi", strings.Join(slices.Sorted(maps.Keys(routers)), ", "))
	addr := flag.String("addr", "localhost:8080", "where to listen")
	flag.Parse()
	newRouter, ok := routers[*router]
	if !ok {
		log.Fatalf("no router %q; -router takes one of %s", *router, slices.Sorted(maps.Keys(routers)))
	}
	cors, err := newPolicy()
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: *addr, Handler: newRouter(cors), Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Printf("the shop, routed by %s, is on http://%s\n", *router, *addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

// newPolicy lets one page call the services that are mounted, and put photos
// beside them.
func newPolicy() (*corsrpc.Policy, error) {
	const page = "http://localhost:3000"
	return corsrpc.New(corsrpc.Config{
		Services:  []string{shopv1connect.CatalogServiceName, shopv1connect.CartServiceName},
		Origins:   []string{page},
		Audiences: map[string][]string{"storefront": {page}, "backoffice": {}},
		Resources: map[string]corsrpc.Resource{
			"/photos/{id}": {Origins: []string{page}, Methods: []string{"PUT"}, RequestHeaders: []string{"Content-Type"}},
		},
	})
}

// photo is a plain HTTP handler, as any server has beside its services.
func photo(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, "photo", r.Method)
}
