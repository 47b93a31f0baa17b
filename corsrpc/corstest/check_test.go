package corstest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// A handCORS is what people write by hand: the same lists for every procedure.
type handCORS struct {
	origin, allow, expose string
	except                string // a path that is left alone
}

func (c handCORS) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if c.except != "" && strings.Contains(req.URL.Path, c.except) {
			next.ServeHTTP(w, req)
			return
		}
		w.Header().Set(allowOrigin, c.origin)
		w.Header().Set(exposeHeaders, c.expose)
		if isPreflight(req) {
			w.Header().Set(allowHeaders, c.allow)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, req)
	})
}

const (
	protocolHeaders = "Content-Type, Connect-Protocol-Version, Connect-Timeout-Ms, Grpc-Timeout, X-Grpc-Web, X-User-Agent"
	cartService     = "acme.shop.v1.CartService"
	catalogService  = "acme.shop.v1.CatalogService"
	everyMetadata   = "Authorization, X-Tenant-Id, X-Change-Reason, X-Experiment"
	everyExposed    = "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin, X-Request-Id, X-Cost, Trailer-X-Cost, X-Retry-Hint, X-Updates, X-Rounds, X-Hits, X-Catalog-Version, X-Audit-Id"
)

// of returns what a check found of one procedure, per protocol.
func of(r *corstest.Report, procedure string) map[corstest.Protocol]corstest.Result {
	results := map[corstest.Protocol]corstest.Result{}
	for _, result := range r.Results {
		if result.Procedure == procedure {
			results[result.Protocol] = result
		}
	}
	return results
}

// spied counts the calls that reach the shop's implementation.
func spied(calls *atomic.Int32) http.Handler {
	return shop.NewHandler(connect.WithInterceptors(spy{calls}))
}

type spy struct{ calls *atomic.Int32 }

func (s spy) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		s.calls.Add(1)
		return next(ctx, req)
	}
}

func (s spy) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (s spy) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		s.calls.Add(1)
		return next(ctx, conn)
	}
}

func TestCheckPassesAServerThatAllowsWhatItsSchemaDeclares(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	cors := handCORS{origin: "*", allow: protocolHeaders + ", " + everyMetadata, expose: everyExposed}
	r := corstest.Check(cors.wrap(spied(&calls)), pageOrigin, corstest.WithServices(catalogService), corstest.WithAudiences())
	require.NoError(t, r.Err())
	assert.Zero(t, calls.Load(), "a procedure ran")
	var got []string
	for _, result := range r.Results {
		assert.Equal(t, http.StatusUnsupportedMediaType, result.Status)
		got = append(got, result.Procedure[strings.LastIndexByte(result.Procedure, '/')+1:]+" "+string(result.Protocol))
	}
	assert.Equal(t, []string{
		"GetProduct Connect", "GetProduct Connect GET", "GetProduct gRPC-Web",
		"SearchProducts Connect", "SearchProducts gRPC-Web", // a stream has no GET
		"WatchPrices Connect", "WatchPrices gRPC-Web",
	}, got)
}

func TestCheckNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	cors := handCORS{origin: "*", allow: protocolHeaders, expose: "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin"}
	r := corstest.Check(cors.wrap(spied(&calls)), pageOrigin, corstest.WithServices(cartService), corstest.WithAudiences("storefront"))
	require.Error(t, r.Err())
	assert.Zero(t, calls.Load(), "a procedure ran")

	add := of(r, "/"+cartService+"/AddItem")
	assert.Equal(t, []string{"Authorization", "X-Tenant-Id"}, add["Connect"].CannotSend)
	assert.Equal(t, []string{"X-Request-Id", "Trailer-X-Cost"}, add["Connect"].CannotRead)
	assert.Equal(t, []string{"Authorization", "X-Tenant-Id"}, add["gRPC-Web"].CannotSend)
	assert.Equal(t, []string{"X-Request-Id", "X-Cost"}, add["gRPC-Web"].CannotRead)
	assert.Nil(t, add["Connect"].Blocked, "calls without the metadata go through")

	track := of(r, "/"+cartService+"/TrackOrder")
	assert.Equal(t, []string{"X-Request-Id", "X-Retry-Hint"}, track["Connect"].CannotRead, "the trailers of a Connect stream are in its body")
	assert.Equal(t, []string{"X-Request-Id", "X-Retry-Hint", "X-Updates"}, track["gRPC-Web"].CannotRead)

	purge := of(r, "/"+cartService+"/PurgeCarts")
	assert.True(t, purge["Connect"].Refused)
	assert.False(t, ok(purge["Connect"]), "an internal method is open to everybody")

	message := r.Err().Error()
	for _, line := range []string{
		"FAIL  /acme.shop.v1.CartService/AddItem         Connect   415             Authorization, X-Tenant-Id  X-Request-Id, Trailer-X-Cost\n",
		"FAIL  /acme.shop.v1.CartService/PurgeCarts      gRPC-Web  runs, readable\n",
		"  - /acme.shop.v1.CartService/PurgeCarts: refuse the preflights of pages of this origin: they pass, so the procedure runs\n",
		"  - Access-Control-Allow-Headers must list Authorization, X-Tenant-Id\n",
		"  - Access-Control-Expose-Headers must list Trailer-X-Cost, X-Cost, X-Request-Id, X-Retry-Hint, X-Rounds, X-Updates, unless handlers' responses have another list\n",
	} {
		assert.Contains(t, message, line)
	}
}

