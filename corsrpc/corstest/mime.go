package corstest

import (
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// mimeEssence parses a MIME type as browsers do and returns its essence,
// type/subtype in lower case (MIME Sniffing standard, "parse a MIME type").
// Nothing after the subtype can make the parse fail: "text/plain;garbage" is
// fine, unlike for mime.ParseMediaType.
func mimeEssence(s string) (essence string, ok bool) {
	s = trimHTTPSpace(s)
	kind, rest, found := strings.Cut(s, "/")
	if !found || !headername.IsToken(kind) {
		return "", false
	}
	subtype, _, _ := strings.Cut(rest, ";")
	subtype = strings.TrimRight(subtype, httpSpace)
	if !headername.IsToken(subtype) {
		return "", false
	}
	return strings.ToLower(kind + "/" + subtype), true
}

// httpSpace are the HTTP whitespace bytes (Fetch, section 2.2).
const httpSpace = "\t\n\r "

func trimHTTPSpace(s string) string { return strings.Trim(s, httpSpace) }
