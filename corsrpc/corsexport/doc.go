// Package corsexport writes a policy as configuration of other systems: proxies,
// gateways, and servers written in other languages than Go.
//
// # What an export guarantees
//
// The rules are those of the policy, and nobody writes a list by hand. For each
// request, the target takes the same steps in the same order as
// [corsrpc.Policy.Wrap]:
//
//   - A call that Wrap refuses does not reach the backend, if a browser can send
//     it.
//   - A page can read what it could read behind Wrap, and no more.
//   - A page that calls a path as the policy writes it loses nothing.
//   - The responses to preflights have the same headers, and so have refused
//     calls.
//
// Where targets cannot do exactly what Wrap does, they refuse more:
//
//   - Permissions are granted to a path byte for byte, as browsers send it. Any
//     other spelling of a path, such as one with escaped letters, grants nothing,
//     and its preflights are refused.
//   - A path that could mean a procedure to some server, without being its
//     spelling, is judged by the strictest rule of the service. Wrap asks the
//     rule of that procedure.
//   - No link of another site opens a page whose path ends in a procedure's, as
//     some documentation does. Config.Resources exempts such pages.
//   - OnDecision and ExplainTo do not exist.
//
// Each Export lists in Notes what else is particular to its target. What a target
// cannot say at all is an error: a [*Refusal] names the rule and the value, and
// says what to write instead. There is never a file that does almost the same.
//
// Package edgetest sends requests to a live target and compares every response
// with Wrap's.
package corsexport

import "strconv"

// quote returns s as a Go string of printable ASCII.
func quote(s string) string { return strconv.QuoteToASCII(s) }
