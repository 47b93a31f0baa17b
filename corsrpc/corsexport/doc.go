// Package corsexport writes a policy as configuration of other systems: proxies,
// gateways, and servers written in other languages than Go.
package corsexport

import "strconv"

// quote returns s as a Go string of printable ASCII.
func quote(s string) string { return strconv.QuoteToASCII(s) }
