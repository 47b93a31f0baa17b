package corsrpc_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

const (
	app     = "https://app.example.com"
	shopper = "https://shop.example.com"
	console = "https://console.example.com"
	evil    = "https://evil.test"

	getProduct    = "/acme.shop.v1.CatalogService/GetProduct"
	watchPrices   = "/acme.shop.v1.CatalogService/WatchPrices"
	addItem       = "/acme.shop.v1.CartService/AddItem"
	purgeCarts    = "/acme.shop.v1.CartService/PurgeCarts"
	setPrice      = "/acme.shop.v1.AdminService/SetPrice"
	reportProduct = "/acme.shop.v1.AdminService/ReportProduct"
	reserveStock  = "/acme.shop.v1.WarehouseService/ReserveStock"

	catalog = "acme.shop.v1.CatalogService"
	cart    = "acme.shop.v1.CartService"
	admin   = "acme.shop.v1.AdminService"
)

// shopConfig is a Config as the shop's operator would write it.
func shopConfig() corsrpc.Config {
	return corsrpc.Config{
		Origins: []string{app},
		Audiences: map[string][]string{
			"storefront": {shopper},
			"backoffice": {console},
		},
	}
}

func newPolicy(t testing.TB, config corsrpc.Config) *corsrpc.Policy {
	t.Helper()
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	return policy
}

// newRequest makes a request as a server sees it, whose path is taken as it
// is. The header is written as name, value, name, value; a repeated name adds
// a line.
func newRequest(method, path string, header ...string) *http.Request {
	r := &http.Request{
		Method: method,
		URL:    &url.URL{Path: path},
		Host:   "api.example.com",
		Header: make(http.Header),
		Body:   http.NoBody,
		Proto:  "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func newPreflight(path, origin, method string, header ...string) *http.Request {
	return newRequest("OPTIONS", path, append([]string{"Origin", origin, "Access-Control-Request-Method", method}, header...)...)
}

// A spy is a handler that counts its calls.
type spy struct{ ran int }

func (s *spy) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s.ran++
	w.WriteHeader(http.StatusTeapot)
}

// An answer is the whole response that a client got, and whether the handler
// ran.
type answer struct {
	status int
	header http.Header
	body   string
	ran    bool
}

// exchange sends a request through Wrap to a spy.
func exchange(policy *corsrpc.Policy, r *http.Request) answer {
	s := &spy{}
	a := serve(policy.Wrap(s), r)
	a.ran = s.ran > 0
	return a
}

func serve(h http.Handler, r *http.Request) answer {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{status: w.Code, header: w.Header(), body: w.Body.String()}
}

// header is written as name, value, name, value.
func header(lines ...string) http.Header {
	h := make(http.Header)
	for i := 0; i < len(lines); i += 2 {
		h[lines[i]] = append(h[lines[i]], lines[i+1])
	}
	return h
}
