package restgatewaytest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/vanguard/vanguardgrpc"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/library"
	libraryv1 "github.com/corsrpc/corsrpc-go/internal/library/gen/acme/library/v1"
)

const (
	reader         = "https://reader.example.com"
	libraryService = "acme.library.v1.LibraryService"
	adminService   = "acme.library.v1.AdminService"
)

// libraryGateways serve the library, without CORS. What a check says of them is
// the same except for the spelling of metadata.
var libraryGateways = []struct {
	name     string
	rest     corsrpc.REST
	protocol corstest.Protocol
	metadata string
	serve    func(*testing.T, *library.Library) http.Handler
}{
	{"grpc-gateway", corsrpc.RESTGateway, corstest.RESTGateway, "Grpc-Metadata-", func(t *testing.T, books *library.Library) http.Handler {
		mux := runtime.NewServeMux()
		require.NoError(t, libraryv1.RegisterLibraryServiceHandlerServer(t.Context(), mux, books))
		require.NoError(t, libraryv1.RegisterAdminServiceHandlerServer(t.Context(), mux, books))
		return mux
	}},
	{"Vanguard", corsrpc.RESTTranscoding, corstest.RESTTranscoding, "", func(t *testing.T, books *library.Library) http.Handler {
		server := grpc.NewServer()
		libraryv1.RegisterLibraryServiceServer(server, books)
		libraryv1.RegisterAdminServiceServer(server, books)
		transcoder, err := vanguardgrpc.NewTranscoder(server)
		require.NoError(t, err)
		return transcoder
	}},
}

// A spiedLibrary counts the methods that run.
func spiedLibrary(calls *atomic.Int32) *library.Library {
	books := library.New()
	books.OnCall = func(string) { calls.Add(1) }
	return books
}

