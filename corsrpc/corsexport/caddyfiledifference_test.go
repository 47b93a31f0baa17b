package corsexport

import (
	"strings"
	"testing"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

// The reasons for which responses differ from Wrap's, besides otherSpelling,
// otherReason, safeMethods and otherMethod. docs/edge-caddyfile.md has them.
const (
	caddyBadRequest   = "a path with an invalid escape gets 400, from net/http in Caddy as in a server in Go"
	caddySeveralLines = "several lines of one header count as one line with commas, and a line of Origin with a comma is not listed, not even by *"
	caddyHostCase     = "without Hosts, the server's own host is recognized in lower case only"
)

// caddyfileReason returns why there is a difference, or nothing if there is no
// reason for it.
func caddyfileReason(p *corsrpc.Policy, d edgetest.Difference) string {
	switch {
	case strings.Contains(d.Request.About, "invalid escape"):
		return caddyBadRequest
	case d.Request.Forged && hasSeveralLines(d.Request):
		return caddySeveralLines
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

// hasSeveralLines reports whether a request has several lines of one header, or
// one line that looks so.
func hasSeveralLines(r edgetest.Request) bool {
	seen := make(map[string]bool)
	for _, line := range r.Header {
		if seen[line.Name] || line.Name == "Origin" && (line.Value == "" || strings.Contains(line.Value, ",")) {
			return true
		}
		seen[line.Name] = true
	}
	return false
}

func compareCaddyfile(t testing.TB, edge string, p *corsrpc.Policy, o edgetest.Options) *edgetest.Report {
	t.Helper()
	return compareEdgeBy(t, edge, p, o, caddyfileReason)
}