func ok(r corstest.Result) bool { return r.OK() }

// Each fault of a server's CORS, and how a check shows it.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	good := handCORS{origin: "*", allow: protocolHeaders + ", " + everyMetadata, expose: everyExposed}
	get, watch := "/"+catalogService+"/GetProduct", "/"+catalogService+"/WatchPrices"
	options := []corstest.CheckOption{corstest.WithServices(catalogService)}
	rows := []struct {
		name    string
		handler func() http.Handler
		opts    []corstest.CheckOption
		verify  func(t *testing.T, r *corstest.Report)
	}{
		{"no CORS at all", func() http.Handler { return shop.NewHandler() }, options, func(t *testing.T, r *corstest.Report) {
			assert.Equal(t, corstest.PreflightMissingAllowOriginHeader, of(r, get)["Connect"].Blocked.Code)
			assert.Nil(t, of(r, get)["Connect GET"].CannotSend)
			assert.Contains(t, r.Err().Error(), "GetProduct, /acme.shop.v1.CatalogService/SearchProducts, /acme.shop.v1.CatalogService/WatchPrices: put the CORS middleware outside the router")
		}},
		{"authentication outside CORS", func() http.Handler {
			inner := good.wrap(shop.NewHandler())
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.Header.Get("Authorization") == "" {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				inner.ServeHTTP(w, req)
			})
		}, options, func(t *testing.T, r *corstest.Report) {
			assert.Equal(t, corstest.PreflightMissingAllowOriginHeader, of(r, get)["gRPC-Web"].Blocked.Code)
		}},
		{"headers on success only", func() http.Handler {
			next := shop.NewHandler()
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if isPreflight(req) {
					good.wrap(nil).ServeHTTP(w, req)
					return
				}
				next.ServeHTTP(w, req)
			})
		}, options, func(t *testing.T, r *corstest.Report) {
			assert.Equal(t, corstest.MissingAllowOriginHeader, of(r, get)["Connect"].Blocked.Code)
		}},
		{"one procedure without", func() http.Handler {
			c := good
			c.except = "WatchPrices"
			return c.wrap(shop.NewHandler())
		}, options, func(t *testing.T, r *corstest.Report) {
			for protocol, result := range of(r, get) {
				assert.True(t, ok(result), protocol)
			}
			for protocol, result := range of(r, watch) {
				assert.False(t, ok(result), protocol)
			}
		}},
		{"timeouts", func() http.Handler {
			c := good
			c.allow = "content-type,connect-protocol-version,x-grpc-web,x-user-agent"
			return c.wrap(shop.NewHandler())
		}, options, func(t *testing.T, r *corstest.Report) {
			assert.Equal(t, []string{"Connect-Timeout-Ms"}, of(r, get)["Connect"].CannotSend)
			assert.Equal(t, []string{"Connect-Timeout-Ms"}, of(r, get)["Connect GET"].CannotSend)
			assert.Equal(t, []string{"Grpc-Timeout"}, of(r, get)["gRPC-Web"].CannotSend)
			assert.Nil(t, of(r, get)["gRPC-Web"].Blocked)
		}},
		{"a header that no call goes without", func() http.Handler {
			c := good
			c.allow = "content-type,connect-timeout-ms,grpc-timeout,x-user-agent"
			return c.wrap(shop.NewHandler())
		}, options, func(t *testing.T, r *corstest.Report) {
			assert.Equal(t, []string{"Connect-Protocol-Version"}, of(r, get)["Connect"].CannotSend)
			assert.Equal(t, "connect-protocol-version", of(r, get)["Connect"].Blocked.Name)
			assert.Equal(t, []string{"X-Grpc-Web"}, of(r, get)["gRPC-Web"].CannotSend)
			assert.True(t, ok(of(r, get)["Connect GET"]))
		}},
		{"no permission at all for some headers", func() http.Handler {
			next := good.wrap(shop.NewHandler())
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				asked := strings.Split(req.Header.Get("Access-Control-Request-Headers"), ",")
				if slices.Contains(asked, "x-grpc-web") || slices.Contains(asked, "connect-timeout-ms") {
					w.WriteHeader(http.StatusForbidden)
					return
				}
				next.ServeHTTP(w, req)
			})
		}, options, func(t *testing.T, r *corstest.Report) {
			assert.Equal(t, []string{"Connect-Timeout-Ms"}, of(r, get)["Connect"].CannotSend)
			assert.Nil(t, of(r, get)["Connect"].Blocked)
			assert.Equal(t, []string{"X-Grpc-Web"}, of(r, get)["gRPC-Web"].CannotSend)
			assert.Equal(t, corstest.PreflightMissingAllowOriginHeader, of(r, get)["gRPC-Web"].Blocked.Code)
			assert.Equal(t, http.StatusUnsupportedMediaType, of(r, get)["gRPC-Web"].Status, "what remains is tried, to see what is exposed")
			assert.NotContains(t, r.Err().Error(), "Access-Control-Allow-Origin", "the origin is permitted")
		}},
		{"a wildcard with credentials", func() http.Handler { return good.wrap(shop.NewHandler()) },
			append([]corstest.CheckOption{corstest.WithCredentials(corstest.CredentialsInclude)}, options...),
			func(t *testing.T, r *corstest.Report) {
				assert.Equal(t, corstest.PreflightWildcardOriginNotAllowed, of(r, get)["Connect"].Blocked.Code)
				assert.Equal(t, corstest.WildcardOriginNotAllowed, requireCode(t, of(r, get)["Connect GET"]))
			}},
		{"two layers of CORS", func() http.Handler {
			inner := shop.NewHandler()
			return good.wrap(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				w.Header().Add(allowOrigin, "*")
				inner.ServeHTTP(w, req)
			}))
		}, options, func(t *testing.T, r *corstest.Report) {
			assert.Equal(t, corstest.MultipleAllowOriginValues, of(r, get)["Connect"].Blocked.Code)
		}},
		{"metadata that only the test declares", func() http.Handler { return good.wrap(shop.NewHandler()) },
			append([]corstest.CheckOption{corstest.Declare(catalogService+".GetProduct", corstest.Metadata{
				RequestHeaders: []string{"x-new"}, ResponseHeaders: []string{"X-Newer"}, ResponseTrailers: []string{"x-newest"},
			})}, options...),
			func(t *testing.T, r *corstest.Report) {
				assert.Equal(t, []string{"X-New"}, of(r, get)["Connect"].CannotSend)
				assert.Equal(t, []string{"X-Newer", "Trailer-X-Newest"}, of(r, get)["Connect"].CannotRead)
				assert.Equal(t, []string{"X-Newer", "X-Newest"}, of(r, get)["gRPC-Web"].CannotRead)
				assert.True(t, ok(of(r, watch)["Connect"]))
			}},
		{"a handler that panics", func() http.Handler {
			return good.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }))
		}, options, func(t *testing.T, r *corstest.Report) {
			assert.Contains(t, r.Err().Error(), "the handler panicked: oh")
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := corstest.Check(row.handler(), pageOrigin, row.opts...)
			require.Error(t, r.Err())
			row.verify(t, r)
		})
	}
}

