package corstest_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// permissive is a server's CORS written by hand: everything that is asked for
// is permitted to everybody, and these headers are exposed.
func permissive(next http.Handler, exposed ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		header := w.Header()
		header.Set(allowOrigin, "*")
		if len(exposed) > 0 {
			header.Set(exposeHeaders, strings.Join(exposed, ", "))
		}
		if isPreflight(req) {
			header.Set(allowHeaders, req.Header.Get("Access-Control-Request-Headers"))
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, req)
	})
}

// rpcClients are the options of connect-go for what pages can speak.
var rpcClients = map[string][]connect.ClientOption{
	"Connect":          nil,
	"Connect as JSON":  {connect.WithProtoJSON()},
	"Connect GET":      {connect.WithHTTPGet()},
	"gRPC-Web":         {connect.WithGRPCWeb()},
	"gRPC-Web as JSON": {connect.WithGRPCWeb(), connect.WithProtoJSON()},
}

func TestClientServesGeneratedClients(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(permissive(shop.NewHandler(), "*"))
	t.Cleanup(server.Close)
	for name, options := range rpcClients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := corstest.NewBrowser("http://localhost:5173")
			catalog := shopv1connect.NewCatalogServiceClient(b.Client(), server.URL, options...)
			cart := shopv1connect.NewCartServiceClient(b.Client(), server.URL, options...)

			product, err := catalog.GetProduct(t.Context(), connect.NewRequest(&shopv1.GetProductRequest{ProductId: "teapot"}))
			require.NoError(t, err)
			assert.NotEmpty(t, product.Header().Get("X-Catalog-Version"))

			add := connect.NewRequest(&shopv1.AddItemRequest{Item: &shopv1.CartItem{ProductId: "teapot", Quantity: 1}})
			add.Header().Set("Authorization", "Bearer ada")
			add.Header().Set("X-Tenant-Id", "acme")
			added, err := cart.AddItem(t.Context(), add)
			require.NoError(t, err)
			assert.Equal(t, "1", added.Trailer().Get("X-Cost"))

			_, err = catalog.GetProduct(t.Context(), connect.NewRequest(&shopv1.GetProductRequest{ProductId: "nothing"}))
			assert.Equal(t, connect.CodeNotFound, connect.CodeOf(err))

			prices, err := catalog.WatchPrices(t.Context(), connect.NewRequest(&shopv1.WatchPricesRequest{ProductIds: []string{"teapot", "teapot"}}))
			require.NoError(t, err)
			count := 0
			for prices.Receive() {
				count++
			}
			require.NoError(t, prices.Err())
			assert.Equal(t, 2, count)
			assert.Equal(t, "2", prices.ResponseTrailer().Get("X-Updates"))

			require.NoError(t, b.Err())
			for _, exchange := range b.Exchanges() {
				if name == "Connect GET" && exchange.Method == http.MethodGet {
					assert.NotContains(t, exchange.RequestHeader, "Content-Type")
				}
				for _, goOnly := range []string{"Te", "Connect-Accept-Encoding", "Grpc-Accept-Encoding"} {
					assert.NotContains(t, exchange.RequestHeader, goOnly)
				}
				assert.NotContains(t, exchange.RequestHeader.Get("User-Agent"), "connect-go")
			}
		})
	}
}

