package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/headername"
)

const page = "https://app.example.com"

// testdata/curl has what the functions behind "Copy as cURL" of Chromium 156 and
// Firefox 140 make of six requests, for bash and for cmd. The same request is
// the same call in all four.
var copies = map[string]*pageCall{
	"connect": {
		method: http.MethodPost, url: "https://api.example.com/acme.shop.v1.CartService/AddItem",
		header: http.Header{"Content-Type": {"application/json"}, "Connect-Protocol-Version": {"1"}, "Authorization": {`Bearer it's "50%OFF"!`}, "X-Tenant-Id": {"acme"}, "X-Empty": {""}},
	},
	"get": {
		method: http.MethodGet, url: "https://api.example.com/acme.shop.v1.CatalogService/GetProduct?connect=v1&encoding=json&message=%7B%22productId%22%3A%22teapot%22%7D",
		header: http.Header{},
	},
	"grpcweb": {
		method: http.MethodPost, url: "https://api.example.com/acme.shop.v1.CartService/AddItem",
		header: http.Header{"Content-Type": {"application/grpc-web+proto"}, "X-Grpc-Web": {"1"}, "X-User-Agent": {"connect-es/2.1.0"}, "Authorization": {"Bearer t"}, "X-Tenant-Id": {"acme"}},
	},
	"cookie": {
		method: http.MethodPost, url: "https://api.example.com/acme.shop.v1.CartService/AddItem", cookies: true,
		header: http.Header{"Content-Type": {"application/json"}, "Connect-Protocol-Version": {"1"}, "X-Tenant-Id": {"acme"}, "Authorization": {"Bearer t"}},
	},
	"preflight": {
		method: http.MethodPost, url: "https://api.example.com/acme.shop.v1.CartService/AddItem",
		header: http.Header{"Content-Type": {"application/json"}, "Connect-Protocol-Version": {"1"}, "Authorization": {"1"}, "X-Debug": {"1"}, "X-Tenant-Id": {"1"}},
	},
	"brackets": {method: http.MethodDelete, url: "https://api.example.com/v1/carts/[a]?x={1}", header: http.Header{}},
}

