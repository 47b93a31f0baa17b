package corsdebug_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdebug"
)

// The elements and attributes of the page.
var (
	ownElements = strings.Fields(`a body button code dd details dl dt form h1 h2 h3 head header html input label li main meta nav option p
		section select span style summary table tbody td textarea th thead time title tr ul`)
	ownAttributes = strings.Fields(`action aria-describedby aria-label aria-labelledby autocapitalize autocomplete charset class content datetime
		for href id lang method name placeholder required role rows scope selected spellcheck type value`)
)

// Whatever a hostile request puts into a denial or into the form is text: the page
// has its own elements and attributes only, and links to itself only.
func FuzzHandlerText(f *testing.F) {
	for _, text := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'><svg/onload=alert(1)>`, `</style><script>alert(1)</script>`,
		`</textarea><script>alert(1)</script>`, `javascript:alert(1)`, `{{.Style}}`, "\x00<b>", "\u2028<i>", "\xff<u>", `&lt;script&gt;`, `--><script>`,
		`<a href="//evil.test">`, `//evil.test/`, "\r\n\r\n<hr>", `" autofocus onfocus="alert(1)`, `#"><form action=//evil.test>`, strings.Repeat("<", 1<<15),
	} {
		f.Add(text)
	}
	policy := newPolicy(f, app)
	f.Fuzz(func(t *testing.T, text string) {
		recorder := corsdebug.NewRecorder(10)
		recorder.Record(t.Context(), corsrpc.Decision{Path: text, Procedure: text, Origin: text, Detail: text, Fix: text, Reason: corsrpc.ReasonOriginNotAllowed})
		h := corsdebug.Handler(policy, recorder)
		for _, form := range []url.Values{
			{"method": {text}, "url": {"/"}, "filter": {text}},
			{"method": {"POST"}, "url": {text}, "site": {text}},
			{"method": {"POST"}, "url": {addItem}, "origin": {text}, "headers": {"Cookie: " + text}, text: {text}, "filter": {"no such rule"}},
			{"method": {"OPTIONS"}, "url": {addItem}, "origin": {app}, "headers": {text}, "filter": {"no such rule"}},
			{"method": {"OPTIONS"}, "url": {addItem}, "origin": {app}, "headers": {"Access-Control-Request-Method: " + text}, "filter": {"no such rule"}},
		} {
			query := form.Encode()
			w := get(h, "/?"+query)
			if len(query) > 16<<10 {
				require.Equal(t, http.StatusRequestURITooLong, w.Code)
				continue
			}
			require.Equal(t, http.StatusOK, w.Code)
			checkMarkup(t, w.Body.String())
		}
	})
}

func checkMarkup(t *testing.T, body string) {
	t.Helper()
	style := 0
	tokens := html.NewTokenizer(strings.NewReader(body))
	for kind := tokens.Next(); kind != html.ErrorToken; kind = tokens.Next() {
		token := tokens.Token()
		if kind == html.CommentToken || kind == html.StartTagToken && !slices.Contains(ownElements, token.Data) {
			t.Fatalf("%s", token)
		}
		if kind == html.StartTagToken && token.Data == "style" {
			style++
		}
		for _, attribute := range token.Attr {
			assert.Contains(t, ownAttributes, attribute.Key)
			if (attribute.Key == "href" || attribute.Key == "action") && !strings.HasPrefix(attribute.Val, "?") && !strings.HasPrefix(attribute.Val, "#") {
				t.Fatalf("a link to elsewhere: %s", token)
			}
		}
	}
	assert.Equal(t, 1, style)
}
