package corstest_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// exposing lists every header of the response that is about to be sent, as
// improbable-eng/grpc-web does: the list of one response tells nothing about
// another.
func exposing(next http.Handler, more ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(allowOrigin, "*")
		w.Header().Set(allowHeaders, "*, Authorization")
		if isPreflight(r) {
			return
		}
		next.ServeHTTP(exposer{w, more}, r)
	})
}

type exposer struct {
	http.ResponseWriter
	more []string
}

func (w exposer) WriteHeader(status int) {
	names := slices.Clone(w.more)
	for name := range w.Header() {
		names = append(names, name)
	}
	w.Header().Set(exposeHeaders, strings.Join(names, ", "))
	w.ResponseWriter.WriteHeader(status)
}

func (w exposer) Write(p []byte) (int, error) { return w.ResponseWriter.Write(p) }

func (w exposer) Flush() { w.ResponseWriter.(http.Flusher).Flush() }

func TestCheckOfServersThatExposePerResponse(t *testing.T) {
	t.Parallel()
	opts := []corstest.CheckOption{corstest.WithServices(catalogService), corstest.WithProtocols(corstest.GRPCWeb, corstest.Connect)}
	require.NoError(t, corstest.Check(exposing(shop.NewHandler(), "grpc-status", "grpc-message"), pageOrigin, opts...).Err())

	// The same lists are a fault where other responses show that they are fixed.
	fixed := handCORS{origin: "*", allow: "*", expose: "Vary, Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin"}
	r := corstest.Check(fixed.wrap(shop.NewHandler()), pageOrigin, opts...)
	assert.Equal(t, []string{"X-Catalog-Version"}, of(r, "/"+catalogService+"/GetProduct")["Connect"].CannotRead)
}

// What is inferred from a response that no handler wrote is called so.
func TestCheckTellsInferencesFromFacts(t *testing.T) {
	t.Parallel()
	lists := handCORS{origin: "*", allow: protocolHeaders, expose: "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin"}.wrap(shop.NewHandler())
	opts := []corstest.CheckOption{corstest.WithServices(catalogService), corstest.WithProtocols(corstest.Connect)}
	const inferred, guess = "CANNOT READ is inferred from responses that no handler wrote.", "unless handlers' responses have another list"
	err := corstest.Check(lists, pageOrigin, opts...).Err()
	require.ErrorContains(t, err, inferred)
	require.ErrorContains(t, err, guess)

	err = corstest.Check(lists, pageOrigin, append(opts, corstest.WithCalls(nil, "*"))...).Err()
	require.ErrorContains(t, err, "Access-Control-Expose-Headers must list X-Catalog-Version\n")
	assert.NotContains(t, err.Error(), inferred)
	assert.NotContains(t, err.Error(), guess)
}

// Behind a server whose CORS headers are on successes alone, a call shows what a
// check without it cannot see.
func TestWithCallsReadsBeyondUnreadableErrors(t *testing.T) {
	t.Parallel()
	handler := onSuccess(handCORS{origin: "*", allow: protocolHeaders, expose: everyExposed}.wrap(shop.NewHandler()))
	opts := []corstest.CheckOption{corstest.WithServices(catalogService), corstest.WithProtocols(corstest.GRPCWeb)}
	result := of(corstest.Check(handler, pageOrigin, opts...), "/"+catalogService+"/SearchProducts")["gRPC-Web"]
	assert.Equal(t, corstest.MissingAllowOriginHeader, result.Blocked.Code)
	assert.Equal(t, http.StatusUnsupportedMediaType, result.Blocked.Status)
	assert.False(t, ok(result))

	r := corstest.Check(handler, pageOrigin, append(opts, corstest.WithCalls(nil, "*"))...)
	result = of(r, "/"+catalogService+"/SearchProducts")["gRPC-Web"]
	assert.True(t, result.Called)
	assert.Equal(t, http.StatusOK, result.Status)
	assert.Equal(t, http.StatusUnsupportedMediaType, result.Blocked.Status)
	require.ErrorContains(t, r.Err(), "200, unreadable 415")
	require.ErrorContains(t, r.Err(), "on every response, errors included")
}