func TestCopyAsCurl(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/curl/*.txt")
	require.NoError(t, err)
	require.Len(t, files, 4*len(copies))
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			want := *copies[name[strings.LastIndexByte(name, '-')+1:]]
			want.origin = page
			got, err := parseCurl(string(text), "")
			require.NoError(t, err)
			assert.Equal(t, &want, got)

			// Editors and clipboards of Windows write CRLF.
			got, err = parseCurl(strings.ReplaceAll(string(text), "\n", "\r\n"), "")
			require.NoError(t, err)
			assert.Equal(t, &want, got)

			got, err = parseCurl(string(text), "https://other.example.com")
			require.NoError(t, err)
			assert.Equal(t, "https://other.example.com", got.origin, "--origin wins")
		})
	}
}

// Requests of elements, and without Origin.
func TestCopyOfOtherRequests(t *testing.T) {
	t.Parallel()
	const url = "https://api.example.com/v1/a"
	for name, row := range map[string]struct {
		text string
		want pageCall
	}{
		"an image": {
			"curl '" + url + "' -H 'Referer: " + page + "/shop?q=1' -H 'Sec-Fetch-Site: same-site' -H 'Sec-Fetch-Mode: no-cors' -H 'Sec-Fetch-Dest: image'",
			pageCall{method: http.MethodGet, origin: page, mode: corstest.ModeNoCORS, destination: "image"},
		},
		"a link": {
			"curl '" + url + "' -H 'Referer: " + page + "/' -H 'Sec-Fetch-Mode: navigate' -H 'Sec-Fetch-Dest: document'",
			pageCall{method: http.MethodGet, origin: page, mode: corstest.ModeNavigate, destination: "document"},
		},
		"the server's own page": {
			"curl '" + url + "' -H 'Sec-Fetch-Site: same-origin' -H 'Sec-Fetch-Mode: cors'",
			pageCall{method: http.MethodGet, origin: "https://api.example.com"},
		},
		"old cmd": {
			"curl \"" + url + "\" ^\n  -H \"Origin: " + page + "\" ^\n  -H \"X-Quoted: a \"\"b\"\" & c\" ^\n  --compressed",
			pageCall{method: http.MethodGet, origin: page, header: http.Header{"X-Quoted": {`a "b" & c`}}},
		},
		"written by hand": {
			"curl -v -X PATCH " + url + ` -H "Origin: ` + page + `" -H x-a:\ 1 -d {}`,
			pageCall{method: http.MethodPatch, origin: page, header: http.Header{"X-A": {"1"}}},
		},
		"a body makes it POST": {
			"curl " + url + " -H 'Origin: null' --data-raw ''",
			pageCall{method: http.MethodPost, origin: "null"},
		},
		"HEAD": {
			"curl -I " + url + " -H 'Origin: " + page + "'",
			pageCall{method: http.MethodHead, origin: page},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseCurl(row.text, "")
			require.NoError(t, err)
			row.want.url = url
			if row.want.header == nil {
				row.want.header = http.Header{}
			}
			assert.Equal(t, &row.want, got)
		})
	}
}

func TestCurlRefusesByName(t *testing.T) {
	t.Parallel()
	const begin = "curl https://api.example.com -H 'Origin: " + page + "' "
	for name, row := range map[string]struct{ text, want string }{
		"nothing":              {"", "must begin with curl"},
		"another command":      {"fetch('https://api.example.com')", `'(' outside quotes is not understood`},
		"wget":                 {"wget https://api.example.com", "must begin with curl"},
		"an option":            {begin + "--proxy http://localhost", `the option "--proxy" is not understood: remove it`},
		"a joined option":      {begin + "-XPOST", `the option "-XPOST" is not understood`},
		"an upload":            {begin + "-F file=@/etc/passwd", `the option "-F" is not understood`},
		"two URLs":             {begin + "https://b.example.com", `"https://b.example.com" is a second URL: copy one request`},
		"two commands":         {begin + ";\n" + begin, `';' outside quotes is not understood: copy one request alone`},
		"two commands for cmd": {"curl ^\"https://a.example/^\" &\r\ncurl ^\"https://b.example/^\"", `'&' outside quotes is not understood: copy one request alone`},
		"a pipe":               {begin + "| sh", `'|' outside quotes`},
		"a substitution":       {begin + `-H "X-A: $(id)"`, `'$' in double quotes is not understood`},
		"a variable":           {begin + "-H $TOKEN", `'$' outside quotes is not understood`},
		"backticks":            {begin + "`id`", "outside quotes is not understood"},
		"no URL":               {"curl -H 'Origin: " + page + "'", "there is no URL"},
		"another scheme":       {"curl file:///etc/passwd", `"file:///etc/passwd" is not a URL of http or https`},
		"no origin":            {"curl https://api.example.com", "add --origin"},
		"a typed URL":          {begin + "-H 'Sec-Fetch-Site: none'", "no page made the request"},
		"a prefetch":           {begin + "-H 'Sec-Purpose: prefetch'", "Sec-Purpose is not understood"},
		"a WebSocket":          {begin + "-H 'Sec-Fetch-Mode: websocket'", `Sec-Fetch-Mode: "websocket" is not understood`},
		"an open quote":        {begin + "-H 'X-A: 1", "a quote is not closed"},
		"an open $ quote":      {begin + "-H $'X-A: 1", "a quote is not closed"},
		"an open double quote": {begin + `-H "X-A: 1`, "a quote is not closed"},
		"an open cmd quote":    {`curl ^"https://api.example.com`, "a quote is not closed"},
		"a bad escape":         {begin + `-H $'X-A: \xzz'`, `the escape \xzz' is malformed`},
		"no value":             {begin + "-H", "-H has no value"},
		"no header":            {begin + "-H 'X A: 1'", `-H "X A: 1": write Name: value`},
		"no colon":             {begin + "-H X-A", `-H "X-A": write Name: value`},
		"no method":            {begin + "-X 'GET /'", `-X "GET /": it is not an HTTP method`},
		"no asked method":      {begin + "-X OPTIONS -H 'Access-Control-Request-Method: GET /'", `Access-Control-Request-Method: "GET /" is not an HTTP method`},
		"too long":             {begin + strings.Repeat(" ", 1<<20), "longer than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call, err := parseCurl(row.text, "")
			assert.Nil(t, call)
			require.ErrorContains(t, err, row.want)
		})
	}
}

// Nothing that is pasted makes the parser panic, or is taken for a request that
// no page can make.
func FuzzParseCurl(f *testing.F) {
	files, err := filepath.Glob("testdata/curl/*.txt")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Add("curl https://a.example -H 'Origin: null' --data-raw $'\\x'")
	f.Add(`curl "https://a.example" ^` + "\n" + `-H "Origin: null"`)
	f.Fuzz(func(t *testing.T, text string) {
		call, err := parseCurl(text, "")
		if err != nil {
			assert.Nil(t, call)
			return
		}
		assert.True(t, headername.IsToken(call.method), "method %q", call.method)
		assert.Regexp(t, `^https?://.`, call.url)
		assert.NotEmpty(t, call.origin)
		for name := range call.header {
			assert.True(t, headername.IsToken(name), "name %q", name)
			assert.False(t, headername.IsForbiddenRequest(name), "name %q is for browsers alone", name)
		}
	})
}

var (
	posixSpecial   = regexp.MustCompile(`[\x00-\x1f\x7f!']`)
	windowsSpecial = regexp.MustCompile(`[^-a-zA-Z0-9\s_:=+~'/.',?;*]`)
	environment    = regexp.MustCompile(`%([a-zA-Z0-9_])`)
)

// forBash and forCmd quote as Chromium does.
func forBash(word string) string {
	if !posixSpecial.MatchString(word) {
		return "'" + word + "'"
	}
	word = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`).Replace(word)
	return "$'" + posixSpecial.ReplaceAllStringFunc(word, func(c string) string {
		if c == "'" {
			return c // escaped
		}
		const digits = "0123456789abcdef"
		return `\u00` + string(digits[c[0]>>4]) + string(digits[c[0]&15])
	}) + "'"
}

func forCmd(word string) string {
	word = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word)
	word = windowsSpecial.ReplaceAllString(word, "^$0")
	word = environment.ReplaceAllString(word, "%^$1")
	return `^"` + strings.ReplaceAll(word, "\n", "^\n\n") + `^"`
}

// What is quoted for a shell comes back as it was.
func FuzzSplitWords(f *testing.F) {
	for _, word := range []string{"", "a b", `it's "50%OFF"!`, `\`, `\"`, "a\nb", "a\r\nb", "%PATH%", "^&|<>()", "$(id) `id`", "é\u202e\x00\x7f", "''", `""`, "#", "~"} {
		f.Add(word, word)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		if len(first)+len(second) > 1<<16 {
			return
		}
		want := []string{"curl", first, second}
		got, err := splitWords("curl " + forBash(first) + " \\\n  " + forBash(second))
		require.NoError(t, err)
		assert.Equal(t, want, got)
		if strings.Contains(first+second, "\r") {
			return // cmd has no way to say it
		}
		got, err = splitWords("curl " + forCmd(first) + " ^\n  " + forCmd(second))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	})
}