// byHand is CORS as people write it, the same for every path.
func byHand(allow, expose string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", expose)
		if r.Method == http.MethodOptions {
			w.Header().Set("Access-Control-Allow-Methods", "PUT, PATCH, DELETE")
			w.Header().Set("Access-Control-Allow-Headers", allow)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// called returns what a report has for each binding.
func called(r *corstest.Report) map[string]corstest.Result {
	results := map[string]corstest.Result{}
	for _, result := range r.Results {
		results[result.Method+" "+result.Path] = result
	}
	return results
}

// Behind Wrap, everything is as the schema says, and no method runs.
func TestCheckOfBindings(t *testing.T) {
	for _, gateway := range libraryGateways {
		t.Run(gateway.name, func(t *testing.T) {
			var calls atomic.Int32
			cors, err := corsrpc.New(corsrpc.Config{
				Origins: []string{reader}, Credentials: true, Services: []string{libraryService, adminService}, REST: gateway.rest,
				Overrides: map[string]corsrpc.Override{libraryService + ".GetCover": {Links: corsrpc.On}},
			})
			require.NoError(t, err)
			server := cors.Wrap(gateway.serve(t, spiedLibrary(&calls)))

			r := corstest.Check(server, reader, corstest.WithProtocols(gateway.protocol), corstest.WithCredentials(corstest.CredentialsInclude))
			require.NoError(t, r.Err())
			assert.Zero(t, calls.Load(), "methods ran")
			var bindings []string
			for _, result := range r.Results {
				assert.Equal(t, gateway.protocol, result.Protocol)
				assert.Equal(t, strings.HasPrefix(result.Procedure, "/"+adminService), result.Refused)
				if !result.Refused {
					assert.Equal(t, http.StatusBadRequest, result.Status, result.Path)
				}
				bindings = append(bindings, result.Procedure[strings.LastIndexByte(result.Procedure, '/')+1:]+": "+result.Method+" "+result.Path)
			}
			assert.Equal(t, []string{
				"Purge: POST /v1/admin:purge",
				"ListShelves: GET /v1/shelves",
				"GetShelf: GET /v1/{name=shelves/*}",
				"GetShelf: GET /v1/catalog/{name=shelves/*}",
				"CreateShelf: POST /v1/shelves",
				"UpdateShelf: PATCH /v1/{shelf.name=shelves/*}",
				"MergeShelves: POST /v1/{name=shelves/*}:merge",
				"DeleteShelf: DELETE /v1/{name=shelves/*}",
				"GetBook: GET /v1/{name=shelves/*/books/*}",
				"CheckBook: HEAD /v1/{name=shelves/*/books/*}",
				"GetCover: GET /v1/{name=shelves/*/books/*}/cover",
				"Download: GET /v1/archive/{path=**}",
				"FinishSignIn: GET /v1/signin:finish",
			}, bindings)

			stranger := []corstest.CheckOption{corstest.WithProtocols(gateway.protocol), corstest.WithNoAccess()}
			r = corstest.Check(server, "https://evil.test", stranger...)
			for binding, result := range called(r) {
				assert.Equal(t, binding == "GET /v1/{name=shelves/*/books/*}/cover", result.Runs, binding)
			}
			r = corstest.Check(server, "https://evil.test", append(stranger, corstest.WithLinks(libraryService+".GetCover"))...)
			require.NoError(t, r.Err())
			assert.Zero(t, calls.Load(), "methods ran")
		})
	}
}

// Without corsrpc, every binding runs for strangers, and no method runs for the
// check that finds it out.
func TestCheckFindsOpenBindings(t *testing.T) {
	for _, gateway := range libraryGateways {
		for name, wrap := range map[string]func(http.Handler) http.Handler{
			"no CORS":            func(next http.Handler) http.Handler { return next },
			"everything allowed": func(next http.Handler) http.Handler { return byHand("*", "*", next) },
		} {
			t.Run(gateway.name+", "+name, func(t *testing.T) {
				var calls atomic.Int32
				server := wrap(gateway.serve(t, spiedLibrary(&calls)))
				r := corstest.Check(server, "https://evil.test", corstest.WithProtocols(gateway.protocol), corstest.WithNoAccess(),
					corstest.WithCookies(&http.Cookie{Name: "session", Value: "1", Secure: true, SameSite: http.SameSiteNoneMode}),
					corstest.WithMetadata(http.Header{"X-Library-Card": {"7"}}))
				assert.Len(t, r.Results, 13)
				for binding, result := range called(r) {
					// Without CORS, preflights of PATCH and DELETE fail.
					preflighted := result.Method == "PATCH" || result.Method == "DELETE"
					assert.Equal(t, name != "no CORS" || !preflighted, result.Runs, binding)
				}
				assert.Zero(t, calls.Load(), "methods ran")
				assert.ErrorContains(t, r.Err(), "POST /v1/admin:purge")
				assert.ErrorContains(t, r.Err(), "refuse requests of pages of this origin before the handler runs: browsers send POST to a gateway without a preflight")
			})
		}
	}
}

// Lost headers are named as the gateway spells them.
func TestCheckNamesMetadataOfBindings(t *testing.T) {
	for _, gateway := range libraryGateways {
		t.Run(gateway.name, func(t *testing.T) {
			var calls atomic.Int32
			server := byHand("Content-Type", "", gateway.serve(t, spiedLibrary(&calls)))
			r := corstest.Check(server, reader, corstest.WithProtocols(gateway.protocol), corstest.WithServices(libraryService))
			merge := called(r)["POST /v1/{name=shelves/*}:merge"]
			assert.Equal(t, []string{gateway.metadata + "X-Library-Card"}, merge.CannotSend)
			assert.Equal(t, []string{gateway.metadata + "X-Request-Id"}, merge.CannotRead, "X-Moved is a trailer, which no page can read")
			assert.Equal(t, []string{gateway.metadata + "X-Request-Id", gateway.metadata + "X-Retry-Hint"}, called(r)["POST /v1/shelves"].CannotRead)
			require.ErrorContains(t, r.Err(), "Access-Control-Allow-Headers must list "+gateway.metadata+"X-Library-Card\n")
			assert.Zero(t, calls.Load(), "methods ran")

			// The other gateway's names are of no use.
			other := map[string]string{"": "Grpc-Metadata-", "Grpc-Metadata-": ""}[gateway.metadata]
			r = corstest.Check(byHand("Content-Type, "+other+"X-Library-Card", other+"X-Request-Id", server), reader,
				corstest.WithProtocols(gateway.protocol), corstest.WithServices(libraryService))
			assert.NotEmpty(t, called(r)["POST /v1/{name=shelves/*}:merge"].CannotSend)

			// A real call shows what is there.
			r = corstest.Check(server, reader, corstest.WithProtocols(gateway.protocol), corstest.WithServices(libraryService),
				corstest.WithCalls(nil, libraryService+".ListShelves"))
			list := called(r)["GET /v1/shelves"]
			assert.True(t, list.Called)
			assert.Equal(t, http.StatusOK, list.Status)
			assert.Equal(t, []string{gateway.metadata + "X-Request-Id"}, list.CannotRead)
			assert.EqualValues(t, 1, calls.Load())
		})
	}
}

// A test that does not say which gateway there is learns that there is one.
func TestCheckAsksForTheGateway(t *testing.T) {
	for _, gateway := range libraryGateways {
		t.Run(gateway.name, func(t *testing.T) {
			var calls atomic.Int32
			server := gateway.serve(t, spiedLibrary(&calls))
			r := corstest.Check(server, reader)
			require.ErrorContains(t, r.Err(), `the server has the REST binding "POST /v1/admin:purge" of `+adminService+".Purge: list RESTGateway (grpc-gateway) or RESTTranscoding (Vanguard, Envoy) in WithProtocols beside the others")
			r = corstest.Check(server, reader, corstest.WithProtocols(corstest.Connect))
			assert.NotContains(t, r.String(), "REST binding")
			assert.Zero(t, calls.Load(), "methods ran")
		})
	}
}

// Bindings that stand outside the schema: of a method that the schema keeps for
// other programs.
func TestCheckOfBindingsOutsideTheSchema(t *testing.T) {
	for _, gateway := range libraryGateways {
		t.Run(gateway.name, func(t *testing.T) {
			var calls atomic.Int32
			next := gateway.serve(t, spiedLibrary(&calls))
			server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/old/purge/1":
					r.URL.Path = "/v1/admin:purge"
				case "/v1/admin:purge":
					http.NotFound(w, r)
					return
				}
				next.ServeHTTP(w, r)
			})
			check := func(bindings ...corstest.CheckOption) *corstest.Report {
				return corstest.Check(server, reader, append(bindings, corstest.WithProtocols(gateway.protocol), corstest.WithServices(adminService))...)
			}
			assert.ErrorContains(t, check().Err(), "the server does not have any procedure of "+adminService)
			r := check(corstest.WithBindings(adminService+".Purge", "POST /old/purge/*"))
			assert.True(t, called(r)["POST /old/purge/*"].Runs)
			assert.False(t, called(r)["POST /v1/admin:purge"].Runs)
			assert.Zero(t, calls.Load(), "methods ran")

			assert.ErrorContains(t, check(corstest.WithBindings(adminService, "POST /x")).Err(), "is not a linked method")
			assert.ErrorContains(t, check(corstest.WithBindings(adminService+".Purge", "/x")).Err(), "is not a binding")
			assert.ErrorContains(t, check(corstest.WithBindings(adminService+".Purge", "POST /{x}")).Err(), "has no field")
			assert.ErrorContains(t, check(corstest.WithLinks("Purge")).Err(), "is not a linked service or method")
			r = corstest.Check(server, reader, corstest.WithProtocols(corstest.Connect), corstest.WithBindings(adminService+".Purge", "POST /x"))
			assert.ErrorContains(t, r.Err(), "WithBindings has no effect without RESTGateway or RESTTranscoding")
		})
	}
}