// A server that demands the headers of a protocol is not asked for each alone.
func TestCheckReadsTheListOfWhatIsMissing(t *testing.T) {
	t.Parallel()
	handler := wantsProtocol(handCORS{origin: "*", allow: "Content-Type, X-Grpc-Web, Grpc-Timeout", expose: "*"}.wrap(shop.NewHandler()))
	r := corstest.Check(handler, pageOrigin, corstest.WithServices(catalogService), corstest.WithProtocols(corstest.GRPCWeb))
	for _, result := range r.Results {
		assert.Equal(t, []string{"X-User-Agent"}, result.CannotSend, result.Procedure)
		assert.Equal(t, corstest.HeaderDisallowedByPreflightResponse, result.Blocked.Code)
	}
}

// Why a page cannot call is not what came of a call without the headers at fault.
func TestWithCallsKeepsWhyPagesCannotCall(t *testing.T) {
	t.Parallel()
	handler := onSuccess(handCORS{origin: "*", allow: "Content-Type"}.wrap(statusHandler(http.StatusBadGateway, "")))
	r := corstest.Check(handler, pageOrigin, corstest.WithServices(catalogService), corstest.WithProtocols(corstest.GRPCWeb), corstest.WithCalls(nil, "*"))
	for _, result := range r.Results {
		assert.Equal(t, corstest.HeaderDisallowedByPreflightResponse, result.Blocked.Code)
	}
}

func TestWithCallsListsWhatNobodyDeclared(t *testing.T) {
	t.Parallel()
	cors := handCORS{origin: "*", allow: protocolHeaders, expose: everyExposed + ", X-Shown"}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Debug", "1")
		w.Header().Set("X-Shown", "1")
		w.Header().Set("X-Frame-Options", "DENY")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		w.Header().Add("Set-Cookie", "a=b")
		cors.wrap(shop.NewHandler()).ServeHTTP(w, r)
	})
	opts := []corstest.CheckOption{corstest.WithServices(catalogService), corstest.WithProtocols(corstest.Connect, corstest.GRPCWeb)}
	r := corstest.Check(handler, pageOrigin, append(opts, corstest.WithCalls(nil, catalogService+".GetProduct"))...)
	require.NoError(t, r.Err())
	for _, result := range of(r, "/"+catalogService+"/GetProduct") {
		assert.Equal(t, []string{"X-Debug"}, result.Undeclared)
	}
	assert.Contains(t, r.String(), "\nX-Debug is sent by /acme.shop.v1.CatalogService/GetProduct, and neither declared nor exposed.\n")
	assert.NotContains(t, corstest.Check(handler, pageOrigin, opts...).String(), "X-Debug")
}

// A page can read these, and has called nothing.
func TestCheckOfWhatNoHandlerResponds(t *testing.T) {
	t.Parallel()
	cors := handCORS{origin: "*", allow: protocolHeaders, expose: everyExposed}
	for status, fix := range map[int]string{
		http.StatusNotFound:                "serve the procedure",
		http.StatusMethodNotAllowed:        "serve the procedure with this method",
		http.StatusBadGateway:              "make sure that the proxy reaches the handler",
		http.StatusServiceUnavailable:      "make sure that the proxy reaches the handler",
		http.StatusGatewayTimeout:          "make sure that the proxy reaches the handler",
		http.StatusHTTPVersionNotSupported: "serve HTTP/2",
	} {
		mux := http.NewServeMux()
		mux.Handle("/", shop.NewHandler())
		mux.Handle("/"+catalogService+"/WatchPrices", statusHandler(status, ""))
		r := corstest.Check(cors.wrap(mux), pageOrigin, corstest.WithServices(catalogService))
		assert.Len(t, failures(r), 2, "%d", status)
		require.ErrorContains(t, r.Err(), ", not RPC\n")
		require.ErrorContains(t, r.Err(), "/acme.shop.v1.CatalogService/WatchPrices: "+fix)
	}
}

