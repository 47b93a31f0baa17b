package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary be the demo too, for tests that need a process.
func TestMain(m *testing.M) {
	if os.Getenv("CORSRPC_DEMO_MAIN") == "1" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A running demo and its five origins.
type demo struct {
	page, corsrpc, handWritten, none, debug string

	stop  context.CancelFunc
	ended chan error // what run returned
}

var anyPorts = []string{"-page", "0", "-corsrpc", "0", "-handwritten", "0", "-none", "0", "-debug", "0"}

// startDemo runs the demo on free ports until the test ends, if not sooner.
func startDemo(t *testing.T, flags ...string) *demo {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	output, input := io.Pipe()
	d := &demo{stop: cancel, ended: make(chan error, 1)}
	go func() {
		err := run(ctx, slices.Concat(anyPorts, flags), input)
		input.CloseWithError(err)
		d.ended <- err
	}()
	d.readOrigins(t, output)
	t.Cleanup(func() {
		cancel()
		_, _ = io.Copy(io.Discard, output)
	})
	return d
}

var printedURL = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// readOrigins reads what the demo prints, up to the last line.
func (d *demo) readOrigins(t *testing.T, output io.Reader) {
	t.Helper()
	var printed strings.Builder
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		printed.WriteString(lines.Text() + "\n")
		if lines.Text() == "Ctrl-C ends it." {
			break
		}
	}
	require.NoError(t, lines.Err(), "what the demo ended with")
	urls := printedURL.FindAllString(printed.String(), -1)
	require.Len(t, urls, 5, "the demo printed:\n%s", &printed)
	d.page, d.corsrpc, d.handWritten, d.none, d.debug = urls[0], urls[1], urls[2], urls[3], urls[4]
}