func requireCode(t *testing.T, r corstest.Result) corstest.Code {
	t.Helper()
	require.NotNil(t, r.Blocked)
	return corstest.Code(strings.TrimPrefix(string(r.Blocked.Code), "Preflight"))
}

func TestCheckExpectsAudiencesToBeKeptApart(t *testing.T) {
	t.Parallel()
	shut := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	admin := corstest.WithServices("acme.shop.v1.AdminService")
	require.NoError(t, corstest.Check(shut, pageOrigin, admin, corstest.WithAudiences()).Err(), "everything is refused, as it should be")
	assert.Len(t, failures(corstest.Check(shut, pageOrigin, admin, corstest.WithAudiences("backoffice"))), 2, "SetPrice in two protocols")
	assert.Len(t, failures(corstest.Check(shut, pageOrigin, admin, corstest.WithAudiences("storefront", "backoffice"))), 4)

	open := handCORS{origin: "*", allow: protocolHeaders + ", " + everyMetadata, expose: everyExposed}.wrap(shop.NewHandler())
	assert.Len(t, failures(corstest.Check(open, pageOrigin, admin, corstest.WithAudiences("backoffice"))), 2, "ReportProduct is not for it")

	err := corstest.Check(open, pageOrigin, admin).Err()
	require.ErrorContains(t, err, "the schema has the audiences backoffice, storefront: pass WithAudiences those that https://app.example.com belongs to")
}

func TestCheckExpectsStrangersToBeKeptOut(t *testing.T) {
	t.Parallel()
	const evil = "https://evil.test"
	policy, err := corsrpc.New(corsrpc.Config{Origins: []string{pageOrigin}, Audiences: map[string][]string{"storefront": {}, "backoffice": {}}})
	require.NoError(t, err)
	r := corstest.Check(policy.Wrap(shop.NewHandler()), evil, corstest.WithNoAccess())
	require.NoError(t, r.Err())
	assert.Len(t, r.Results, 25)

	echo := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		handCORS{origin: req.Header.Get("Origin"), allow: protocolHeaders}.wrap(shop.NewHandler()).ServeHTTP(w, req)
	})
	r = corstest.Check(echo, evil, corstest.WithNoAccess())
	assert.Len(t, failures(r), 25)
	assert.ErrorContains(t, r.Err(), "refuse the preflights of pages of this origin")
}

