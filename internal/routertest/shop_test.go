package routertest

import (
	"context"
	"net/http"
	"path"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

const (
	app     = "https://app.example.com"     // listed for the catalog
	console = "https://console.example.com" // listed for SetPrice
	evil    = "https://evil.test"           // listed for nothing
	host    = "api.example.com"

	getProduct = shopv1connect.CatalogServiceGetProductProcedure
	setPrice   = shopv1connect.AdminServiceSetPriceProcedure
	docs       = "/docs" + getProduct
)

func newPolicy(t *testing.T, resources map[string]corsrpc.Resource) *corsrpc.Policy {
	t.Helper()
	policy, err := corsrpc.New(corsrpc.Config{
		Origins:   []string{app},
		Audiences: map[string][]string{"storefront": {}, "backoffice": {console}},
		Resources: resources,
	})
	require.NoError(t, err)
	return policy
}

// A spy implements the shop and notes what ran.
type spy struct {
	shopv1connect.UnimplementedCatalogServiceHandler
	shopv1connect.UnimplementedAdminServiceHandler

	mu  sync.Mutex
	ran string // the path of a procedure, or "docs"
}

func (s *spy) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ran = what
}

// take returns what ran since it was called last.
func (s *spy) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ran := s.ran
	s.ran = ""
	return ran
}

func (s *spy) GetProduct(context.Context, *connect.Request[shopv1.GetProductRequest]) (*connect.Response[shopv1.GetProductResponse], error) {
	s.note(getProduct)
	return connect.NewResponse(&shopv1.GetProductResponse{}), nil
}

func (s *spy) SetPrice(context.Context, *connect.Request[shopv1.SetPriceRequest]) (*connect.Response[shopv1.SetPriceResponse], error) {
	s.note(setPrice)
	return connect.NewResponse(&shopv1.SetPriceResponse{}), nil
}

// procedures are handlers that do not look at the path.
func (s *spy) procedures() []mount {
	return []mount{
		{getProduct, connect.NewUnaryHandler(getProduct, s.GetProduct, connect.WithIdempotency(connect.IdempotencyNoSideEffects))},
		{setPrice, connect.NewUnaryHandler(setPrice, s.SetPrice)},
	}
}

// A kind is a way in which handlers look at the path.
type kind struct {
	name   string
	mounts func(*spy) []mount
}

var kinds = []kind{
	// Generated handlers compare the whole path, after the router.
	{"generated", func(s *spy) []mount {
		catalogPath, catalog := shopv1connect.NewCatalogServiceHandler(s)
		adminPath, admin := shopv1connect.NewAdminServiceHandler(s)
		return []mount{{catalogPath, catalog}, {adminPath, admin}}
	}},
	{"path-ignoring", (*spy).procedures},
	// The last segment, decoded, cut and in any case, names the method.
	{"subtree", func(s *spy) []mount {
		var mounts []mount
		for _, procedure := range s.procedures() {
			service, method := path.Split(procedure.path)
			mounts = append(mounts, mount{service, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				last, _, _ := strings.Cut(path.Base(strings.ReplaceAll(r.URL.Path, `\`, "/")), ";")
				if !strings.EqualFold(last, method) {
					http.NotFound(w, r)
					return
				}
				procedure.handler.ServeHTTP(w, r)
			})})
		}
		return mounts
	}},
}

// documentation is a page below each path that documents a procedure.
func (s *spy) documentation() mount {
	return mount{"/docs/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.note("docs")
		w.Header().Set("Content-Type", "text/html")
	})}
}

// canonical returns a method's name in the case of the schema.
func canonical(method string) string {
	for _, procedure := range []string{getProduct, setPrice} {
		if name := path.Base(procedure); strings.EqualFold(name, method) {
			return name
		}
	}
	return method
}
