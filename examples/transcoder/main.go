// Transcoder puts Vanguard in front of a grpc-go server, so that pages can call
// it with REST, Connect and gRPC-Web, all behind one Wrap.
//
//	cd examples/transcoder && go run .
//
// Vanguard finds the REST bindings in the schema, and so does the policy:
//
//	curl -i -H 'Origin: https://reader.example.com' localhost:8080/v1/shelves/history
//	curl -i -X POST -H 'Origin: https://evil.test' localhost:8080/v1/admin:purge
//
// Wrap protects what is behind it. A server that can also be reached around Wrap
// needs the interceptors of corsgrpc as well: Vanguard hands Origin, Sec-Fetch-Site
// and Host on, so both make the same decision. But they see the procedure and not
// the binding, so they refuse the requests that Links lets pass.
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

	"connectrpc.com/vanguard/vanguardgrpc"
	"google.golang.org/grpc"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/library"
	libraryv1 "github.com/corsrpc/corsrpc-go/internal/library/gen/acme/library/v1"
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
		REST:        corsrpc.RESTTranscoding,
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

// newServices returns the library's services behind Vanguard, without CORS.
func newServices(books *library.Library, options ...grpc.ServerOption) (http.Handler, error) {
	server := grpc.NewServer(options...)
	libraryv1.RegisterLibraryServiceServer(server, books)
	libraryv1.RegisterAdminServiceServer(server, books)
	return vanguardgrpc.NewTranscoder(server)
}