// No browser asks before it sends a GET: that the page cannot read the response
// does not mean that the procedure did not run.
func TestCheckExpectsStrangersNotToRunAnything(t *testing.T) {
	t.Parallel()
	const evil = "https://evil.test"
	policy, err := corsrpc.New(corsrpc.Config{Origins: []string{pageOrigin}, Audiences: map[string][]string{"storefront": {}, "backoffice": {}}})
	require.NoError(t, err)
	unprotected := shop.NewHandler()
	for name, row := range map[string]struct {
		handler http.Handler
		opts    []corstest.CheckOption
		runs    bool
	}{
		"without CORS": {unprotected, nil, true},
		"with the lists of another origin": {
			handCORS{origin: pageOrigin, allow: protocolHeaders}.wrap(unprotected), nil, true,
		},
		"by a policy with another path prefix": {
			policy.Wrap(http.StripPrefix("/api", unprotected)), []corstest.CheckOption{corstest.WithPathPrefix("/api")}, true,
		},
		"refusing what has the origin, which images have not": {
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Origin") == evil {
					http.Error(w, "no", http.StatusForbidden)
					return
				}
				unprotected.ServeHTTP(w, r)
			}), nil, true,
		},
		"from a page whose scripts the browser lets send nothing, mixed content": {
			unprotected, []corstest.CheckOption{corstest.WithServerURL("http://api.example.com")}, true,
		},
		"refusing everybody": {
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }), nil, false,
		},
		"refusing scripts and images, and not links": {
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Sec-Fetch-Mode") != "navigate" {
					http.Error(w, "no", http.StatusForbidden)
					return
				}
				unprotected.ServeHTTP(w, r)
			}), []corstest.CheckOption{corstest.WithProfile(corstest.Firefox)}, true,
		},
		"refusing everything but what Sec-Fetch-Site takes for a typed URL": {
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Sec-Fetch-Site") != "none" {
					http.Error(w, "no", http.StatusForbidden)
					return
				}
				unprotected.ServeHTTP(w, r)
			}), nil, true,
		},
		"by a policy": {policy.Wrap(unprotected), nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := corstest.Check(row.handler, evil, append(row.opts, corstest.WithNoAccess())...)
			for _, result := range r.Results {
				assert.Equal(t, row.runs && result.Protocol == "Connect GET", result.Runs, "%s over %s", result.Procedure, result.Protocol)
				assert.False(t, result.Inconclusive, "%s over %s", result.Procedure, result.Protocol)
				assert.Equal(t, !result.Runs, result.OK(), "%s over %s", result.Procedure, result.Protocol)
			}
			if !row.runs {
				require.NoError(t, r.Err())
				return
			}
			require.ErrorContains(t, r.Err(), "Connect GET  runs\n")
			require.ErrorContains(t, r.Err(), "refuse requests of pages of this origin before the handler runs")
		})
	}
}

func TestCheckOfAHandlerThatFailsForImagesAlone(t *testing.T) {
	t.Parallel()
	r := corstest.Check(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Dest") == "image" {
			panic("an image")
		}
		w.WriteHeader(http.StatusForbidden)
	}), "https://evil.test", corstest.WithNoAccess())
	require.ErrorContains(t, r.Err(), "the handler panicked: an image")
}

func failures(r *corstest.Report) (failed []corstest.Result) {
	for _, result := range r.Results {
		if !result.OK() {
			failed = append(failed, result)
		}
	}
	return failed
}

func TestCheckOfWhatItCannotCheck(t *testing.T) {
	t.Parallel()
	handler := shop.NewHandler()
	audiences := corstest.WithAudiences()
	rows := []struct {
		origin string
		opts   []corstest.CheckOption
		want   string
	}{
		{"app.example.com", nil, "is not an origin"},
		{pageOrigin, []corstest.CheckOption{corstest.WithServerURL("api.example")}, "WithServerURL: "},
		{pageOrigin, []corstest.CheckOption{corstest.WithServerURL(pageOrigin)}, "is the server's own origin"},
		{pageOrigin, []corstest.CheckOption{corstest.WithServices("acme.shop.v1.NoService")}, "acme.shop.v1.NoService is not a linked service"},
		{pageOrigin, []corstest.CheckOption{audiences, corstest.WithPathPrefix("/api")}, "is the path missing (WithPathPrefix)"},
		{pageOrigin, []corstest.CheckOption{audiences, corstest.WithPathPrefix("api")}, `WithPathPrefix: "api" does not begin with a slash: write "/api"`},
		{pageOrigin, []corstest.CheckOption{corstest.WithAudiences("storefrnt")}, `WithAudiences: no linked service has the audience "storefrnt"; the schema has: backoffice, storefront`},
		{pageOrigin, []corstest.CheckOption{corstest.WithFiles(&protoregistry.Files{}), corstest.WithAudiences("storefront")}, `WithAudiences: no linked service has the audience "storefront"; the schema has no audiences, so leave the option out`},
		{pageOrigin, []corstest.CheckOption{audiences, corstest.Declare("acme.shop.v1.CartServic", corstest.Metadata{ResponseHeaders: []string{"X-A"}})}, `Declare: "acme.shop.v1.CartServic" is not a linked service or method: write a full name, such as acme.shop.v1.CartService.AddItem, and import the generated code`},
		{pageOrigin, []corstest.CheckOption{audiences, corstest.Declare("/"+cartService+"/AddItem", corstest.Metadata{})}, `Declare: "/acme.shop.v1.CartService/AddItem" is not a linked service or method`},
		{pageOrigin, []corstest.CheckOption{audiences, corstest.Declare("*", corstest.Metadata{ResponseHeaders: []string{"Set-Cookie"}})}, `Declare: "*": pages cannot read the header "Set-Cookie", whatever is exposed: leave it out`},
		{pageOrigin, []corstest.CheckOption{audiences, corstest.Declare("*", corstest.Metadata{ResponseTrailers: []string{"Access-Control-Max-Age"}})}, `Declare: "*": pages cannot read the header "Access-Control-Max-Age"`},
		{pageOrigin, []corstest.CheckOption{audiences, corstest.Declare("*", corstest.Metadata{ResponseTrailers: []string{"x cost"}})}, `Declare: "*": pages cannot read the header "x cost"`},
		{pageOrigin, []corstest.CheckOption{audiences, corstest.Declare(cartService, corstest.Metadata{RequestHeaders: []string{"Sec-Purpose"}})}, `Declare: "acme.shop.v1.CartService": pages cannot send the header "Sec-Purpose": leave it out`},
		{pageOrigin, []corstest.CheckOption{audiences, corstest.Declare(cartService, corstest.Metadata{RequestHeaders: []string{"access-control-x"}})}, `pages cannot send the header "Access-Control-X"`},
		{pageOrigin, []corstest.CheckOption{audiences, corstest.Declare(cartService, corstest.Metadata{RequestHeaders: []string{"a,b"}})}, `pages cannot send the header "a,b"`},
		{pageOrigin, nil, "the schema has the audiences backoffice, storefront: pass WithAudiences those that https://app.example.com belongs to"},
		{pageOrigin, []corstest.CheckOption{corstest.WithServices(cartService)}, "the schema has the audiences storefront: pass WithAudiences"},
		{pageOrigin, []corstest.CheckOption{audiences, corstest.WithCalls(nil, cartService+".AddItm")}, `WithCalls: "acme.shop.v1.CartService.AddItm" is not a linked service or method`},
		{pageOrigin, []corstest.CheckOption{audiences, corstest.WithPathPrefix("/api"), corstest.WithServices(cartService)}, "the server does not have any procedure of " + cartService},
		{pageOrigin, []corstest.CheckOption{corstest.WithFiles(&protoregistry.Files{})}, "has none of the linked services"},
	}
	for _, row := range rows {
		require.ErrorContains(t, corstest.Check(handler, row.origin, row.opts...).Err(), row.want)
	}
}

