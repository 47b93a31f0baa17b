package corscaddy_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corscaddy"
)

// Handlers begin a response in several ways.
func TestHandlersWithCORS(t *testing.T) {
	t.Parallel()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	h := &corscaddy.Handler{Image: "testdata/shop.binpb", Policy: []string{"testdata/policy.yaml"}}
	require.NoError(t, h.Provision(ctx))
	defer func() { require.NoError(t, h.Cleanup()) }()
	failure := errors.New("failed")
	for _, test := range []struct {
		name  string
		begin func(http.ResponseWriter) error
		want  error
	}{
		{"WriteHeader", func(w http.ResponseWriter) error { w.WriteHeader(http.StatusOK); return nil }, nil},
		{"Write", func(w http.ResponseWriter) error { _, err := io.WriteString(w, "x"); return err }, nil},
		{"ReadFrom", func(w http.ResponseWriter) error {
			_, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("x"))
			return err
		}, nil},
		{"Flush", func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() }, nil},
		{"not at all", func(http.ResponseWriter) error { return nil }, nil},
		{"an error that Caddy responds to", func(http.ResponseWriter) error { return failure }, failure},
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			w, r := httptest.NewRecorder(), httptest.NewRequest(method, addItem, nil)
			r.Header.Set("Origin", app)
			err := h.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
				for name, line := range map[string]string{
					"Access-Control-Allow-Origin": "*", "Access-Control-Max-Age": "5", "Access-Control-Expose-Headers": "*",
				} {
					w.Header().Add(name, line)
				}
				w.Header()["access-control-allow-origin"] = []string{"*"}
				return test.begin(w)
			}))
			assert.Equal(t, test.want, err, test.name)
			assert.Equal(t, http.Header{
				"Access-Control-Allow-Origin": {app}, "Access-Control-Allow-Credentials": {"true"},
				"Access-Control-Expose-Headers": {exposed(t, addItem)}, "Vary": {"Origin"},
			}, cors(w.Result()), "%s %s", method, test.name)
		}
	}
}
