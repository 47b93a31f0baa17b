package corsrpc

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/internal/access"
)

// An entry is a rule in the form in which requests are judged and responses
// written. It is immutable.
type entry struct {
	access.Rule
	rule *Rule

	// The values of its responses' headers, except that of the origin; empty
	// ones are not sent.
	allowMethods, allowHeaders, exposeHeaders, maxAge string
	// anyOrigin means that responses do not depend on the origin.
	anyOrigin bool
	// final means that a path with this entry has no other meaning: a
	// procedure's, byte for byte and without escapes, and resources whose key
	// says so, unless the path hides dot segments.
	final bool
}

func newEntry(r *Rule, server *access.Server) *entry {
	return &entry{
		Rule: access.Rule{
			Origins:        r.from.origins.set,
			Credentials:    r.Credentials,
			Enforced:       r.Enforced,
			Internal:       r.Internal,
			ReportOnly:     r.ReportOnly,
			Links:          r.Links,
			Methods:        r.Methods,
			RequestHeaders: r.from.requestHeaders.set,
			Server:         server,
		},
		rule:          r,
		allowMethods:  strings.Join(r.Methods, ", "),
		allowHeaders:  r.from.requestHeaders.text,
		exposeHeaders: r.from.responseHeaders.text,
		maxAge:        strconv.FormatInt(int64(r.MaxAge/time.Second), 10),
		anyOrigin:     r.from.origins.set.Any(),
		final:         r.Match == MatchProcedure && r.Procedure != "" || r.Match == MatchResource && len(r.Path) > 1 && r.Path[1] != '{',
	}
}

// Header names in the form of http.Header's keys.
const (
	headerAllowOrigin      = "Access-Control-Allow-Origin"
	headerAllowCredentials = "Access-Control-Allow-Credentials"
	headerAllowMethods     = "Access-Control-Allow-Methods"
	headerAllowHeaders     = "Access-Control-Allow-Headers"
	headerExposeHeaders    = "Access-Control-Expose-Headers"
	headerMaxAge           = "Access-Control-Max-Age"
	headerVary             = "Vary"
	headerCacheControl     = "Cache-Control"
)

// respondToPreflight writes the rule's complete lists for a listed origin.
//
// All values of a response stand in one array of its own: whoever appends to
// one of them or changes it reaches no other response and no other header, at
// the price of a single allocation.
func (e *entry) respondToPreflight(header http.Header, origin string) {
	lines := &[6]string{origin, "true", e.allowMethods, e.allowHeaders, e.maxAge, "Origin"}
	if e.anyOrigin {
		lines[0] = "*"
	} else {
		addVary(header, lines[5:6:6])
	}
	header[headerAllowOrigin] = lines[0:1:1]
	if e.Credentials {
		header[headerAllowCredentials] = lines[1:2:2]
	}
	if e.allowMethods != "" {
		header[headerAllowMethods] = lines[2:3:3]
	}
	if e.allowHeaders != "" {
		header[headerAllowHeaders] = lines[3:4:4]
	}
	header[headerMaxAge] = lines[4:5:5]
}

// respondToCall writes what a page with a listed origin must get with every
// response.
func (e *entry) respondToCall(header http.Header, origin string) {
	lines := &[4]string{origin, "true", e.exposeHeaders, "Origin"}
	if e.anyOrigin {
		lines[0] = "*"
	} else {
		addVary(header, lines[3:4:4])
	}
	header[headerAllowOrigin] = lines[0:1:1]
	if e.Credentials {
		header[headerAllowCredentials] = lines[1:2:2]
	}
	if e.exposeHeaders != "" {
		header[headerExposeHeaders] = lines[2:3:3]
	}
}

// addVary adds the line to those that the response already has. Most responses
// have no Vary at all when it comes first, and then its look-up is free.
func addVary(header http.Header, line []string) {
	present := header[headerVary]
	if len(present) == 0 {
		header[headerVary] = line
		return
	}
	if !slices.Contains(present, line[0]) {
		header[headerVary] = append(present[:len(present):len(present)], line[0])
	}
}