func TestCheckLeavesOutWhatIsNotServed(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle(shopv1connect.NewCatalogServiceHandler(shop.Catalog{}))
	cors := handCORS{origin: "*", allow: protocolHeaders + ", " + everyMetadata, expose: everyExposed}
	prefixed := http.StripPrefix("/api", cors.wrap(mux))
	r := corstest.Check(prefixed, pageOrigin, corstest.WithAudiences(), corstest.WithPathPrefix("/api/"))
	require.NoError(t, r.Err())
	assert.Contains(t, r.NotServed, cartService)
	assert.Contains(t, r.String(), "Not served here: acme.shop.v1.AdminService, acme.shop.v1.CartService, acme.shop.v1.WarehouseService\n")
	for _, result := range r.Results {
		assert.Contains(t, result.Procedure, catalogService)
	}
}

func TestCheckMakesRealCallsOnDemand(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	cors := handCORS{origin: "*", allow: protocolHeaders + ", " + everyMetadata, expose: "Grpc-Status"}
	metadata := http.Header{"Authorization": {"Bearer ada"}, "X-Tenant-Id": {"acme"}, "X-Undeclared": {"1"}}
	r := corstest.Check(cors.wrap(spied(&calls)), pageOrigin, corstest.WithServices(cartService, catalogService), corstest.WithAudiences("storefront"),
		corstest.WithCalls(metadata, cartService+".Checkout", catalogService))
	assert.Equal(t, int32(2+7), calls.Load(), "Checkout in two protocols, the catalogue in all")

	checkout := of(r, "/"+cartService+"/Checkout")
	assert.True(t, checkout["Connect"].Called)
	assert.Equal(t, http.StatusBadRequest, checkout["Connect"].Status, "an empty token is declined")
	assert.Equal(t, []string{"Trailer-X-Cost", "X-Request-Id", "X-Retry-Hint"}, checkout["Connect"].CannotRead, "what this response carried, and what the lists lack although a failed call does not show it")
	assert.Equal(t, []string{"Grpc-Message", "Grpc-Status-Details-Bin", "X-Cost", "X-Request-Id", "X-Retry-Hint"}, checkout["gRPC-Web"].CannotRead)

	search := of(r, "/"+catalogService+"/SearchProducts")
	assert.Equal(t, http.StatusOK, search["gRPC-Web"].Status)
	assert.True(t, ok(search["gRPC-Web"]), "hits were sent, so the trailers are in the body: %+v", search["gRPC-Web"])
	assert.False(t, of(r, "/"+cartService+"/AddItem")["Connect"].Called)
}

func TestCheckOfNoHandler(t *testing.T) {
	t.Parallel()
	require.EqualError(t, corstest.Check(nil, pageOrigin).Err(), "CORS check for pages of https://app.example.com (Standard): nothing was checked\n\nthe handler is nil\n")
}

// What to do about an origin that is not permitted depends on what is meant.
func TestCheckSuggestsHowToKeepAnOriginOut(t *testing.T) {
	t.Parallel()
	unauthorized := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	err := corstest.Check(unauthorized, pageOrigin, corstest.WithAudiences("storefront")).Err()
	require.ErrorContains(t, err, "[PreflightMissingAllowOriginHeader, status 401]")
	require.ErrorContains(t, err, "or, if pages of https://app.example.com must not call these, expect that: WithAudiences, or WithServices and WithNoAccess")

	err = corstest.Check(unauthorized, "null", corstest.WithAudiences("storefront")).Err()
	require.ErrorContains(t, err, "call from a page that has an origin: every site can make a page that sends null")
	assert.NotContains(t, err.Error(), "Access-Control-Allow-Origin: null")

	listed := handCORS{origin: "*", allow: protocolHeaders}.wrap(shop.NewHandler())
	assert.NotContains(t, corstest.Check(listed, pageOrigin, corstest.WithAudiences("storefront")).Err().Error(), "WithNoAccess")
}

