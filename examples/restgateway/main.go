// Restgateway serves the same methods as REST, through grpc-gateway, and as RPC,
// through connect-go, behind one Wrap.
//
//	cd examples/restgateway && go run .
//
// The REST bindings of the schema get the permissions of their methods. Nothing
// is listed by hand, and the internal method cannot be reached under its REST
// path either:
//
//	curl -i -X POST -H 'Origin: https://evil.test' -H 'Content-Type: text/plain' -d '{}' localhost:8080/v1/admin:purge
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/library"
	libraryv1 "github.com/corsrpc/corsrpc-go/internal/library/gen/acme/library/v1"
	"github.com/corsrpc/corsrpc-go/internal/library/gen/acme/library/v1/libraryv1connect"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "where to listen")
	flag.Parse()
	cors, err := corsrpc.New(newConfig())
	if err != nil {
		log.Fatal(err)
	}
	services, err := newServices(library.New())
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: *addr, Handler: cors.Wrap(services), Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Printf("the library is on http://%s/v1/shelves\n", *addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

// newConfig lets one page call the library with its readers' cookies.
func newConfig() corsrpc.Config {
	const service = "acme.library.v1.LibraryService"
	return corsrpc.Config{
		Origins:     []string{"https://reader.example.com"},
		Credentials: true,
		Services:    []string{service, "acme.library.v1.AdminService"},
		REST:        corsrpc.RESTGateway,
		Overrides: map[string]corsrpc.Override{
			// Other sites can show covers, link to downloads and send
			// readers back from signing in: browsers send no Origin
			// with these.
			service + ".GetCover":     {Links: corsrpc.On},
			service + ".Download":     {Links: corsrpc.On},
			service + ".FinishSignIn": {Links: corsrpc.On},
		},
		OnDecision: corsrpc.LogDenied(nil),
	}
}

// newServices returns the library's services, without CORS.
//
// The gateway calls the library in-process, past all interceptors of a server:
// Wrap alone protects it.
func newServices(books *library.Library) (http.Handler, error) {
	gateway := runtime.NewServeMux()
	ctx := context.Background()
	if err := errors.Join(
		libraryv1.RegisterLibraryServiceHandlerServer(ctx, gateway, books),
		libraryv1.RegisterAdminServiceHandlerServer(ctx, gateway, books),
	); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(libraryv1connect.NewLibraryServiceHandler(books))
	mux.Handle(libraryv1connect.NewAdminServiceHandler(books))
	mux.Handle("/v1/", gateway)
	return mux, nil
}