// ask sends a request and returns the answer, its body read.
func ask(t *testing.T, method, url, body string, header map[string]string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for name, value := range header {
		req.Header.Set(name, value)
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(text)
}

// corsHeader returns the fields of an answer that CORS is made of.
func corsHeader(res *http.Response) http.Header {
	found := http.Header{}
	for name, values := range res.Header {
		if name == "Vary" || strings.HasPrefix(name, "Access-Control-") {
			found[name] = values
		}
	}
	return found
}

func TestTheAPIsDifferInTheirCORSHeadersAlone(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	const addItem = "/acme.shop.v1.CartService/AddItem"

	for _, api := range []struct {
		name, origin     string
		preflightStatus  int
		preflight, call  http.Header // except for Access-Control-Allow-Headers
		allowed, refused []string    // some request headers
	}{
		{
			name: "corsrpc", origin: d.corsrpc, preflightStatus: http.StatusNoContent,
			preflight: http.Header{
				"Access-Control-Allow-Origin":  {d.page},
				"Access-Control-Allow-Methods": {"POST"},
				"Access-Control-Max-Age":       {"7200"},
				"Vary":                         {"Origin"},
			},
			call: http.Header{
				"Access-Control-Allow-Origin": {d.page},
				"Access-Control-Expose-Headers": {"Grpc-Message, Grpc-Status, Grpc-Status-Details-Bin, " +
					"Trailer-X-Cost, X-Cost, X-Request-Id"},
				"Vary": {"Origin"},
			},
			allowed: []string{"Content-Type", "Connect-Protocol-Version", "Connect-Timeout-Ms", "Grpc-Timeout",
				"X-Grpc-Web", "X-User-Agent", "Authorization", "X-Tenant-Id"},
		},
		{
			name: "hand-written lists", origin: d.handWritten, preflightStatus: http.StatusNoContent,
			preflight: http.Header{
				"Access-Control-Allow-Origin":  {d.page},
				"Access-Control-Allow-Methods": {"GET, POST"},
				"Access-Control-Max-Age":       {"7200"},
				"Vary":                         {"Origin"},
			},
			call: http.Header{
				"Access-Control-Allow-Origin":   {d.page},
				"Access-Control-Expose-Headers": {"Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin"},
				"Vary":                          {"Origin"},
			},
			allowed: []string{"Content-Type", "Connect-Protocol-Version", "Connect-Timeout-Ms", "Grpc-Timeout",
				"X-Grpc-Web", "X-User-Agent", "Authorization"},
			refused: []string{"X-Tenant-Id"},
		},
		{
			name: "none", origin: d.none, preflightStatus: http.StatusMethodNotAllowed,
			preflight: http.Header{}, call: http.Header{},
			refused: []string{"Content-Type", "Authorization", "X-Tenant-Id"},
		},
	} {
		t.Run(api.name, func(t *testing.T) {
			t.Parallel()
			res, _ := ask(t, http.MethodOptions, api.origin+addItem, "", map[string]string{
				"Origin":                         d.page,
				"Access-Control-Request-Method":  http.MethodPost,
				"Access-Control-Request-Headers": "authorization,connect-protocol-version,content-type,x-tenant-id",
			})
			assert.Equal(t, api.preflightStatus, res.StatusCode)
			allowHeaders := strings.Split(res.Header.Get("Access-Control-Allow-Headers"), ", ")
			assert.Subset(t, allowHeaders, api.allowed)
			for _, name := range api.refused {
				assert.NotContains(t, allowHeaders, name)
			}
			res.Header.Del("Access-Control-Allow-Headers")
			assert.Equal(t, api.preflight, corsHeader(res), "preflight")

			res, body := ask(t, http.MethodPost, api.origin+addItem, `{"item":{"productId":"mug","quantity":1}}`, map[string]string{
				"Origin":        d.page,
				"Content-Type":  "application/json",
				"Authorization": "Bearer ada",
				"X-Tenant-Id":   "acme",
			})
			assert.Equal(t, http.StatusOK, res.StatusCode)
			assert.Equal(t, api.call, corsHeader(res), "call")
			assert.Contains(t, body, `"customer":"ada"`)
			assert.Equal(t, "add-item-ada", res.Header.Get("X-Request-Id"))
			assert.Equal(t, "1", res.Header.Get("Trailer-X-Cost"))

			res, _ = ask(t, http.MethodPost, api.origin+addItem, `{}`, map[string]string{
				"Origin":       "https://evil.test",
				"Content-Type": "application/json",
			})
			assert.Empty(t, res.Header.Values("Access-Control-Allow-Origin"), "for a page that is not the demo's")
		})
	}
}

func TestThePageIsServedWithWhatItNeeds(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	for path, contentType := range map[string]string{
		"/":          "text/html; charset=utf-8",
		"/style.css": "text/css; charset=utf-8",
		"/page.js":   "text/javascript; charset=utf-8",
	} {
		res, _ := ask(t, http.MethodGet, d.page+path, "", nil)
		assert.Equal(t, http.StatusOK, res.StatusCode, path)
		assert.Equal(t, contentType, res.Header.Get("Content-Type"), path)
	}

	_, body := ask(t, http.MethodGet, d.page+"/columns.json", "", nil)
	var columns []column
	require.NoError(t, json.Unmarshal([]byte(body), &columns))
	require.Len(t, columns, 3)
	assert.Equal(t, []string{d.corsrpc, d.handWritten, d.none}, []string{columns[0].URL, columns[1].URL, columns[2].URL})
	assert.Regexp(t, `^// withCorsrpc .*\n(.*\n)*func withCorsrpc\((.*\n)*}$`, columns[0].Source)
	assert.Regexp(t, `^// The lists .*\n(.*\n)*func withHandWrittenLists\((.*\n)*}$`, columns[1].Source)
	assert.Empty(t, columns[2].Source)
}

func TestAnotherNameOfThePageLeadsToItsOrigin(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	res, _ := ask(t, http.MethodGet, strings.Replace(d.page, "127.0.0.1", "localhost", 1), "", nil)
	assert.Equal(t, http.StatusTemporaryRedirect, res.StatusCode)
	assert.Equal(t, d.page, res.Header.Get("Location"))
}

func TestTheDebugPageShowsWhatTheDemoDenied(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	res, body := ask(t, http.MethodGet, d.page, "", nil)
	require.Equal(t, http.StatusOK, res.StatusCode)
	assert.Contains(t, body, `<a href="debug">`)
	res, _ = ask(t, http.MethodGet, d.page+"/debug", "", nil)
	assert.Equal(t, http.StatusTemporaryRedirect, res.StatusCode)
	assert.Equal(t, d.debug, res.Header.Get("Location"))

	_, body = ask(t, http.MethodGet, d.debug, "", nil)
	assert.Contains(t, body, "There are none since the program started.")
	res, _ = ask(t, http.MethodGet, d.corsrpc+"/acme.shop.v1.CatalogService/GetProduct", "", map[string]string{"Origin": "https://evil.test"})
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
	_, body = ask(t, http.MethodGet, d.debug, "", nil)
	assert.Contains(t, body, "<code>/acme.shop.v1.CatalogService/GetProduct</code></a> <span class=\"when\">1×")
	assert.Contains(t, body, "https://evil.test")

	res, _ = ask(t, http.MethodGet, d.debug, "", map[string]string{"Origin": d.page, "Sec-Fetch-Site": "same-site"})
	assert.Equal(t, http.StatusForbidden, res.StatusCode, "scripts of the demo's page cannot read it")
}

func TestAPortThatIsTakenIsNamedWithItsFlag(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, number, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)

	for i := 0; i < len(anyPorts); i += 2 {
		args := append([]string{}, anyPorts...)
		args[i+1] = number
		var out bytes.Buffer
		err := run(t.Context(), args, &out)
		require.Error(t, err, args)
		assert.Contains(t, err.Error(), "127.0.0.1:"+number)
		assert.Contains(t, err.Error(), "choose another port with "+args[i]+", or "+args[i]+" 0 for any that is free")
		assert.Empty(t, out.String(), "nothing is served, so nothing is promised")
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, mistake := range []struct {
		args []string
		says string
	}{
		{[]string{"-port", "1"}, "flag provided but not defined: -port; -h lists the flags"},
		{[]string{"-page", "http"}, `invalid value "http" for flag -page`},
		{[]string{"8080"}, `"8080" is not a flag; -h lists the flags`},
		{[]string{"-page", "65536"}, "choose another port with -page"},
	} {
		var out bytes.Buffer
		err := run(t.Context(), mistake.args, &out)
		assert.ErrorContains(t, err, mistake.says)
		assert.Empty(t, out.String())
	}

	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-h"}, &out))
	for _, line := range []string{`-page port\n.*\(default 8100\)`, `-corsrpc port\n.*\(default 8101\)`,
		`-handwritten port\n.*\(default 8102\)`, `-none port\n.*\(default 8103\)`, `-debug port\n.*\(default 8104\)`, `-grpc-go\n`} {
		assert.Regexp(t, line, out.String())
	}
}

// With -grpc-go, grpc-go answers gRPC-Web, text included, and connect-go the
// rest.
func TestGRPCGo(t *testing.T) {
	t.Parallel()
	const getProduct = "/acme.shop.v1.CatalogService/GetProduct"
	for _, row := range []struct {
		flags             []string
		contentType, body string
		status            int
	}{
		{nil, "application/json", `{"productId": "mug"}`, http.StatusOK},
		{nil, "application/grpc-web-text", "AAAAAAUKA211Zw==", http.StatusUnsupportedMediaType},
		{[]string{"-grpc-go"}, "application/json", `{"productId": "mug"}`, http.StatusOK},
		{[]string{"-grpc-go"}, "application/grpc-web-text", "AAAAAAUKA211Zw==", http.StatusOK},
	} {
		d := startDemo(t, row.flags...)
		res, _ := ask(t, http.MethodPost, d.corsrpc+getProduct, row.body, map[string]string{"Content-Type": row.contentType, "Origin": d.page})
		assert.Equal(t, row.status, res.StatusCode, "%v %s", row.flags, row.contentType)
		assert.Equal(t, d.page, res.Header.Get("Access-Control-Allow-Origin"))
	}
}

func TestTheEndOfItsContextEndsTheDemo(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	// Browsers open connections in advance, which must not keep the demo alive.
	idle, err := net.Dial("tcp", strings.TrimPrefix(d.corsrpc, "http://"))
	require.NoError(t, err)
	defer idle.Close()

	d.stop()
	require.NoError(t, <-d.ended)
	for _, origin := range []string{d.page, d.corsrpc, d.handWritten, d.none, d.debug} {
		_, err := net.Dial("tcp", strings.TrimPrefix(origin, "http://"))
		assert.Error(t, err, "%s is still served", origin)
	}
}

func TestCtrlCEndsTheProgramCleanly(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no way to send an interrupt to another process")
	}
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program, anyPorts...)
	cmd.Env = append(os.Environ(), "CORSRPC_DEMO_MAIN=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())

	d := &demo{}
	d.readOrigins(t, output)
	res, _ := ask(t, http.MethodGet, d.page, "", nil)
	assert.Equal(t, http.StatusOK, res.StatusCode)

	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	assert.NoError(t, cmd.Wait(), "exit status")
	assert.Empty(t, stderr.String())
}
