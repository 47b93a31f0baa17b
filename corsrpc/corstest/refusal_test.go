package corstest_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

const warehouse = "acme.shop.v1.WarehouseService" // which is internal

// onSuccess has the CORS headers of a handler removed from errors, as nginx's
// add_header without "always" does.
func onSuccess(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(successes{w}, r)
	})
}

type successes struct{ http.ResponseWriter }

func (w successes) WriteHeader(status int) {
	if status >= 300 {
		maps.DeleteFunc(w.Header(), func(name string, _ []string) bool { return strings.HasPrefix(name, "Access-Control-") })
	}
	w.ResponseWriter.WriteHeader(status)
}

// Whether the page can read what a check's request gets says little about
// whether a real one runs: once the preflight passed, the browser sends it.
func TestCheckExpectsInternalMethodsToBeRefused(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		handler  http.Handler
		runs     bool
		readable bool
	}{
		"headers on success alone":     {onSuccess(handCORS{origin: "*", allow: protocolHeaders}.wrap(shop.NewHandler())), true, false},
		"the content type is enough":   {handCORS{origin: "*", allow: "Content-Type"}.wrap(shop.NewHandler()), true, true},
		"no content type":              {handCORS{origin: "*", allow: "X-Grpc-Web"}.wrap(shop.NewHandler()), false, false},
		"preflights are refused":       {handCORS{origin: "https://other.example", allow: "*"}.wrap(shop.NewHandler()), false, false},
		"the protocol's or nothing":    {wantsProtocol(handCORS{origin: "*", allow: protocolHeaders}.wrap(shop.NewHandler())), true, true},
		"403 after a good preflight":   {handCORS{origin: "*", allow: protocolHeaders}.wrap(statusHandler(http.StatusForbidden, "")), false, false},
		"404 after a good preflight":   {handCORS{origin: "*", allow: protocolHeaders}.wrap(statusHandler(http.StatusNotFound, "")), false, false},
		"gRPC's PERMISSION_DENIED":     {handCORS{origin: "*", allow: protocolHeaders}.wrap(statusHandler(http.StatusOK, "7")), false, false},
		"any other status of gRPC":     {handCORS{origin: "*", allow: protocolHeaders}.wrap(statusHandler(http.StatusOK, "13")), true, true},
		"505 over HTTP/1.1":            {handCORS{origin: "*", allow: protocolHeaders}.wrap(statusHandler(http.StatusHTTPVersionNotSupported, "")), false, false},
		"400, of whoever validates it": {handCORS{origin: "*", allow: protocolHeaders}.wrap(statusHandler(http.StatusBadRequest, "")), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler := http.NewServeMux()
			handler.Handle("/"+warehouse+"/", row.handler)
			handler.Handle("/", shop.NewHandler()) // so that it is not the same everywhere
			r := corstest.Check(handler, pageOrigin, corstest.WithServices(warehouse))
			if name == "404 after a good preflight" {
				require.ErrorContains(t, r.Err(), "does not have any procedure of "+warehouse)
				return
			}
			require.Len(t, r.Results, 2)
			for _, result := range r.Results {
				assert.Equal(t, row.runs, result.Runs, result.Protocol)
				assert.Equal(t, row.readable, result.Runs && result.Blocked == nil, result.Protocol)
				assert.Equal(t, name == "505 over HTTP/1.1", result.Inconclusive, result.Protocol)
				assert.Equal(t, !row.runs && !result.Inconclusive, result.OK(), result.Protocol)
			}
			if row.runs {
				require.ErrorContains(t, r.Err(), "refuse the preflights of pages of this origin: they pass, so the procedure runs")
			}
		})
	}
}

func statusHandler(status int, grpcStatus string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if grpcStatus != "" {
			w.Header().Set("Grpc-Status", grpcStatus)
		}
		w.WriteHeader(status)
	})
}

