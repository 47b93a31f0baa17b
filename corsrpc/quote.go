package corsrpc

import (
	"strconv"
	"strings"
)

// quote makes any text safe to print, and short.
func quote(s string) string {
	if len(s) > longestQuoted {
		return strconv.QuoteToASCII(s[:longestQuoted]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

const longestQuoted = 256

// quoteLines quotes the lines of a header.
func quoteLines(lines []string) string {
	const most = 3
	var text strings.Builder
	for i, line := range lines {
		if i == most {
			text.WriteString(", ...")
			break
		}
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString(quote(line))
	}
	return text.String()
}

// withoutQuotes takes the quotes off a quoted text that means the same without
// them: most log handlers quote what they must.
func withoutQuotes(quoted string) string {
	if s, err := strconv.Unquote(quoted); err == nil && len(s) == len(quoted)-len(`""`) {
		return s
	}
	return quoted
}
