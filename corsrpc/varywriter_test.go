package corsrpc_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A varyCase is a handler of GET and HEAD, and the one line of Vary with which
// its response leaves Wrap.
type varyCase struct {
	name   string
	handle http.HandlerFunc
	vary   string
	// extra are header lines of the request.
	extra string
}

// varyCases use a ResponseWriter in every way that there is.
func varyCases() []varyCase {
	text := func(w http.ResponseWriter, format string, args ...any) { fmt.Fprintf(w, format, args...) }
	sets := func(lines ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Vary"] = lines
			text(w, "ok")
		}
	}
	return []varyCase{
		{name: "returns without a word", handle: func(http.ResponseWriter, *http.Request) {}, vary: "Origin"},
		{name: "Write", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Vary", "Accept")
			_, _ = w.Write([]byte("ok"))
		}, vary: "Accept, Origin"},
		{name: "WriteString", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Vary", "Accept")
			_, _ = io.WriteString(w, "ok")
		}, vary: "Accept, Origin"},
		{name: "WriteHeader", handle: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, vary: "Origin"},
		{name: "WriteHeader twice", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Vary", "Accept")
			w.WriteHeader(http.StatusNoContent)
			w.Header().Set("Vary", "Cookie")
			w.WriteHeader(http.StatusOK)
		}, vary: "Accept, Origin"},
		{name: "304", handle: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, vary: "Origin"},
		{name: "redirect", handle: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, vary: "Origin"},
		{name: "ReadFrom", handle: func(w http.ResponseWriter, _ *http.Request) {
			f, err := os.Open("varywriter.go")
			if err != nil {
				panic(err)
			}
			defer f.Close()
			_, isReaderFrom := w.(io.ReaderFrom)
			w.Header().Set("X-Reader-From", fmt.Sprint(isReaderFrom))
			w.Header().Set("Vary", "Accept")
			n, err := io.Copy(w, io.LimitReader(f, 3000))
			w.Header().Set(http.TrailerPrefix+"X-Copied", fmt.Sprint(n, err))
		}, vary: "Accept, Origin"},
		{name: "ServeFile", handle: func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "varywriter.go") }, vary: "Origin"},
		{name: "Flush", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Vary", "Accept")
			w.(http.Flusher).Flush()
			w.Header().Set("Vary", "too late")
			text(w, "one")
			w.(http.Flusher).Flush()
			text(w, "two")
		}, vary: "Accept, Origin"},
		{name: "FlushError", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Vary", "Accept")
			err := w.(interface{ FlushError() error }).FlushError()
			text(w, "%v", err)
		}, vary: "Accept, Origin"},
		{name: "ResponseController", handle: func(w http.ResponseWriter, r *http.Request) {
			c := http.NewResponseController(w)
			deadline := time.Now().Add(time.Minute)
			w.Header().Set("Vary", "Accept")
			text(w, "%v %v %v %v", c.SetReadDeadline(deadline), c.SetWriteDeadline(deadline), isUnsupported(c.EnableFullDuplex()), c.Flush())
		}, vary: "Accept, Origin"},
		{name: "write deadline in the past", handle: func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0))
			text(w, "never arrives")
		}},
		{name: "Hijack", handle: func(w http.ResponseWriter, _ *http.Request) {
			hijacker, ok := w.(http.Hijacker)
			if !ok {
				text(w, "cannot")
				return
			}
			conn, buffered, err := hijacker.Hijack()
			if err != nil {
				panic(err)
			}
			_, _ = buffered.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhijacked")
			_ = buffered.Flush()
			_ = conn.Close()
		}},
		{name: "Hijack through ResponseController", handle: func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				text(w, "%v", isUnsupported(err))
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhijacked")
			_ = conn.Close()
		}},
		{name: "101", extra: "Connection: Upgrade\r\nUpgrade: echo\r\n", handle: func(w http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor > 1 {
				return
			}
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "echo")
			w.Header().Set("Vary", "Upgrade")
			w.WriteHeader(http.StatusSwitchingProtocols)
			conn, buffered, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			_, _ = io.Copy(buffered, strings.NewReader("upgraded"))
			_ = buffered.Flush()
			_ = conn.Close()
		}, vary: "Upgrade, Origin"},
		{name: "103", handle: func(w http.ResponseWriter, _ *http.Request) {
			for _, link := range []string{"</a.css>; rel=preload", "</b.css>; rel=preload"} {
				w.Header().Set("Link", link)
				w.WriteHeader(http.StatusEarlyHints)
			}
			w.Header().Del("Link")
			w.Header().Add("Vary", "Accept")
			text(w, "ok")
		}, vary: "Origin, Accept"},
		{name: "103 as ReverseProxy writes it", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			clear(w.Header())
			w.Header().Add("Vary", "Accept")
			text(w, "ok")
		}, vary: "Accept, Origin"},
		{name: "100", extra: "Expect: 100-continue\r\nContent-Length: 0\r\n", handle: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusContinue)
			_, err := io.ReadAll(r.Body)
			text(w, "%v", err)
		}, vary: "Origin"},
		{name: "Push", handle: func(w http.ResponseWriter, _ *http.Request) {
			pusher, ok := w.(http.Pusher)
			if !ok {
				text(w, "cannot")
				return
			}
			text(w, "%v", pusher.Push("/style.css", nil))
		}, vary: "Origin"},
		{name: "CloseNotify", handle: func(w http.ResponseWriter, _ *http.Request) {
			//lint:ignore SA1019 handlers still ask for it
			notifier, ok := w.(http.CloseNotifier)
			text(w, "%v %v", ok, ok && notifier.CloseNotify() != nil)
		}, vary: "Origin"},
		{name: "trailers", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Declared")
			w.Header().Add("Vary", "Accept")
			text(w, "ok")
			w.Header().Set("X-Declared", "1")
			w.Header().Set(http.TrailerPrefix+"X-Late", "2")
		}, vary: "Origin, Accept"},
		{name: "panics with http.ErrAbortHandler", handle: func(w http.ResponseWriter, _ *http.Request) {
			text(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, vary: "Origin"},

		{name: "sets Vary", handle: sets("Accept-Encoding"), vary: "Accept-Encoding, Origin"},
		{name: "sets Vary with Origin in another case", handle: sets("accept-encoding , ORIGIN"), vary: "accept-encoding, ORIGIN"},
		{name: "sets two lines", handle: sets("Origin", "Accept-Encoding"), vary: "Origin, Accept-Encoding"},
		{name: "repeats members", handle: sets("Cookie", "Cookie, Origin"), vary: "Cookie, Cookie, Origin"},
		{name: "sets empty members", handle: sets("", " , \t,Accept,"), vary: "Accept, Origin"},
		{name: "sets a star", handle: sets("Accept", "Cookie, *"), vary: "*"},
		{name: "adds to Vary", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("Vary", "Accept-Encoding")
			w.Header().Add("Vary", "Accept")
		}, vary: "Origin, Accept-Encoding, Accept"},
		{name: "deletes Vary", handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Del("Vary")
			w.WriteHeader(http.StatusTeapot)
		}, vary: "Origin"},
	}
}

