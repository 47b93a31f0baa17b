package edgetest

import (
	"strconv"
	"strings"
)

const (
	headerAskedMethod  = "Access-Control-Request-Method"
	headerAskedHeaders = "Access-Control-Request-Headers"
	headerSite         = "Sec-Fetch-Site"
	allowOrigin        = "Access-Control-Allow-Origin"
	allowCredentials   = "Access-Control-Allow-Credentials"
	allowMethods       = "Access-Control-Allow-Methods"
	allowHeaders       = "Access-Control-Allow-Headers"
	exposeHeaders      = "Access-Control-Expose-Headers"
)

func itoa(n int) string { return strconv.Itoa(n) }

// longestPrinted bounds what a report shows of one value.
const longestPrinted = 200

// printable returns s in printable ASCII, quoted if it is not already that, and
// not too long.
func printable(s string) string {
	suffix := ""
	if len(s) > longestPrinted {
		s, suffix = s[:longestPrinted], "…"
	}
	quoted := strconv.QuoteToASCII(s)
	if plain := quoted[1 : len(quoted)-1]; plain == s {
		return s + suffix
	}
	return quoted + suffix
}

// printableLines returns the lines of a header.
func printableLines(lines []string) string {
	if len(lines) == 0 {
		return "none"
	}
	texts := make([]string, len(lines))
	for i, line := range lines {
		texts[i] = printable(line)
	}
	return strings.Join(texts, " | ")
}
