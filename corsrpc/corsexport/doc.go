// Package corsexport writes a policy as configuration for other systems: proxies,
// gateways, and servers written in languages other than Go.
//
// # What an export guarantees
//
// The rules are those of the policy, and nobody writes a list by hand. For each
// request, the target takes the same steps in the same order as
// [corsrpc.Policy.Wrap]. The exceptions are [HTTPRoute], for the Kubernetes Gateway
// API, and [SecurityPolicy], for Envoy Gateway, which cannot refuse calls: the
// server behind them must do so, with corsconnect.WithGate or the interceptors of
// corsgrpc. For every other target, an export guarantees:
//
//   - No call that a browser can send reaches the backend if Wrap would refuse
//     it.
//   - A page can read what it could read behind Wrap, and no more.
//   - A page that calls a path spelled exactly as in the rule can do everything
//     that it can do behind Wrap.
//   - Responses to preflights and to refused calls have the same headers as
//     those of Wrap.
//
// Where a target cannot do exactly what Wrap does, it refuses more:
//
//   - Only a path that equals the rule's path byte for byte gets permissions. Any
//     other spelling of a path, such as one with escaped letters, grants nothing,
//     and its preflights are refused.
//   - A path that differs from a procedure's own path, but that some server might
//     still route to the procedure, is judged by the strictest rule of the
//     procedure's service. Wrap uses the rule of the procedure.
//   - Links from other sites to a page whose path ends in that of a procedure,
//     such as a page of API documentation, are refused. A key of Config.Resources
//     exempts such pages.
//
// OnDecision and ExplainTo have no effect in an export. [Export].Notes lists
// what else is particular to a target. If a target cannot express a rule, the
// export fails with a [*Refusal], which names the rule and the value and says
// what to write instead. Apart from the differences above and those in the
// Notes, every exported configuration applies the policy exactly.
//
// Package edgetest sends requests to a live target and compares every response
// with that of Wrap.
package corsexport
