package main

import (
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/library"
	libraryv1 "github.com/corsrpc/corsrpc-go/internal/library/gen/acme/library/v1"
	"github.com/corsrpc/corsrpc-go/internal/library/gen/acme/library/v1/libraryv1connect"
	"github.com/corsrpc/corsrpc-go/internal/library/librarytest"
)

var gateway = librarytest.Gateway{
	NewServices: newServices,
	NewConfig:   newConfig,
	Metadata:    "Grpc-Metadata-",
}

func TestBindings(t *testing.T) { gateway.TestBindings(t) }

func TestLinks(t *testing.T) { gateway.TestLinks(t) }

func TestPreflights(t *testing.T) {
	gateway.TestPreflights(t, "Content-Type, Grpc-Metadata-X-Library-Card, Grpc-Timeout, X-Library-Card")
}

// grpc-gateway takes any body for JSON.
func TestAttacks(t *testing.T) {
	gateway.TestAttacks(t, []librarytest.Attack{
		{Name: "the internal method", Path: "/v1/admin:purge", ContentType: "text/plain"},
		{Name: "the internal method, escaped", Path: "/v1/%61dmin%3Apurge", ContentType: "text/plain"},
		{Name: "a change", Path: "/v1/shelves/history:merge", ContentType: "text/plain"},
		{Name: "a change, without a type", Path: "/v1/shelves/history:merge", ContentType: "none"},
		{Name: "an escaped slash", Path: "/v1/shelves%2Fhistory:merge", ContentType: "text/plain"},
		{Name: "a verb twice", Path: "/v1/shelves/7:merge:merge", ContentType: "text/plain"},
		{Name: "a null byte", Path: "/v1/shelves/%00:merge", ContentType: "text/plain"},
		{Name: "a form, served as GET", Path: "/v1/catalog/shelves/history", ContentType: "application/x-www-form-urlencoded"},
		{Name: "an image", Path: "/v1/shelves/history", ContentType: ""},
	})
}

// Each procedure and each binding, in one call. No method runs.
func TestCheck(t *testing.T) {
	t.Parallel()
	cors, err := corsrpc.New(newConfig())
	require.NoError(t, err)
	services, err := newServices(library.New())
	require.NoError(t, err)
	protocols := corstest.WithProtocols(corstest.Connect, corstest.ConnectGET, corstest.GRPCWeb, corstest.RESTGateway)
	require.NoError(t, corstest.Check(cors.Wrap(services), librarytest.Reader, protocols, corstest.WithCredentials(corstest.CredentialsInclude)).Err())
	// Pages of other sites can link to the methods that have Links.
	const service = "acme.library.v1.LibraryService"
	links := corstest.WithLinks(service+".GetCover", service+".Download", service+".FinishSignIn")
	require.NoError(t, corstest.Check(cors.Wrap(services), librarytest.Evil, protocols, corstest.WithNoAccess(), links).Err())
}

// The same page calls the same methods as RPC.
func TestConnect(t *testing.T) {
	t.Parallel()
	cors, err := corsrpc.New(newConfig())
	require.NoError(t, err)
	services, err := newServices(library.New())
	require.NoError(t, err)
	page := corstest.NewBrowser(librarytest.Reader, corstest.WithHandler(cors.Wrap(services)))
	client := libraryv1connect.NewLibraryServiceClient(page.Client(), librarytest.Server)

	ctx, call := connect.NewClientContext(t.Context())
	call.RequestHeader().Set("X-Library-Card", "7")
	_, err = client.CreateShelf(ctx, &libraryv1.CreateShelfRequest{Shelf: &libraryv1.Shelf{Name: "shelves/history"}})
	var failure *connect.Error
	require.ErrorAs(t, err, &failure)
	assert.Equal(t, connect.CodeAlreadyExists, failure.Code())
	assert.Equal(t, []string{"shelves/history-2"}, failure.Meta().Values("X-Retry-Hint"))
	assert.Equal(t, []string{"library-1"}, failure.Meta().Values("X-Request-Id"))
	require.NoError(t, page.Err())
}

// A server that forgets to say how its bindings are served does not start.
func TestRESTMustBeSet(t *testing.T) {
	t.Parallel()
	config := newConfig()
	config.REST = corsrpc.RESTUnspecified
	_, err := corsrpc.New(config)
	assert.ErrorContains(t, err, `write RESTGateway`)
}
