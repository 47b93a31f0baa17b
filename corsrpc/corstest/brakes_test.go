package corstest_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// overGRPC serves gRPC-Web with grpc-go, as far as a check sees of it: proxies
// rename the content type, and put the trailers among the headers where there is
// no message.
func overGRPC(server *grpc.Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Content-Type", strings.Replace(r.Header.Get("Content-Type"), "application/grpc-web", "application/grpc", 1))
		server.ServeHTTP(unflushed{w}, r)
	})
}

// unflushed has headers and trailers sent at the end, together.
type unflushed struct{ http.ResponseWriter }

func (unflushed) Flush() {}

func (w unflushed) WriteHeader(status int) {
	if status != http.StatusOK {
		w.ResponseWriter.WriteHeader(status)
	}
}

func newGRPCServer(options ...grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(options...)
	shop.RegisterGRPC(server)
	return server
}

// spiedGRPC counts the calls that come as far as an interceptor.
func spiedGRPC(calls *atomic.Int32) *grpc.Server {
	return newGRPCServer(
		grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			calls.Add(1)
			return handler(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			calls.Add(1)
			return handler(srv, stream)
		}),
	)
}

// grpc-go takes an unknown codec for protobuf, and does not demand a timeout.
func TestCheckRunsNoHandlerOfGRPC(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		cors handCORS
		opts []corstest.CheckOption
	}{
		"everything is allowed":    {handCORS{origin: "*", allow: protocolHeaders + ", " + everyMetadata, expose: everyExposed}, []corstest.CheckOption{corstest.WithAudiences("storefront", "backoffice")}},
		"timeouts are not allowed": {handCORS{origin: "*", allow: "Content-Type, X-Grpc-Web, X-User-Agent"}, []corstest.CheckOption{corstest.WithAudiences("storefront", "backoffice")}},
		"nothing is allowed":       {handCORS{}, []corstest.CheckOption{corstest.WithAudiences("storefront", "backoffice")}},
		"a stranger":               {handCORS{origin: "*", allow: "Content-Type"}, []corstest.CheckOption{corstest.WithNoAccess()}},
		"a stranger with a token": {handCORS{origin: "*", allow: "Content-Type, Authorization"}, []corstest.CheckOption{
			corstest.WithNoAccess(), corstest.WithMetadata(http.Header{"Authorization": {"Bearer ada"}}), corstest.WithCookies(&http.Cookie{Name: "session", Value: "ada"}),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			r := corstest.Check(row.cors.wrap(overGRPC(spiedGRPC(&calls))), pageOrigin, append(row.opts, corstest.WithProtocols(corstest.GRPCWeb))...)
			assert.Len(t, r.Results, 12)
			assert.Zero(t, calls.Load(), "handlers ran")
		})
	}
}

func TestCheckRunsNoHandlerOfConnect(t *testing.T) {
	t.Parallel()
	for _, allow := range []string{"*", "Content-Type", protocolHeaders, ""} {
		var calls atomic.Int32
		handler := handCORS{origin: "*", allow: allow}.wrap(spied(&calls))
		corstest.Check(handler, pageOrigin, corstest.WithAudiences("storefront"))
		corstest.Check(handler, pageOrigin, corstest.WithNoAccess(), corstest.WithMetadata(http.Header{"Authorization": {"Bearer ada"}}))
		assert.Zero(t, calls.Load(), "handlers ran, with %q allowed", allow)
	}
}

// Any one brake stops the servers that are known; unknown ones are sent all.
func TestCheckBrakesEveryRequest(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(allowOrigin, "*")
		w.Header().Set(allowHeaders, "Content-Type, X-Grpc-Web")
		if isPreflight(r) {
			return
		}
		requests.Add(1)
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		timeout, compression := r.Header.Get("Connect-Timeout-Ms"), r.Header.Get("Content-Encoding")
		switch {
		case r.Method == http.MethodGet:
			assert.Equal(t, "corstest", r.URL.Query().Get("encoding"))
			compression = r.URL.Query().Get("compression")
		case strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc-web"):
			assert.Equal(t, "application/grpc-web+corstest", r.Header.Get("Content-Type"))
			timeout, compression = r.Header.Get("Grpc-Timeout"), r.Header.Get("Grpc-Encoding")
			assert.Equal(t, "\x01\xff\xff\xff\xff", string(body))
		default:
			assert.Contains(t, []string{"application/corstest", "application/connect+corstest", "text/plain"}, r.Header.Get("Content-Type"))
			assert.Equal(t, "corstest", r.Header.Get("Connect-Content-Encoding"))
			assert.NotEmpty(t, body)
		}
		if r.Header.Get("Origin") != "" || r.Header.Get("Grpc-Encoding") == "" {
			assert.Equal(t, "none", timeout)
		} // grpc-go, asked for which services it has, looks at it too early
		assert.Equal(t, "corstest", compression)
		http.Error(w, "no", http.StatusUnsupportedMediaType)
	})
	audiences := corstest.WithAudiences("storefront")
	corstest.Check(handler, pageOrigin, audiences)
	corstest.Check(handler, pageOrigin, corstest.WithNoAccess(), corstest.WithMetadata(http.Header{"Authorization": {"Bearer ada"}}))
	assert.Greater(t, requests.Load(), int32(100))
}

