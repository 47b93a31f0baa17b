package main

import (
	"net/http"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsgrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/library"
	libraryv1 "github.com/corsrpc/corsrpc-go/internal/library/gen/acme/library/v1"
	"github.com/corsrpc/corsrpc-go/internal/library/gen/acme/library/v1/libraryv1connect"
	"github.com/corsrpc/corsrpc-go/internal/library/librarytest"
)

var gateway = librarytest.Gateway{
	NewServices: func(books *library.Library) (http.Handler, error) { return newServices(books) },
	NewConfig:   newConfig,
}

func TestBindings(t *testing.T) { gateway.TestBindings(t) }

func TestLinks(t *testing.T) { gateway.TestLinks(t) }

func TestPreflights(t *testing.T) {
	gateway.TestPreflights(t, "Content-Type, Grpc-Timeout, X-Library-Card, X-Server-Timeout")
}

// Vanguard takes a body without a type for JSON.
func TestAttacks(t *testing.T) {
	gateway.TestAttacks(t, []librarytest.Attack{
		{Name: "the internal method", Path: "/v1/admin:purge", ContentType: "none"},
		{Name: "the internal method, escaped", Path: "/v1/%61dmin%3Apurge", ContentType: "none"},
		{Name: "a change", Path: "/v1/shelves/history:merge", ContentType: "none"},
		{Name: "an escaped slash", Path: "/v1/shelves%2Fhistory:merge", ContentType: "none"},
		{Name: "a null byte", Path: "/v1/shelves/%00:merge", ContentType: "none"},
		{Name: "an empty segment", Path: "/v1/shelves//books/7", ContentType: ""},
		{Name: "an image", Path: "/v1/shelves/history", ContentType: ""},
	})
}

// Each procedure and each binding, in one call. No method runs.
func TestCheck(t *testing.T) {
	t.Parallel()
	cors, err := corsrpc.New(newConfig())
	require.NoError(t, err)
	services, err := newServices(library.New(), interceptors(cors)...)
	require.NoError(t, err)
	protocols := corstest.WithProtocols(corstest.Connect, corstest.ConnectGET, corstest.GRPCWeb, corstest.RESTTranscoding)
	require.NoError(t, corstest.Check(cors.Wrap(services), librarytest.Reader, protocols, corstest.WithCredentials(corstest.CredentialsInclude)).Err())
	// Pages of other sites can link to the methods that have Links.
	const service = "acme.library.v1.LibraryService"
	links := corstest.WithLinks(service+".GetCover", service+".Download", service+".FinishSignIn")
	require.NoError(t, corstest.Check(cors.Wrap(services), librarytest.Evil, protocols, corstest.WithNoAccess(), links).Err())
}

// The same page calls the same methods as RPC.
func TestConnectAndGRPCWeb(t *testing.T) {
	t.Parallel()
	cors, err := corsrpc.New(newConfig())
	require.NoError(t, err)
	services, err := newServices(library.New(), interceptors(cors)...)
	require.NoError(t, err)
	for name, options := range map[string][]connect.ClientOption{"Connect": nil, "gRPC-Web": {connect.WithGRPCWeb()}} {
		page := corstest.NewBrowser(librarytest.Reader, corstest.WithHandler(cors.Wrap(services)))
		client := libraryv1connect.NewLibraryServiceClient(page.Client(), librarytest.Server, options...)

		ctx, call := connect.NewClientContext(t.Context())
		call.RequestHeader().Set("X-Library-Card", "7")
		_, err = client.CreateShelf(ctx, &libraryv1.CreateShelfRequest{Shelf: &libraryv1.Shelf{Name: "shelves/history"}})
		var failure *connect.Error
		require.ErrorAs(t, err, &failure, name)
		assert.Equal(t, connect.CodeAlreadyExists, failure.Code(), name)
		assert.Equal(t, []string{"shelves/history-2"}, failure.Meta().Values("X-Retry-Hint"), name)
		require.NoError(t, page.Err(), name)
	}
}

func interceptors(cors *corsrpc.Policy) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(corsgrpc.UnaryServerInterceptor(cors)),
		grpc.ChainStreamInterceptor(corsgrpc.StreamServerInterceptor(cors)),
	}
}

// The interceptors alone refuse what Wrap refuses: Vanguard hands on what they go
// by.
func TestInterceptorsBehindVanguard(t *testing.T) {
	t.Parallel()
	cors, err := corsrpc.New(newConfig())
	require.NoError(t, err)
	var calls []string
	books := library.New()
	books.OnCall = func(method string) { calls = append(calls, method) }
	services, err := newServices(books, interceptors(cors)...)
	require.NoError(t, err)
	for _, test := range []struct {
		origin string
		calls  []string
	}{
		{librarytest.Reader, []string{"GetBook"}},
		{librarytest.Server, []string{"GetBook"}},
		{librarytest.Evil, nil},
	} {
		calls = nil
		page := corstest.NewBrowser(test.origin, corstest.WithHandler(services))
		// Nobody writes CORS headers, so that the response is blocked.
		_, _ = page.Fetch(t.Context(), corstest.Request{Method: "GET", URL: librarytest.Server + "/v1/shelves/history/books/spqr"})
		assert.Equal(t, test.calls, calls, test.origin)
	}
}
