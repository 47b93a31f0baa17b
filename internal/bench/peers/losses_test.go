package peers_test

import (
	"net/http"
	"strings"
	"testing"

	connectcors "connectrpc.com/cors"
	chicors "github.com/go-chi/cors"
	"github.com/gorilla/handlers"
	rscors "github.com/rs/cors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

const page = "https://app.example.com"

// A loss is what a check reports of one procedure in one protocol.
type loss struct {
	call       string // "CartService/AddItem Connect"
	cannotSend string
	cannotRead string
	reachable  bool // what no page may reach
}

func losses(r *corstest.Report) (lost []loss) {
	for _, result := range r.Results {
		if !result.OK() {
			lost = append(lost, loss{
				call:       strings.TrimPrefix(result.Procedure, "/acme.shop.v1.") + " " + string(result.Protocol),
				cannotSend: strings.Join(result.CannotSend, " "),
				cannotRead: strings.Join(result.CannotRead, " "),
				reachable:  result.Refused,
			})
		}
	}
	return lost
}

// Three libraries with the lists of connectrpc.com/cors.
var withConnectLists = map[string]func(http.Handler) http.Handler{
	"github.com/rs/cors": rscors.New(rscors.Options{
		AllowedOrigins: []string{page},
		AllowedMethods: connectcors.AllowedMethods(),
		AllowedHeaders: connectcors.AllowedHeaders(),
		ExposedHeaders: connectcors.ExposedHeaders(),
	}).Handler,
	"github.com/go-chi/cors": chicors.Handler(chicors.Options{
		AllowedOrigins: []string{page},
		AllowedMethods: connectcors.AllowedMethods(),
		AllowedHeaders: connectcors.AllowedHeaders(),
		ExposedHeaders: connectcors.ExposedHeaders(),
	}),
	"github.com/gorilla/handlers": handlers.CORS(
		handlers.AllowedOrigins([]string{page}),
		handlers.AllowedMethods(connectcors.AllowedMethods()),
		handlers.AllowedHeaders(connectcors.AllowedHeaders()),
		handlers.ExposedHeaders(connectcors.ExposedHeaders()),
	),
}

// Codes, messages and details survive. Application metadata does not, in either
// direction: request headers, response headers, error metadata; and nor do the
// trailers that are among the headers: with a prefix in unary responses over
// Connect, without one in trailers-only responses over gRPC-Web. Internal methods
// are open.
func TestListsOfConnectrpcLoseAllApplicationMetadata(t *testing.T) {
	t.Parallel()
	want := []loss{
		{"AdminService/SetPrice Connect", "", "", true},
		{"AdminService/SetPrice gRPC-Web", "", "", true},
		{"AdminService/ReportProduct Connect", "Authorization", "X-Audit-Id", false},
		{"AdminService/ReportProduct gRPC-Web", "Authorization", "X-Audit-Id", false},
		{"CartService/AddItem Connect", "Authorization X-Tenant-Id", "X-Request-Id Trailer-X-Cost", false},
		{"CartService/AddItem gRPC-Web", "Authorization X-Tenant-Id", "X-Request-Id X-Cost", false},
		{"CartService/Checkout Connect", "Authorization", "X-Request-Id X-Retry-Hint Trailer-X-Cost", false},
		{"CartService/Checkout gRPC-Web", "Authorization", "X-Request-Id X-Retry-Hint X-Cost", false},
		{"CartService/TrackOrder Connect", "Authorization", "X-Request-Id X-Retry-Hint", false},
		{"CartService/TrackOrder gRPC-Web", "Authorization", "X-Request-Id X-Retry-Hint X-Updates", false},
		{"CartService/ImportItems Connect", "Authorization", "X-Request-Id", false},
		{"CartService/ImportItems gRPC-Web", "Authorization", "X-Request-Id X-Cost", false},
		{"CartService/NegotiatePrice Connect", "Authorization", "X-Request-Id", false},
		{"CartService/NegotiatePrice gRPC-Web", "Authorization", "X-Request-Id X-Rounds", false},
		{"CartService/PurgeCarts Connect", "", "", true},
		{"CartService/PurgeCarts gRPC-Web", "", "", true},
		{"CatalogService/GetProduct Connect", "", "X-Catalog-Version", false},
		{"CatalogService/GetProduct Connect GET", "", "X-Catalog-Version", false},
		{"CatalogService/GetProduct gRPC-Web", "", "X-Catalog-Version", false},
		{"CatalogService/SearchProducts gRPC-Web", "", "X-Hits", false},
		{"CatalogService/WatchPrices Connect", "", "X-Catalog-Version", false},
		{"CatalogService/WatchPrices gRPC-Web", "", "X-Catalog-Version X-Updates", false},
		{"WarehouseService/ReserveStock Connect", "", "", true},
		{"WarehouseService/ReserveStock gRPC-Web", "", "", true},
	}
	for name, wrap := range withConnectLists {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := corstest.Check(wrap(shop.NewHandler()), page, corstest.WithAudiences("storefront"))
			require.Error(t, r.Err())
			assert.Equal(t, want, losses(r), r.Err().Error())
		})
	}
}