// What a server says of the brakes alone does not show whether it has the
// procedure.
func TestCheckFindsWhichServicesGRPCServes(t *testing.T) {
	t.Parallel()
	cors := handCORS{origin: "*", allow: protocolHeaders + ", " + everyMetadata, expose: everyExposed}
	web := corstest.WithProtocols(corstest.GRPCWeb)
	r := corstest.Check(cors.wrap(overGRPC(grpc.NewServer())), pageOrigin, web, corstest.WithAudiences())
	assert.ElementsMatch(t, []string{cartService, catalogService, "acme.shop.v1.AdminService", "acme.shop.v1.WarehouseService"}, r.NotServed)
	require.ErrorContains(t, r.Err(), "has none of the linked services")

	r = corstest.Check(cors.wrap(overGRPC(newGRPCServer())), pageOrigin, web, corstest.WithServices(catalogService))
	assert.Empty(t, r.NotServed)
	require.NoError(t, r.Err())
}

// Vanguard takes a POST without Connect-Protocol-Version for REST.
func TestCheckFindsServicesBehindServersThatWantTheProtocolsHeaders(t *testing.T) {
	t.Parallel()
	next := handCORS{origin: "*", allow: protocolHeaders + ", " + everyMetadata, expose: everyExposed}.wrap(shop.NewHandler())
	r := corstest.Check(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.Header.Get("Connect-Protocol-Version") == "" {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}), pageOrigin, corstest.WithServices(catalogService), corstest.WithProtocols(corstest.Connect))
	require.NoError(t, r.Err())
	assert.Len(t, r.Results, 3)
}

// A stranger's page chooses for itself whether cookies go along.
func TestWithCredentialsIsNotForStrangers(t *testing.T) {
	t.Parallel()
	handler := handCORS{origin: "*", allow: protocolHeaders}.wrap(shop.NewHandler())
	r := corstest.Check(handler, pageOrigin, corstest.WithNoAccess(), corstest.WithCredentials(corstest.CredentialsInclude))
	for _, result := range r.Results {
		assert.True(t, result.Runs, "%s over %s", result.Procedure, result.Protocol)
	}
}

// Servers of pages respond to every unknown path with the same page.
func TestCheckTakesNoPageForAService(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!doctype html>") })
	mux.Handle(shopv1connect.NewCatalogServiceHandler(shop.Catalog{}))
	cors := handCORS{origin: "*", allow: protocolHeaders, expose: everyExposed}
	r := corstest.Check(cors.wrap(mux), pageOrigin, corstest.WithAudiences())
	require.NoError(t, r.Err())
	assert.Equal(t, []string{"acme.shop.v1.AdminService", cartService, warehouse}, r.NotServed)
	assert.Len(t, r.Results, 7)
}

func TestWithProtocols(t *testing.T) {
	t.Parallel()
	// What grpc-go responds to Connect is not CORS's.
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		web := overGRPC(newGRPCServer())
		if strings.Contains(r.Header.Get("Access-Control-Request-Headers"), "x-grpc-web") || strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc-web") {
			web = handCORS{origin: "*", allow: protocolHeaders + ", " + everyMetadata, expose: everyExposed}.wrap(web)
		}
		web.ServeHTTP(w, r)
	})
	service := corstest.WithServices(catalogService)
	r := corstest.Check(handler, pageOrigin, service)
	assert.Len(t, failures(r), 4)
	require.ErrorContains(t, r.Err(), "or, if the server does not serve Connect, leave that out: WithProtocols\n")
	require.ErrorContains(t, r.Err(), "or, if the server does not serve Connect GET, leave that out: WithProtocols\n")
	assert.NotContains(t, r.Err().Error(), "does not serve gRPC-Web")

	r = corstest.Check(handler, pageOrigin, service, corstest.WithProtocols(corstest.GRPCWeb))
	require.NoError(t, r.Err())
	assert.Len(t, r.Results, 3)

	r = corstest.Check(shop.NewHandler(connect.WithInterceptors()), pageOrigin, corstest.WithProtocols("gRPC"))
	require.ErrorContains(t, r.Err(), `WithProtocols: "gRPC" is not a protocol that Check knows: write Connect, ConnectGET, GRPCWeb, RESTGateway or RESTTranscoding`)
}
