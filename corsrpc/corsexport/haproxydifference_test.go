package corsexport

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

// A haproxyDifference is a way in which HAProxy differs from Wrap. It is about one
// request, whose differences are d, by what differs.
type haproxyDifference struct {
	name, reason string
	is           func(r edgetest.Request, d map[string]edgetest.Difference) bool
}

// haproxyDifferences are all ways in which HAProxy differs from Wrap.
// docs/edge-haproxy.md has them with the same names.
var haproxyDifferences = []haproxyDifference{
	{
		"malformed", "HAProxy itself refuses what no browser sends: bytes of a path that are not ASCII, and absolute forms with another host than Host.",
		func(r edgetest.Request, d map[string]edgetest.Difference) bool {
			return !r.Clean && status(d) == "400"
		},
	},
	{
		"stricter", "An alias must be let pass by the strictest rule of the service, and only exact spellings can be preflighted.",
		func(r edgetest.Request, d map[string]edgetest.Difference) bool {
			return !r.Clean && status(d) == "403"
		},
	},
	{
		"spelling", "Other spellings of a path grant nothing, or what the service grants, where Wrap decodes the path once.",
		func(r edgetest.Request, d map[string]edgetest.Difference) bool {
			return !r.Clean && onlyAbout(d, "what a page can read", "whether the preflight succeeds", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers",
				"Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Max-Age", "Vary")
		},
	},
	{
		"reason", "Where several rules refuse, as those of an alias and of a binding can, the body can name the reason of another one.",
		func(r edgetest.Request, d map[string]edgetest.Difference) bool {
			return (!r.Clean || strings.HasPrefix(r.About, "binding ")) && onlyAbout(d, "body") && strings.Contains(d["body"].Got, "corsrpc: ")
		},
	},
	{
		"methods", "Access-Control-Allow-Methods can leave out GET, HEAD and POST, for which browsers need no permission, where bindings on one path have them.",
		func(r edgetest.Request, d map[string]edgetest.Difference) bool {
			return onlyAbout(d, "Access-Control-Allow-Methods")
		},
	},
	{
		"lines", "Vary is one line for all methods, where Wrap leaves the backend's own lines for all but GET and HEAD; and the backend's line of Expose-Headers comes first.",
		func(r edgetest.Request, d map[string]edgetest.Difference) bool {
			return onlyAbout(d, "Vary", "Access-Control-Expose-Headers")
		},
	},
}

// status returns the status of HAProxy's own response where Wrap has another.
func status(d map[string]edgetest.Difference) string {
	for _, what := range []string{"status", "the backend does not run", "status of the preflight"} {
		if status, _, _ := strings.Cut(d[what].Got, ","); status != "" {
			return status
		}
	}
	return ""
}

func onlyAbout(d map[string]edgetest.Difference, what ...string) bool {
	for name := range d {
		if !slices.Contains(what, name) {
			return false
		}
	}
	return len(d) > 0
}

// countHAProxyDifferences counts requests by the name of their differences. It
// fails where there is none.
func countHAProxyDifferences(t *testing.T, report *edgetest.Report, counts map[string]int) {
	t.Helper()
	unknown := 0
	for all := report.Differences; len(all) > 0; {
		request := all[0].Request.String()
		n := 1
		for n < len(all) && all[n].Request.String() == request {
			n++
		}
		d := make(map[string]edgetest.Difference)
		for _, difference := range all[:n] {
			d[difference.What] = difference
		}
		at := slices.IndexFunc(haproxyDifferences, func(known haproxyDifference) bool { return known.is(all[0].Request, d) })
		if at >= 0 {
			counts[haproxyDifferences[at].name]++
		} else if unknown++; unknown <= 5 {
			assert.Fail(t, "a difference without a name", "%s (%s): %+v", request, all[0].Request.About, d)
		}
		all = all[n:]
	}
}