// What a real call shows counts where it differs from what the 415 showed.
func TestCheckOfCallsWhoseResponseDiffers(t *testing.T) {
	t.Parallel()
	lists := handCORS{origin: "*", allow: protocolHeaders + ", " + everyMetadata, expose: "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin"}
	refusing := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnsupportedMediaType) })
	for name, row := range map[string]struct {
		call       http.HandlerFunc // responds to the real calls
		called     bool
		blocked    bool
		cannotRead []string
		err        string
	}{
		"without the lists": {
			call:    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
			blocked: true, cannotRead: []string{"X-Catalog-Version"}, err: "[MissingAllowOriginHeader, status 502]",
		},
		"with a panic": {
			call:       func(http.ResponseWriter, *http.Request) { panic("at the disco") },
			cannotRead: []string{"X-Catalog-Version"}, err: "the handler panicked: at the disco",
		},
		"with success and without the header": {
			call:   lists.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP,
			called: true,
		},
		"with success in the header": {
			call:   lists.wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Grpc-Status", "0") })).ServeHTTP,
			called: true,
		},
		"with a failure in the header": {
			call:   lists.wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Grpc-Status", "5") })).ServeHTTP,
			called: true, cannotRead: []string{"X-Catalog-Version"}, err: "Access-Control-Expose-Headers must list X-Catalog-Version",
		},
		"with another list": {
			call: handCORS{origin: "*", allow: lists.allow, expose: "X-Catalog-Version"}.wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Catalog-Version", "7")
				w.WriteHeader(http.StatusNotFound)
			})).ServeHTTP,
			called: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var bodies sync.Map // bytes, by what was called
			r := corstest.Check(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.Header.Get("Content-Type"), "proto") && r.URL.Query().Get("encoding") != "proto" {
					lists.wrap(refusing).ServeHTTP(w, r)
					return
				}
				body, err := io.ReadAll(r.Body)
				assert.NoError(t, err)
				bodies.Store(r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type"), len(body))
				row.call(w, r)
			}), pageOrigin, corstest.WithServices(catalogService), corstest.WithAudiences(), corstest.WithCalls(nil, catalogService))
			for protocol, result := range of(r, "/"+catalogService+"/GetProduct") {
				assert.Equal(t, row.called, result.Called, protocol)
				assert.Equal(t, row.blocked, result.Blocked != nil, protocol)
				assert.Equal(t, row.cannotRead, slices.Clip(append([]string(nil), result.CannotRead...)), protocol)
				assert.Equal(t, row.err == "", ok(result), protocol)
			}
			if row.err != "" {
				require.ErrorContains(t, r.Err(), row.err)
			}
			for call, want := range map[string]int{
				"POST /" + catalogService + "/GetProduct application/proto":           0,
				"GET /" + catalogService + "/GetProduct ":                             0,
				"POST /" + catalogService + "/GetProduct application/grpc-web+proto":  5,
				"POST /" + catalogService + "/WatchPrices application/connect+proto":  5,
				"POST /" + catalogService + "/WatchPrices application/grpc-web+proto": 5,
			} {
				got, _ := bodies.Load(call)
				assert.Equal(t, want, got, call)
			}
		})
	}
}

// What is missing is said once.
func TestCheckOfAServiceThatIsNotServed(t *testing.T) {
	t.Parallel()
	err := corstest.Check(http.NotFoundHandler(), pageOrigin, corstest.WithAudiences(), corstest.WithServices(cartService)).Err()
	require.ErrorContains(t, err, "the server does not have any procedure of "+cartService)
	assert.NotContains(t, err.Error(), "has none of the linked services")
}

// A server may take each header by itself and not all of them together.
func TestCheckOfHeadersThatDoNotGoTogether(t *testing.T) {
	t.Parallel()
	one := handCORS{origin: "*", allow: protocolHeaders + ", " + everyMetadata, expose: everyExposed}.wrap(shop.NewHandler())
	r := corstest.Check(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Access-Control-Request-Headers"), ",") {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		one.ServeHTTP(w, r)
	}), pageOrigin, corstest.WithAudiences("storefront"), corstest.WithServices(catalogService))
	for _, result := range r.Results {
		assert.Empty(t, result.CannotSend, "%s over %s", result.Procedure, result.Protocol)
		assert.Equal(t, result.Protocol != "Connect GET", result.Blocked != nil, "%s over %s needs more than one header", result.Procedure, result.Protocol)
	}
	require.ErrorContains(t, r.Err(), "status 400")
}