func isUnsupported(err error) string {
	if errors.Is(err, http.ErrNotSupported) {
		return "not supported"
	}
	return fmt.Sprint(err)
}

// What Wrap adds, and what changes from one response to the next.
var addedLine = regexp.MustCompile(`(?im)^(Vary|Access-Control-[A-Za-z-]+|Date): .*\r\n`)

// Through Wrap a handler's response is the same, byte for byte, except that it
// has one line of Vary.
func TestVaryWriterOverHTTP1(t *testing.T) {
	policy := newPolicy(t, shopConfig())
	for _, c := range varyCases() {
		for _, method := range []string{"GET", "HEAD"} {
			for _, origin := range []string{"", "Origin: " + app + "\r\n"} {
				t.Run(strings.TrimSpace(c.name+" "+method+" "+origin), func(t *testing.T) {
					connection := "Connection: close\r\n"
					if strings.Contains(c.extra, "Connection") {
						connection = ""
					}
					request := method + " " + getProduct + " HTTP/1.1\r\nHost: api.example.com\r\n" + connection + c.extra + origin + "\r\n"
					want, got := exchangeTCP(t, c.handle, request), exchangeTCP(t, policy.Wrap(c.handle), request)
					assert.Equal(t, addedLine.ReplaceAllString(want, ""), addedLine.ReplaceAllString(got, ""))

					if c.vary == "" {
						assert.NotContains(t, got, "Vary")
						return
					}
					final := got[strings.LastIndex(got, "HTTP/1.1 "):] // after responses of status 1xx
					head, _, _ := strings.Cut(final, "\r\n\r\n")
					var lines []string
					for line := range strings.SplitSeq(head, "\r\n") {
						if value, ok := strings.CutPrefix(line, "Vary: "); ok {
							lines = append(lines, value)
						}
					}
					assert.Equal(t, []string{c.vary}, lines)
					assert.Equal(t, origin != "", strings.Contains(head, "Access-Control-Allow-Origin: "+app), head)
				})
			}
		}
	}
}

// exchangeTCP returns all that a server writes in response to a request.
func exchangeTCP(t *testing.T, h http.Handler, request string) string {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	response, err := io.ReadAll(conn)
	require.NoError(t, err)
	return string(response)
}

func TestVaryWriterOverHTTP2(t *testing.T) {
	policy := newPolicy(t, shopConfig())
	for _, c := range varyCases() {
		if c.extra != "" {
			continue // there are no upgrades
		}
		for _, method := range []string{"GET", "HEAD"} {
			for _, origin := range []string{"", app} {
				t.Run(strings.TrimSpace(c.name+" "+method+" "+origin), func(t *testing.T) {
					want, got := exchangeHTTP2(t, c.handle, method, origin), exchangeHTTP2(t, policy.Wrap(c.handle), method, origin)
					if got.err == "" && got.header != nil {
						vary := c.vary
						if vary == "" {
							vary = "Origin" // the case is about a connection of its own
						}
						assert.Equal(t, []string{vary}, got.header["Vary"])
						assert.Equal(t, origin, got.header.Get("Access-Control-Allow-Origin"))
					}
					assert.Equal(t, want.withoutAdded(), got.withoutAdded())
				})
			}
		}
	}
}

