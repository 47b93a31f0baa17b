package browsertest

import (
	"context"
	"net/http"
	"sync"

	"connectrpc.com/vanguard/vanguardgrpc"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/library"
	libraryv1 "github.com/corsrpc/corsrpc-go/internal/library/gen/acme/library/v1"
)

// A gateway serves the REST bindings of proto/acme/library/v1.
type gateway struct {
	name   string // as the matrix has it
	module string // in go.mod, for its version
	rest   corsrpc.REST
	// metadata is what it puts before the names of metadata.
	metadata string
	// serve returns the library behind the gateway, without CORS.
	serve func(*library.Library) (http.Handler, error)
	// attacks are those that reach a method through it.
	attacks []gatewayAttack
}

var gateways = []*gateway{
	{
		name: "grpc-gateway", module: "github.com/grpc-ecosystem/grpc-gateway/v2",
		rest: corsrpc.RESTGateway, metadata: "grpc-metadata-",
		serve: serveGRPCGateway, attacks: grpcGatewayAttacks,
	},
	{
		name: "Vanguard", module: "connectrpc.com/vanguard",
		rest:  corsrpc.RESTTranscoding,
		serve: serveVanguard, attacks: vanguardAttacks,
	},
}

func serveGRPCGateway(books *library.Library) (http.Handler, error) {
	mux := runtime.NewServeMux()
	ctx := context.Background()
	if err := libraryv1.RegisterLibraryServiceHandlerServer(ctx, mux, books); err != nil {
		return nil, err
	}
	return mux, libraryv1.RegisterAdminServiceHandlerServer(ctx, mux, books)
}

func serveVanguard(books *library.Library) (http.Handler, error) {
	server := grpc.NewServer()
	libraryv1.RegisterLibraryServiceServer(server, books)
	libraryv1.RegisterAdminServiceServer(server, books)
	return vanguardgrpc.NewTranscoder(server)
}

// A spiedGateway serves each request with a library of its own, so that no request
// finds what another one has changed, and notes which methods run.
type spiedGateway struct {
	*gateway
	mu  sync.Mutex
	ran map[int][]string // by cell
}

func newSpiedGateway(g *gateway) *spiedGateway {
	return &spiedGateway{gateway: g, ran: map[int][]string{}}
}

func (g *spiedGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	cell := cellOf(r)
	books := library.New()
	books.OnCall = func(method string) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.ran[cell] = append(g.ran[cell], method)
	}
	handler, err := g.serve(books)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	handler.ServeHTTP(w, r)
}

// of returns the methods that have run for a cell.
func (g *spiedGateway) of(c *cell) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ran[c.id]
}

// A gatewayAttack reaches a method through a gateway that nothing guards.
type gatewayAttack struct {
	attack
	runs string // the method
}

const purge = "/v1/admin:purge" // POST, internal

// grpc-gateway takes every body for JSON, and a posted form also for a GET or, with a
// header, for any method. It decodes paths in ways of its own.
var grpcGatewayAttacks = []gatewayAttack{
	{attack{how: "beacon", path: purge, method: "POST", mode: "no-cors", origin: "page", cookie: true}, "Purge"},
	{attack{how: "fetch no-cors POST of text", path: purge, method: "POST", mode: "no-cors", origin: "page", cookie: true, script: opaque}, "Purge"},
	{attack{how: "form POST", path: purge, method: "POST", mode: "navigate", origin: "page", cookie: true}, "Purge"},
	{attack{how: "form POST of text", path: purge, method: "POST", mode: "navigate", origin: "page", cookie: true}, "Purge"},
	{attack{how: "fetch POST of JSON", path: purge, method: "POST", mode: "cors", origin: "page", preflighted: true, script: blockedFetch}, "Purge"},
	{attack{how: "beacon", path: "/v1/%61dmin%3Apurge", method: "POST", mode: "no-cors", origin: "page", cookie: true}, "Purge"},
	{attack{how: "beacon", path: "/v1/shelves/history:merge", method: "POST", mode: "no-cors", origin: "page", cookie: true}, "MergeShelves"},
	{attack{how: "beacon", path: "/v1/shelves%2Fhistory:merge", method: "POST", mode: "no-cors", origin: "page", cookie: true}, "MergeShelves"},
	{attack{how: "beacon", path: "/v1/shelves/7:merge:merge", method: "POST", mode: "no-cors", origin: "page", cookie: true}, "MergeShelves"},
	{attack{how: "beacon", path: "/v1/shelves/%00:merge", method: "POST", mode: "no-cors", origin: "page", cookie: true}, "MergeShelves"},
	{attack{how: "form POST", path: "/v1/catalog/shelves/history", method: "POST", mode: "navigate", origin: "page", cookie: true}, "GetShelf"},
	{attack{
		how: "fetch POST of a form, another method in a header", path: "/v1/shelves/history", method: "POST", mode: "cors", origin: "page", preflighted: true,
		script: blockedFetch,
	}, "DeleteShelf"},
	{attack{how: "image", path: "/v1/shelves/history", method: "GET", mode: "no-cors", cookie: true}, "GetShelf"},
	{attack{how: "frame", path: "/v1/shelves", method: "GET", mode: "navigate", cookie: true}, "ListShelves"},
}

// Vanguard takes a body without a type for JSON.
var vanguardAttacks = []gatewayAttack{
	{attack{how: "beacon of a Blob", path: purge, method: "POST", mode: "no-cors", origin: "page", cookie: true}, "Purge"},
	{attack{how: "fetch no-cors POST of a Blob", path: purge, method: "POST", mode: "no-cors", origin: "page", cookie: true, script: opaque}, "Purge"},
	{attack{how: "fetch POST of JSON", path: purge, method: "POST", mode: "cors", origin: "page", preflighted: true, script: blockedFetch}, "Purge"},
	{attack{how: "beacon of a Blob", path: "/v1/%61dmin%3Apurge", method: "POST", mode: "no-cors", origin: "page", cookie: true}, "Purge"},
	{attack{how: "beacon of a Blob", path: "/v1/shelves/history:merge", method: "POST", mode: "no-cors", origin: "page", cookie: true}, "MergeShelves"},
	{attack{how: "beacon of a Blob", path: "/v1/shelves%2Fhistory:merge", method: "POST", mode: "no-cors", origin: "page", cookie: true}, "MergeShelves"},
	{attack{how: "beacon of a Blob", path: "/v1/shelves/%00:merge", method: "POST", mode: "no-cors", origin: "page", cookie: true}, "MergeShelves"},
	{attack{how: "beacon of a Blob", path: "/v1/shelves/:merge", method: "POST", mode: "no-cors", origin: "page", cookie: true}, "MergeShelves"},
	{attack{how: "image", path: "/v1/shelves/history", method: "GET", mode: "no-cors", cookie: true}, "GetShelf"},
	{attack{how: "frame", path: "/v1/shelves", method: "GET", mode: "navigate", cookie: true}, "ListShelves"},
}

// title returns the row of the matrix.
func (a *gatewayAttack) title() string { return a.how + ", " + a.path }

// A link is a request to a GET binding of another site's page, without Origin.
type link struct {
	name, path string
	navigates  bool // the whole page goes there
	runs       string
}

var links = []link{
	{"callback of a sign-in", "/v1/signin:finish?code=open%20sesame", true, "FinishSignIn"},
	{"link to a download", "/v1/archive/letters/1887.txt", true, "Download"},
	{"image", "/v1/shelves/history/books/spqr/cover", false, "GetCover"},
}