// What the measured clients for browsers ask permission for, connect-go asks
// for behind the browser.
func TestClientAsksForWhatClientsInPagesAskFor(t *testing.T) {
	t.Parallel()
	b := corstest.NewBrowser(pageOrigin, corstest.WithHandler(permissive(shop.NewHandler())))
	call := func(options ...connect.ClientOption) (asked []string) {
		before := len(b.Exchanges())
		ctx, cancel := context.WithTimeout(t.Context(), 1<<40)
		defer cancel()
		for _, ctx := range []context.Context{t.Context(), ctx} {
			client := shopv1connect.NewCatalogServiceClient(b.Client(), apiURL, options...)
			_, err := client.GetProduct(ctx, connect.NewRequest(&shopv1.GetProductRequest{ProductId: "teapot"}))
			require.NoError(t, err)
		}
		for _, exchange := range b.Exchanges()[before:] {
			if exchange.Preflight {
				asked = append(asked, exchange.RequestHeader.Get("Access-Control-Request-Headers"))
			}
		}
		return asked
	}
	assert.Equal(t, []string{"connect-protocol-version,content-type", "connect-protocol-version,connect-timeout-ms,content-type"}, call())
	assert.Equal(t, []string{"connect-timeout-ms"}, call(connect.WithHTTPGet()), "the call without a timeout has no preflight")
	b.ForgetPreflights()
	assert.Equal(t, []string{"content-type,x-grpc-web,x-user-agent", "content-type,grpc-timeout,x-grpc-web,x-user-agent"}, call(connect.WithGRPCWeb()))
}

func TestClientBlocksWithErrorsThatRPCClientsPassOn(t *testing.T) {
	t.Parallel()
	b := corstest.NewBrowser(pageOrigin, corstest.WithHandler(shop.NewHandler()))
	for name, options := range rpcClients {
		client := shopv1connect.NewCatalogServiceClient(b.Client(), apiURL, options...)
		_, err := client.GetProduct(t.Context(), connect.NewRequest(&shopv1.GetProductRequest{ProductId: "teapot"}))
		var blocked *corstest.BlockedError
		require.ErrorAs(t, err, &blocked, name)
		assert.Equal(t, name != "Connect GET", blocked.Preflight, name)
		require.ErrorContains(t, err, "To fix it: ")
	}
	var blocked *corstest.BlockedError
	require.ErrorAs(t, b.Err(), &blocked)
}

func TestClientFailsOverGRPCAsPagesDo(t *testing.T) {
	t.Parallel()
	b := corstest.NewBrowser(pageOrigin, corstest.WithHandler(permissive(shop.NewHandler(), "*")))
	client := shopv1connect.NewCatalogServiceClient(b.Client(), apiURL, connect.WithGRPC())
	_, err := client.GetProduct(t.Context(), connect.NewRequest(&shopv1.GetProductRequest{ProductId: "teapot"}))
	require.Error(t, err, "no script reads HTTP trailers")
}

// Answers stream: the second message is sent only when the first arrived.
func TestClientStreamsResponses(t *testing.T) {
	t.Parallel()
	for _, inProcess := range []bool{true, false} {
		received := make(chan struct{})
		handler := permissive(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "one")
			_ = http.NewResponseController(w).Flush()
			<-received
			_, _ = io.WriteString(w, "two")
		}))
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		b := corstest.NewBrowser("http://localhost:5173")
		if inProcess {
			b = corstest.NewBrowser("http://localhost:5173", corstest.WithHandler(handler))
		}
		response, err := b.Client().Get(server.URL)
		require.NoError(t, err)
		first := make([]byte, 3)
		_, err = io.ReadFull(response.Body, first)
		require.NoError(t, err)
		close(received)
		rest, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, "onetwo", string(first)+string(rest))
	}
}

func TestClientCancels(t *testing.T) {
	t.Parallel()
	for _, inProcess := range []bool{true, false} {
		ended := make(chan error, 1)
		handler := permissive(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			_ = http.NewResponseController(w).Flush()
			<-req.Context().Done()
			ended <- req.Context().Err()
		}))
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		b := corstest.NewBrowser("http://localhost:5173")
		if inProcess {
			b = corstest.NewBrowser("http://localhost:5173", corstest.WithHandler(handler))
		}
		ctx, cancel := context.WithCancel(t.Context())
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, http.NoBody)
		require.NoError(t, err)
		response, err := b.Client().Do(request)
		require.NoError(t, err)
		cancel()
		_, err = io.ReadAll(response.Body)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, <-ended, context.Canceled)
		require.NoError(t, response.Body.Close())
	}
}