// A live server, and one where the gateway is elsewhere.
func TestCheckURLOfBindings(t *testing.T) {
	for _, gateway := range libraryGateways {
		t.Run(gateway.name, func(t *testing.T) {
			var calls atomic.Int32
			cors, err := corsrpc.New(corsrpc.Config{
				Origins: []string{reader}, Services: []string{libraryService, adminService}, REST: gateway.rest, PathPrefix: "/api",
			})
			require.NoError(t, err)
			server := httptest.NewServer(cors.Wrap(http.StripPrefix("/api", gateway.serve(t, spiedLibrary(&calls)))))
			defer server.Close()
			r, err := corstest.CheckURL(context.Background(), server.URL+"/api", reader, corstest.WithProtocols(gateway.protocol))
			require.NoError(t, err)
			require.NoError(t, r.Err())
			assert.Len(t, r.Results, 13)
			r, err = corstest.CheckURL(context.Background(), server.URL+"/api", "https://evil.test", corstest.WithProtocols(gateway.protocol), corstest.WithNoAccess())
			require.NoError(t, err)
			require.NoError(t, r.Err())
			_, err = corstest.CheckURL(context.Background(), server.URL+"/elsewhere", reader, corstest.WithProtocols(gateway.protocol))
			require.ErrorContains(t, err, "none of the linked services")
			assert.Zero(t, calls.Load(), "methods ran")
		})
	}
}
