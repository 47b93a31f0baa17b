// Package corsexport writes a policy as configuration of other systems: proxies,
// gateways and languages that are not Go's.
package corsexport

import "strconv"

// quote returns s as a Go string of printable ASCII.
func quote(s string) string { return strconv.QuoteToASCII(s) }