func TestClientReadsNoResponseBeforeTheRequestEnds(t *testing.T) {
	t.Parallel()
	b := corstest.NewBrowser(pageOrigin, corstest.WithHandler(permissive(shop.NewHandler())))
	ctx, cancel := context.WithCancel(t.Context())
	reading, writing := io.Pipe()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, apiURL, reading)
	require.NoError(t, err)
	failed := make(chan error)
	go func() {
		_, err := b.Client().Do(request)
		failed <- err
	}()
	_, err = io.WriteString(writing, "half")
	require.NoError(t, err)
	cancel()
	err = <-failed
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "a page sends a whole body before it reads the response")
	assert.Empty(t, b.Exchanges())
}

func TestClientUndoesContentCodings(t *testing.T) {
	t.Parallel()
	plain := strings.Repeat("plain ", 100)
	coded := func(write func(io.Writer) io.WriteCloser) string {
		var b bytes.Buffer
		w := write(&b)
		_, err := io.WriteString(w, plain)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b.String()
	}
	bodies := map[string]string{
		"gzip":     coded(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }),
		"deflate":  coded(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }),
		"":         plain,
		"identity": plain,
	}
	for coding, body := range bodies {
		for _, origin := range []string{pageOrigin, "https://api.example.com"} {
			b := corstest.NewBrowser(origin, corstest.WithHandler(permissive(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Encoding"] = []string{coding}
				_, _ = io.WriteString(w, body)
			}))))
			response, err := b.Client().Get(apiURL)
			require.NoError(t, err)
			got, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			assert.Equal(t, plain, string(got), coding)
			assert.Equal(t, coding == "gzip" || coding == "deflate", response.Uncompressed)
			if response.Uncompressed {
				assert.NotContains(t, response.Header, "Content-Encoding")
				assert.NotContains(t, response.Header, "Content-Length")
			}
		}
	}
	broken := corstest.NewBrowser(pageOrigin, corstest.WithHandler(permissive(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, "this is not gzip at all")
	}))))
	response, err := broken.Client().Get(apiURL)
	require.NoError(t, err)
	_, err = io.ReadAll(response.Body)
	require.ErrorIs(t, err, gzip.ErrHeader)
}

// With the modes that its options give it.
func TestClientHasTheModesOfItsBrowser(t *testing.T) {
	t.Parallel()
	s := saying(allowOrigin, "*")
	_, err := on(s, corstest.WithCredentials(corstest.CredentialsInclude)).Client().Get(apiURL)
	var blocked *corstest.BlockedError
	require.ErrorAs(t, err, &blocked)
	assert.Equal(t, corstest.WildcardOriginNotAllowed, blocked.Code)

	moved := redirecting(http.StatusFound, "https://api.example.com/target", func(_ *http.Request, header http.Header) { header.Set(allowOrigin, "*") })
	response, err := on(moved).Client().Get(apiURL)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, response.StatusCode)
	_, err = on(moved, corstest.WithRedirect(corstest.RedirectError)).Client().Get(apiURL)
	require.ErrorAs(t, err, &blocked)
	assert.Equal(t, corstest.RedirectNotAllowed, blocked.Code)
	_, err = on(moved, corstest.WithRedirect(corstest.RedirectManual)).Client().Get(apiURL)
	require.ErrorContains(t, err, "do not use RedirectManual with Client")
}

func TestClientOfAServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	b := corstest.NewBrowser(pageOrigin, corstest.WithTransport(roundTripper(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("connection refused")
	})))
	_, err := b.Client().Get(apiURL)
	require.ErrorContains(t, err, "connection refused")
	_, isBlocked := errors.AsType[*corstest.BlockedError](err)
	assert.False(t, isBlocked)
	assert.ErrorContains(t, b.Exchanges()[0].Err, "connection refused")
}