// Services of the frameworks, and those without methods, are checked if they
// are asked for.
func TestCheckLeavesOutWhatPagesDoNotCall(t *testing.T) {
	t.Parallel()
	files := &protoregistry.Files{}
	for _, name := range []string{"app.v1", "grpc.health.v1"} {
		descriptor, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
			Name: proto.String(name + ".proto"), Package: proto.String(name), Syntax: proto.String("proto3"),
			MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Empty")}},
			Service: []*descriptorpb.ServiceDescriptorProto{
				{Name: proto.String("None")},
				{Name: proto.String("One"), Method: []*descriptorpb.MethodDescriptorProto{
					{Name: proto.String("Call"), InputType: proto.String("." + name + ".Empty"), OutputType: proto.String("." + name + ".Empty")},
				}},
			},
		}, files)
		require.NoError(t, err)
		require.NoError(t, files.RegisterFile(descriptor))
	}
	open := handCORS{origin: "*", allow: protocolHeaders, expose: everyExposed}.wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnsupportedMediaType)
	}))
	r := corstest.Check(open, pageOrigin, corstest.WithFiles(files))
	require.NoError(t, r.Err())
	assert.Empty(t, r.NotServed)
	assert.Len(t, r.Results, 2)
	assert.Len(t, of(r, "/app.v1.One/Call"), 2)

	r = corstest.Check(open, pageOrigin, corstest.WithFiles(files), corstest.WithServices("grpc.health.v1.One"))
	require.NoError(t, r.Err())
	assert.Len(t, of(r, "/grpc.health.v1.One/Call"), 2)
}

// The report for people: each outcome has a name, and each change is named
// once.
func TestReportText(t *testing.T) {
	t.Parallel()
	preflight := &corstest.BlockedError{Code: "SomeCode", URL: "https://api.example/x", Fix: "respond to OPTIONS https://api.example/x", Status: 400, Preflight: true}
	unreadable := &corstest.BlockedError{Code: "OtherCode", URL: "https://api.example/x", Header: allowOrigin, Fix: "allow it", Status: 415}
	r := corstest.Report{
		Origin: pageOrigin, NotServed: []string{"x.v1.Absent"},
		Results: []corstest.Result{
			{Procedure: "/x.v1.X/A", Protocol: "Connect", Status: 415},
			{Procedure: "/x.v1.X/B", Protocol: "Connect", Refused: true, Blocked: preflight},
			{Procedure: "/x.v1.X/C", Protocol: "Connect", Blocked: preflight},
		},
	}
	head := "CORS check for pages of https://app.example.com (Standard): 1 of 3 calls are not as expected\n\n"
	titles := "      PROCEDURE  PROTOCOL  RESPONSE  CANNOT SEND  CANNOT READ\n"
	foot := "\nNot served here: x.v1.Absent\n\nTo fix it:\n  - /x.v1.X/C: respond to OPTIONS (the URL) [SomeCode, status 400]\n"
	assert.Equal(t, head+titles+
		"ok    /x.v1.X/A  Connect   415\n"+
		"ok    /x.v1.X/B  Connect   refused\n"+
		"FAIL  /x.v1.X/C  Connect   blocked\n"+foot, r.String())
	assert.EqualError(t, r.Err(), head+titles+"FAIL  /x.v1.X/C  Connect   blocked\n"+foot)

	r.Results = append(r.Results[:2:2],
		corstest.Result{Procedure: "/x.v1.X/C", Protocol: "Connect GET", Refused: true, Blocked: unreadable, Runs: true},
		corstest.Result{Procedure: "/x.v1.X/C", Protocol: "gRPC-Web", Refused: true, Runs: true},
		corstest.Result{Procedure: "/x.v1.X/C", Protocol: "Connect", Refused: true, Inconclusive: true, Status: 401},
		corstest.Result{Procedure: "/x.v1.X/D", Protocol: "Connect", Blocked: unreadable},
		corstest.Result{Procedure: "/x.v1.X/D", Protocol: "gRPC-Web", Blocked: unreadable, Called: true, Status: 200, CannotRead: []string{"X-E"}},
		corstest.Result{Procedure: "/x.v1.X/E", Protocol: "Connect", Blocked: preflight, CannotSend: []string{"X-B"}, CannotRead: []string{"X-C"}},
		corstest.Result{Procedure: "/x.v1.X/F", Protocol: "Connect", Status: 200, CannotSend: []string{"X-A"}, CannotRead: []string{"X-D", "X-C"}},
		corstest.Result{Procedure: "/x.v1.X/F", Protocol: "Connect GET", Status: 415, MissingVary: true},
		corstest.Result{Procedure: "/x.v1.X/F", Protocol: "gRPC-Web", Status: 505},
		corstest.Result{Procedure: "/x.v1.X/G", Protocol: "Connect", Status: 401},
		corstest.Result{Procedure: "/x.v1.X/G", Protocol: "gRPC-Web", Status: 200, Called: true, Undeclared: []string{"X-Debug"}},
	)
	r.NotServed = nil
	assert.Equal(t, "CORS check for pages of https://app.example.com (Standard): 9 of 13 calls are not as expected\n\n"+
		"      PROCEDURE  PROTOCOL     RESPONSE             CANNOT SEND  CANNOT READ\n"+
		"ok    /x.v1.X/A  Connect      415\n"+
		"ok    /x.v1.X/B  Connect      refused\n"+
		"FAIL  /x.v1.X/C  Connect GET  runs\n"+
		"FAIL  /x.v1.X/C  gRPC-Web     runs, readable\n"+
		"FAIL  /x.v1.X/C  Connect      inconclusive 401\n"+
		"FAIL  /x.v1.X/D  Connect      unreadable 415\n"+
		"FAIL  /x.v1.X/D  gRPC-Web     200, unreadable 415               X-E\n"+
		"FAIL  /x.v1.X/E  Connect      blocked              X-B          X-C\n"+
		"FAIL  /x.v1.X/F  Connect      200                  X-A          X-D, X-C\n"+
		"FAIL  /x.v1.X/F  Connect GET  415, no Vary\n"+
		"FAIL  /x.v1.X/F  gRPC-Web     505, not RPC\n"+
		"ok    /x.v1.X/G  Connect      401\n"+
		"ok    /x.v1.X/G  gRPC-Web     200\n"+
		"\nCANNOT READ is inferred from responses that no handler wrote. WithCalls shows those of handlers.\n"+
		"\nPages cannot read unreadable responses; those of handlers can differ. WithCalls shows them.\n"+
		"\nA 401 is not the response of a handler. WithCookies and WithMetadata log a user in.\n"+
		"\nX-Debug is sent by /x.v1.X/G, and neither declared nor exposed.\n"+
		"\nTo fix it:\n"+
		"  - /x.v1.X/D: allow it [OtherCode, status 415]\n"+
		"  - /x.v1.X/C: log a user in, with WithCookies or WithMetadata: a 401 does not show whether the server refuses the origin\n"+
		"  - /x.v1.X/C: refuse requests of pages of this origin before the handler runs: GET has no preflight, so the procedure runs, with the user's cookies, even if CORS hides the response\n"+
		"  - /x.v1.X/C: refuse the preflights of pages of this origin: they pass, so the procedure runs\n"+
		"  - /x.v1.X/F: send 'Vary: Origin' on every response to GET, also where there is no Origin: caches serve one origin's response to another\n"+
		"  - /x.v1.X/F: serve HTTP/2, in proxies too: the handler does not take this procedure over HTTP/1.1 [status 505]\n"+
		"  - or, if pages of https://app.example.com must not call these, expect that: WithAudiences, or WithServices and WithNoAccess\n"+
		"  - Access-Control-Allow-Headers must list X-A, X-B\n"+
		"  - Access-Control-Expose-Headers must list X-E\n"+
		"  - Access-Control-Expose-Headers must list X-C, X-D, unless handlers' responses have another list\n", r.String())

	r = corstest.Report{Origin: pageOrigin, Results: []corstest.Result{{Procedure: "/x.v1.X/A", Protocol: "Connect", Status: 415}}}
	require.NoError(t, r.Err())
	assert.Equal(t, "CORS check for pages of https://app.example.com (Standard): all 1 calls are as expected\n\n"+
		"    PROCEDURE  PROTOCOL  RESPONSE  CANNOT SEND  CANNOT READ\n"+
		"ok  /x.v1.X/A  Connect   415\n", r.String())
}