// An http2Response is all that a client sees.
type http2Response struct {
	err             string
	status          int
	informed        []http.Header
	header, trailer http.Header
	body            string
}

func (r http2Response) withoutAdded() http2Response {
	for _, header := range append([]http.Header{r.header}, r.informed...) {
		for name := range header {
			if name == "Vary" || name == "Date" || strings.HasPrefix(name, "Access-Control-") {
				delete(header, name)
			}
		}
	}
	return r
}

func exchangeHTTP2(t *testing.T, h http.Handler, method, origin string) http2Response {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	var seen http2Response
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(_ int, header textproto.MIMEHeader) error {
		seen.informed = append(seen.informed, http.Header(header).Clone())
		return nil
	}})
	r, err := http.NewRequestWithContext(ctx, method, server.URL+getProduct, nil)
	require.NoError(t, err)
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	response, err := server.Client().Transport.RoundTrip(r)
	if err != nil {
		seen.err = withoutStream(err)
		return seen
	}
	defer response.Body.Close()
	require.Equal(t, 2, response.ProtoMajor)
	body, err := io.ReadAll(response.Body)
	if err != nil {
		seen.err = withoutStream(err)
	}
	seen.status, seen.header, seen.trailer, seen.body = response.StatusCode, response.Header, response.Trailer, string(body)
	return seen
}

// withoutStream returns an error without what changes from one connection to
// the next.
func withoutStream(err error) string {
	return regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(err.Error(), "addr")
}

// A handler that watches for its client's end sees it.
func TestVaryWriterNotifiesOfClose(t *testing.T) {
	gone := make(chan struct{})
	server := httptest.NewServer(newPolicy(t, shopConfig()).Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		//lint:ignore SA1019 handlers still ask for it
		notify := w.(http.CloseNotifier).CloseNotify()
		w.(http.Flusher).Flush()
		<-notify
		close(gone)
	})))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+getProduct, nil)
	require.NoError(t, err)
	response, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	cancel()
	<-gone
	_ = response.Body.Close()
}

// A handler can read the request while it writes the response.
func TestVaryWriterInFullDuplex(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		if !assert.NoError(t, c.EnableFullDuplex()) {
			return
		}
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			fmt.Fprintln(w, lines.Text())
			assert.NoError(t, c.Flush())
		}
	})
	server := httptest.NewServer(newPolicy(t, shopConfig()).Wrap(echo))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET "+getProduct+" HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 8\r\n\r\none\n")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	for _, next := range []string{"one\n", "two\n"} {
		got, err := lines.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, next, got)
		if next == "one\n" {
			_, err = io.WriteString(conn, "two\n")
			require.NoError(t, err)
		}
	}
}

// Where a middleware around Wrap turns a panic into a response, that has the
// line too.
func TestVaryWriterWhenHandlersPanic(t *testing.T) {
	wrapped := newPolicy(t, shopConfig()).Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Vary", "Accept")
		panic("lost")
	}))
	recovering := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			assert.Equal(t, "lost", recover())
			w.WriteHeader(http.StatusInternalServerError)
		}()
		wrapped.ServeHTTP(w, r)
	})
	got := serve(recovering, newRequest("GET", getProduct, "Origin", app))
	assert.Equal(t, http.StatusInternalServerError, got.status)
	assert.Equal(t, []string{"Accept, Origin"}, got.header["Vary"])
	assert.Equal(t, []string{app}, got.header["Access-Control-Allow-Origin"])
}

// Only GET and HEAD are cached by key alone. Other handlers get the writer that
// Wrap got; so do those whose responses are the same for every origin.
func TestVaryWriterIsForCachedResponses(t *testing.T) {
	everyone := shopConfig()
	everyone.Origins = []string{"*"}
	for _, c := range []struct {
		name   string
		config corsrpc.Config
		r      *http.Request
		same   bool
	}{
		{"POST", shopConfig(), newRequest("POST", addItem, "Origin", shopper), true},
		{"GET", shopConfig(), newRequest("GET", getProduct, "Origin", app), false},
		{"HEAD", shopConfig(), newRequest("HEAD", getProduct), false},
		{"GET of any origin", everyone, newRequest("GET", getProduct, "Origin", evil), true},
		{"GET of an ungoverned path", shopConfig(), newRequest("GET", "/healthz", "Origin", app), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			var got http.ResponseWriter
			newPolicy(t, c.config).Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { got = w })).ServeHTTP(w, c.r)
			require.NotNil(t, got)
			assert.Equal(t, c.same, got == http.ResponseWriter(w))
		})
	}
}
