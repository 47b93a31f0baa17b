package corsexport

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

// The reasons for which responses of Apache differ from Wrap's, apart from those
// that it shares with nginx. docs/edge-apache.md has them.
const (
	apacheMalformed = "a path or host that Apache does not take gets its 400, 404 or 405"
	apacheLines     = "several lines of one header are joined with commas; joined lines of Origin are not a valid origin; an empty header counts as absent"
	apacheVary      = "Vary is one line for all methods, and Expose-Headers is a line of its own, before the backend's"
)

// apacheReason returns why there is a difference, or nothing if there is no reason
// for it.
func apacheReason(p *corsrpc.Policy, d edgetest.Difference) string {
	names := make(map[string]bool)
	for _, line := range d.Request.Header {
		if names[line.Name] || d.Request.Forged && (line.Value == "" || line.Name == "Origin" && strings.Contains(line.Value, ",")) {
			return apacheLines
		}
		names[line.Name] = true
	}
	got, _, _ := strings.Cut(d.Got, ",")
	switch {
	case d.Request.Host != "" && !wellFormedHost.MatchString(d.Request.Host):
		return apacheMalformed
	case d.What == "Vary" && d.Got == "*" && strings.Contains(d.Want, "*"),
		(d.What == "Vary" || d.What == exposeHeaders) && sameNames(d.Want, strings.ReplaceAll(d.Got, ",", ", ")):
		return apacheVary
	case !d.Request.Clean && (strings.HasPrefix(got, "400") || strings.HasPrefix(got, "404") || strings.HasPrefix(got, "405")):
		return apacheMalformed
	case !d.Request.Clean:
		return otherSpelling
	case d.What == "body" && strings.HasPrefix(d.Want, `"corsrpc: `) && strings.HasPrefix(d.Got, `"corsrpc: `):
		return otherReason
	case d.What == allowMethods && d.Class == edgetest.Differs:
		return safeMethods
	case isOtherMethod(p, d.Request):
		return otherMethod
	}
	return ""
}

var wellFormedHost = regexp.MustCompile(`^(?:[A-Za-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]+)?$`)

// compareApache compares Apache with Wrap, and returns how many differences have
// which reason.
func compareApache(t testing.TB, edge string, p *corsrpc.Policy, o edgetest.Options) map[string]int {
	t.Helper()
	o.Host = "api.example.com"
	report, err := edgetest.Run(t.Context(), edge, p, o)
	require.NoError(t, err)
	assert.Zero(t, report.Left)
	assert.Positive(t, report.Sent)
	counts := map[string]int{"requests": report.Sent}
	unknown := 0
	for _, d := range report.Differences {
		if o.BehindGate && d.Class == edgetest.Differs {
			continue // refusals are the gate's
		}
		reason := apacheReason(p, d)
		counts[reason]++
		if reason == "" || d.Class == edgetest.Opens || d.Class == edgetest.Loses && reason != otherMethod && reason != apacheMalformed {
			if unknown++; unknown < 4 {
				t.Errorf("%s: %s: %s: Wrap %s, edge %s", d.Class, d.Request, d.What, d.Want, d.Got)
			}
		}
	}
	assert.Zero(t, unknown)
	return counts
}