// wantsProtocol allows nothing without the headers of a protocol, as improbable's
// wrapper does.
func wantsProtocol(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r.Header.Get("Access-Control-Request-Headers")
		if isPreflight(r) && !strings.Contains(asked, "x-grpc-web") && !strings.Contains(asked, "connect-protocol-version") {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Behind authentication nobody knows what happens to a user who is logged in.
func TestWithNoAccessNeedsAUser(t *testing.T) {
	t.Parallel()
	const evil = "https://evil.test"
	session := &http.Cookie{Name: "session", Value: "ada", SameSite: http.SameSiteNoneMode, Secure: true}
	token := corstest.WithMetadata(http.Header{"Authorization": {"Bearer ada"}})
	loggedIn := func(r *http.Request) bool {
		cookie, err := r.Cookie("session")
		return err == nil && cookie.Value == "ada" || r.Header.Get("Authorization") == "Bearer ada"
	}
	authenticated := func(denied func(w http.ResponseWriter, r *http.Request), next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !isPreflight(r) && !loggedIn(r) {
				denied(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	unauthorized := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }
	login := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }
	unauthenticatedGRPC := func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Grpc-Status", "16") }
	open := handCORS{origin: "*", allow: protocolHeaders + ", Authorization"}
	for name, row := range map[string]struct {
		handler      http.Handler
		opts         []corstest.CheckOption
		runs         bool
		inconclusive bool
	}{
		"401":                           {authenticated(unauthorized, shop.NewHandler()), nil, false, true},
		"a login page":                  {authenticated(login, shop.NewHandler()), nil, false, true},
		"gRPC's UNAUTHENTICATED":        {authenticated(unauthenticatedGRPC, shop.NewHandler()), nil, false, true},
		"401, with cookies":             {authenticated(unauthorized, shop.NewHandler()), []corstest.CheckOption{corstest.WithCookies(session)}, true, false},
		"401, with cookies of one site": {authenticated(unauthorized, shop.NewHandler()), []corstest.CheckOption{corstest.WithCookies(&http.Cookie{Name: "session", Value: "ada", SameSite: http.SameSiteStrictMode})}, false, true},
		"a token, to be preflighted":    {open.wrap(authenticated(unauthorized, shop.NewHandler())), []corstest.CheckOption{token}, true, false},
		"403 to users":                  {authenticated(unauthorized, statusHandler(http.StatusForbidden, "")), []corstest.CheckOption{corstest.WithCookies(session)}, false, true},
		"403 to everybody":              {statusHandler(http.StatusForbidden, ""), []corstest.CheckOption{corstest.WithCookies(session)}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := corstest.Check(row.handler, evil, append(row.opts, corstest.WithServices(catalogService), corstest.WithNoAccess())...)
			result := of(r, "/"+catalogService+"/GetProduct")["Connect GET"]
			assert.Equal(t, row.runs, result.Runs)
			assert.Equal(t, row.inconclusive, result.Inconclusive)
			assert.Equal(t, !row.runs && !row.inconclusive, result.OK())
			if row.inconclusive {
				require.ErrorContains(t, r.Err(), "log a user in, with WithCookies or WithMetadata")
			}
		})
	}
}

// Cookies go with POST too, where the server allows credentials.
func TestWithCookiesTriesCallsWithCredentials(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(allowCreds, "true")
		if _, err := r.Cookie("session"); err != nil && !isPreflight(r) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handCORS{origin: r.Header.Get("Origin"), allow: protocolHeaders}.wrap(shop.NewHandler()).ServeHTTP(w, r)
	})
	session := &http.Cookie{Name: "session", Value: "ada", SameSite: http.SameSiteNoneMode, Secure: true}
	opts := []corstest.CheckOption{corstest.WithNoAccess(), corstest.WithServices(cartService)}
	for _, result := range corstest.Check(handler, "https://evil.test", opts...).Results {
		assert.True(t, result.Inconclusive && !result.Runs, "%s over %s", result.Procedure, result.Protocol)
	}
	for _, result := range corstest.Check(handler, "https://evil.test", append(opts, corstest.WithCookies(session))...).Results {
		assert.True(t, result.Runs, "%s over %s", result.Procedure, result.Protocol)
	}
}

// Pages of the origin's own kind are logged in, too.
func TestWithMetadataAndCookiesLogIn(t *testing.T) {
	t.Parallel()
	cors := handCORS{origin: pageOrigin, allow: protocolHeaders + ", " + everyMetadata, expose: everyExposed}
	handler := cors.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer ada" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		shop.NewHandler().ServeHTTP(w, r)
	}))
	opts := []corstest.CheckOption{corstest.WithServices(cartService), corstest.WithAudiences("storefront"), corstest.WithProtocols(corstest.Connect)}
	status := func(opts ...corstest.CheckOption) int {
		return of(corstest.Check(handler, pageOrigin, opts...), "/"+cartService+"/AddItem")["Connect"].Status
	}
	assert.Equal(t, http.StatusUnauthorized, status(opts...))
	assert.Contains(t, corstest.Check(handler, pageOrigin, opts...).String(), "A 401 is not the response of a handler.")
	assert.Equal(t, http.StatusUnsupportedMediaType, status(append(opts, corstest.WithMetadata(http.Header{"Authorization": {"Bearer ada"}}))...))
}

// What a server redirects to is another server's business.
func TestCheckFollowsNoRedirects(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{pageOrigin, "https://evil.test"} {
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			assert.Equal(t, "api.example", r.Host)
			w.Header().Set(allowOrigin, "*")
			w.Header().Set(allowHeaders, "*, Authorization")
			if !isPreflight(r) {
				http.Redirect(w, r, "https://login.example/", http.StatusFound)
			}
		})
		r := corstest.Check(handler, origin, corstest.WithServices(catalogService))
		assert.Len(t, failures(r), 7)
		require.ErrorContains(t, r.Err(), "unreadable 302")
		require.ErrorContains(t, r.Err(), "respond at the URL of the request: RPC clients do not follow redirects. [RedirectNotAllowed, status 302]")

		r = corstest.Check(handler, origin, corstest.WithServices(catalogService), corstest.WithNoAccess())
		assert.Len(t, failures(r), 7)
		require.ErrorContains(t, r.Err(), "inconclusive 302")
	}
}