// A full check of 100 procedures is part of every test run, so it must not be
// felt.
func TestCheckOf100Procedures(t *testing.T) {
	t.Parallel()
	const services, methods = 10, 10
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("hundred.proto"), Package: proto.String("hundred.v1"), Syntax: proto.String("proto3"),
		Dependency:  []string{corsrpcv1.File_corsrpc_v1_options_proto.Path()},
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Empty")}},
	}
	mux := http.NewServeMux()
	for s := range services {
		service := &descriptorpb.ServiceDescriptorProto{Name: proto.String(fmt.Sprintf("S%dService", s))}
		for m := range methods {
			options := &descriptorpb.MethodOptions{IdempotencyLevel: descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum()}
			proto.SetExtension(options, corsrpcv1.E_Method, &corsrpcv1.MethodOptions{RequestHeaders: []string{"x-a"}, ResponseTrailers: []string{fmt.Sprintf("x-trailer-%d", m)}})
			service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
				Name: proto.String(fmt.Sprintf("M%d", m)), InputType: proto.String(".hundred.v1.Empty"), OutputType: proto.String(".hundred.v1.Empty"), Options: options,
			})
		}
		file.Service = append(file.Service, service)
		mux.HandleFunc("/hundred.v1."+service.GetName()+"/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnsupportedMediaType) })
	}
	files := &protoregistry.Files{}
	for _, dependency := range []string{"google/protobuf/descriptor.proto", corsrpcv1.File_corsrpc_v1_options_proto.Path()} {
		d, err := protoregistry.GlobalFiles.FindFileByPath(dependency)
		require.NoError(t, err)
		require.NoError(t, files.RegisterFile(d))
	}
	descriptor, err := protodesc.NewFile(file, files)
	require.NoError(t, err)
	require.NoError(t, files.RegisterFile(descriptor))

	cors := handCORS{origin: "*", allow: protocolHeaders + ", x-a", expose: "*"}
	begin := time.Now()
	r := corstest.Check(cors.wrap(mux), pageOrigin, corstest.WithFiles(files))
	t.Logf("a check of %d calls took %v", len(r.Results), time.Since(begin))
	require.NoError(t, r.Err())
	assert.Len(t, r.Results, services*methods*3)

	cors.expose = "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin"
	r = corstest.Check(cors.wrap(mux), pageOrigin, corstest.WithFiles(files))
	assert.Len(t, failures(r), services*methods*3)
	assert.True(t, slices.ContainsFunc(r.Results, func(result corstest.Result) bool { return slices.Contains(result.CannotRead, "Trailer-X-Trailer-9") }))
}