// A handler in this process responds as one behind a server of net/http does.
func TestWithHandlerRespondsAsAServerDoes(t *testing.T) {
	t.Parallel()
	handlers := map[string]http.HandlerFunc{
		"nothing": func(http.ResponseWriter, *http.Request) {},
		"text":    func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "text") },
		"a typed body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "x/y")
			_, _ = w.Write([]byte{1})
		},
		"HTML": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<!doctype html>") },
		"a status": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			w.WriteHeader(http.StatusOK)
		},
		"no content": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
			_, _ = io.WriteString(w, "x")
		},
		"an error":     func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) },
		"a large body": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 1<<16)) },
		"early hints": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			_, _ = io.WriteString(w, "x")
		},
		"late headers": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusOK)
			w.Header().Set("X-Late", "1")
		},
		"a flush": func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, "x")
		},
		"trailers": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "x")
			w.Header().Set(http.TrailerPrefix+"X-T", "1")
		},
		"its request":    func(w http.ResponseWriter, req *http.Request) { _ = req.Write(w) },
		"the body again": func(w http.ResponseWriter, req *http.Request) { _, _ = io.Copy(w, req.Body) },
		"cookies":        func(w http.ResponseWriter, _ *http.Request) { http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"}) },
	}
	for name, handler := range handlers {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodHead} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				open := permissive(handler, "*")
				server := httptest.NewUnstartedServer(open)
				server.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of superfluous calls
				server.Start()
				t.Cleanup(server.Close)
				type seen struct {
					status  int
					header  http.Header
					visible http.Header
					body    string
				}
				see := func(opts ...corstest.Option) seen {
					b := corstest.NewBrowser("http://localhost:5173", opts...)
					r := corstest.Request{Method: method, URL: server.URL + "/a%2Fb?c=d"}
					if method == http.MethodPost {
						r.Body = strings.NewReader("body")
					}
					response, err := b.Fetch(t.Context(), r)
					require.NoError(t, err)
					body, err := io.ReadAll(response.Body)
					require.NoError(t, err)
					require.NoError(t, response.Body.Close())
					exchange := b.Exchanges()[0]
					for _, header := range []http.Header{exchange.ResponseHeader, response.Header} {
						for _, connection := range []string{"Date", "Transfer-Encoding", "Trailer"} {
							header.Del(connection)
						}
					}
					return seen{response.Status, exchange.ResponseHeader, response.Header, sortedLines(string(body))}
				}
				assert.Equal(t, see(), see(corstest.WithHandler(open)))
			})
		}
	}
}

// sortedLines leaves the order of a written request's headers aside.
func sortedLines(body string) string {
	lines := strings.Split(body, "\r\n")
	slices.Sort(lines)
	return strings.Join(lines, "\r\n")
}

func TestWithHandlerReportsPanics(t *testing.T) {
	t.Parallel()
	b := corstest.NewBrowser(pageOrigin, corstest.WithHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("at the disco") })))
	_, err := b.Client().Get(apiURL)
	require.ErrorContains(t, err, "the handler panicked: at the disco")
}

func TestWithHandlerShowsWhereTheRequestWent(t *testing.T) {
	t.Parallel()
	var got *http.Request
	b := corstest.NewBrowser(pageOrigin, corstest.WithHandler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		got = req
		w.Header().Set(allowOrigin, "*")
	})))
	requireAnswered(t, b, corstest.Request{URL: "https://api.example.com:8443/a%2Fb?c=d#e"})
	assert.Equal(t, "api.example.com:8443", got.Host)
	assert.Equal(t, "/a%2Fb?c=d", got.RequestURI)
	assert.Equal(t, "/a/b", got.URL.Path)
	assert.NotNil(t, got.TLS)
	assert.Equal(t, 2, got.ProtoMajor)
	requireAnswered(t, corstest.NewBrowser("http://localhost", corstest.WithHandler(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		got = req
		w.Header().Set(allowOrigin, "*")
	}))), corstest.Request{URL: "http://localhost:8080/"})
	assert.Nil(t, got.TLS)
}