// The documentation of Connect also names an application's own headers, and
// trailers with Connect's prefix. What it does not name is lost over gRPC-Web
// where a response is trailers-only: trailers under their own names.
func TestListsAsDocumentedLoseTrailersOverGRPCWeb(t *testing.T) {
	t.Parallel()
	wrap := rscors.New(rscors.Options{
		AllowedOrigins: []string{page},
		AllowedMethods: connectcors.AllowedMethods(),
		AllowedHeaders: append(connectcors.AllowedHeaders(), "Authorization", "X-Tenant-Id"),
		ExposedHeaders: append(connectcors.ExposedHeaders(), "X-Request-Id", "X-Retry-Hint", "X-Catalog-Version", "Trailer-X-Cost"),
	}).Handler
	r := corstest.Check(wrap(shop.NewHandler()), page, corstest.WithAudiences("storefront"),
		corstest.WithServices("acme.shop.v1.CartService", "acme.shop.v1.CatalogService"))
	assert.Equal(t, []loss{
		{"CartService/AddItem gRPC-Web", "", "X-Cost", false},
		{"CartService/Checkout gRPC-Web", "", "X-Cost", false},
		{"CartService/TrackOrder gRPC-Web", "", "X-Updates", false},
		{"CartService/ImportItems gRPC-Web", "", "X-Cost", false},
		{"CartService/NegotiatePrice gRPC-Web", "", "X-Rounds", false},
		{"CartService/PurgeCarts Connect", "", "", true},
		{"CartService/PurgeCarts gRPC-Web", "", "", true},
		{"CatalogService/SearchProducts gRPC-Web", "", "X-Hits", false},
		{"CatalogService/WatchPrices gRPC-Web", "", "X-Updates", false},
	}, losses(r))
}

// With real calls, what is lost is what those responses had; and of calls that
// failed what the lists lack.
func TestListsOfConnectrpcWithRealCalls(t *testing.T) {
	t.Parallel()
	r := corstest.Check(withConnectLists["github.com/rs/cors"](shop.NewHandler()), page, corstest.WithAudiences("storefront"),
		corstest.WithServices("acme.shop.v1.CatalogService"), corstest.WithCalls(nil, "*"))
	assert.Equal(t, []loss{
		{"CatalogService/GetProduct Connect", "", "X-Catalog-Version", false},
		{"CatalogService/GetProduct Connect GET", "", "X-Catalog-Version", false},
		{"CatalogService/GetProduct gRPC-Web", "", "X-Catalog-Version", false},
		{"CatalogService/WatchPrices Connect", "", "X-Catalog-Version", false},
		{"CatalogService/WatchPrices gRPC-Web", "", "X-Catalog-Version", false},
	}, losses(r), "an unknown product has no header, so that its lists count; streams with messages have their trailers in the body")
	for _, result := range r.Results {
		assert.True(t, result.Called)
	}
}

// The check is about the server: with everything permitted and the internal
// methods shut, any library passes it.
func TestCompleteListsPass(t *testing.T) {
	t.Parallel()
	shut := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "internal", http.StatusForbidden) })
	open := rscors.New(rscors.Options{
		AllowedOrigins: []string{page},
		AllowedMethods: connectcors.AllowedMethods(),
		AllowedHeaders: append(connectcors.AllowedHeaders(), "Authorization", "X-Tenant-Id"),
		ExposedHeaders: append(connectcors.ExposedHeaders(), "X-Audit-Id", "X-Request-Id", "X-Retry-Hint", "X-Catalog-Version",
			"Trailer-X-Cost", "X-Cost", "X-Updates", "X-Rounds", "X-Hits"),
	}).Handler(shop.NewHandler())
	mux := http.NewServeMux()
	mux.Handle("/", open)
	for _, internal := range []string{"/acme.shop.v1.AdminService/SetPrice", "/acme.shop.v1.CartService/PurgeCarts", "/acme.shop.v1.WarehouseService/"} {
		mux.Handle(internal, shut)
	}
	require.NoError(t, corstest.Check(mux, page, corstest.WithAudiences("storefront")).Err())
}