// Whoever responds to a preflight with these is not the CORS middleware.
func TestPreflightsThatSomethingInFrontRespondsTo(t *testing.T) {
	t.Parallel()
	texts := map[string]int{}
	for status, want := range map[int]string{
		http.StatusUnauthorized:     "outside authentication",
		http.StatusNotFound:         "Config.PathPrefix",
		http.StatusMethodNotAllowed: "does not serve OPTIONS",
		http.StatusForbidden:        "send 'Access-Control-Allow-Origin: https://app.example.com'",
	} {
		s := saying()
		s.answer = func(*http.Request, http.Header) int { return status }
		blocked := requireBlocked(t, on(s), corstest.Request{URL: apiURL, Header: http.Header{"X-A": {"1"}}})
		assert.Equal(t, corstest.PreflightMissingAllowOriginHeader, blocked.Code)
		assert.Contains(t, blocked.Fix, want)
		texts[blocked.Fix] = status

		s.answer = func(_ *http.Request, header http.Header) int { header.Set(allowOrigin, "*"); return status }
		blocked = requireBlocked(t, on(s), corstest.Request{URL: apiURL, Header: http.Header{"X-A": {"1"}}})
		assert.Equal(t, corstest.PreflightInvalidStatus, blocked.Code)
		if status != http.StatusForbidden {
			assert.Contains(t, blocked.Fix, want)
		}
	}
	assert.Len(t, texts, 4, "each has a text of its own")
}

// Browsers name one header at a time; the error names all.
func TestBlockedErrorNamesAllMissingHeaders(t *testing.T) {
	t.Parallel()
	s := saying(allowOrigin, "*", allowHeaders, "x-b")
	blocked := requireBlocked(t, on(s), corstest.Request{URL: apiURL, Header: http.Header{"X-A": {"1"}, "X-B": {"1"}, "Authorization": {"x"}, "Range": {"bytes=0-1,2-3"}}})
	assert.Equal(t, "authorization", blocked.Name)
	assert.Equal(t, []string{"authorization", "range", "x-a"}, blocked.Missing)
	assert.True(t, strings.HasPrefix(blocked.Fix, "list authorization, range, x-a in 'Access-Control-Allow-Headers'"), blocked.Fix)
}

// A Go client can give a GET a body that is empty and not http.NoBody; scripts
// have no such thing.
func TestClientTakesAnEmptyBodyOfAGETForNone(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"", http.MethodGet, http.MethodHead} {
		s := saying(allowOrigin, "*")
		request, err := http.NewRequest(method, apiURL, io.NopCloser(strings.NewReader("")))
		require.NoError(t, err)
		request.Method = method
		response, err := on(s).Client().Do(request)
		require.NoError(t, err, method)
		_ = response.Body.Close()
		assert.Nil(t, s.requests[0].Body)
	}
	request, err := http.NewRequest(http.MethodGet, apiURL, io.NopCloser(strings.NewReader("x")))
	require.NoError(t, err)
	_, err = on(saying(allowOrigin, "*")).Client().Do(request)
	require.ErrorContains(t, err, "a request with the method GET cannot have a body")
}

// A gateway lets nothing through without its own token, preflights included.
func TestWithGatewayHeader(t *testing.T) {
	t.Parallel()
	next := handCORS{origin: "*", allow: protocolHeaders, expose: "*"}.wrap(shop.NewHandler())
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Gateway") != "open" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
	service, open := corstest.WithServices(catalogService), corstest.WithGatewayHeader(http.Header{"x-gateway": {"open"}})
	require.Error(t, corstest.Check(handler, pageOrigin, service).Err())
	require.NoError(t, corstest.Check(handler, pageOrigin, service, open).Err())

	server := live(t, handler)
	server.Start()
	r, err := corstest.CheckURL(t.Context(), server.URL, "http://app.example", service, open)
	require.NoError(t, err)
	require.NoError(t, r.Err())
}
