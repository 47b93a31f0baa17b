// Package corsotel counts the decisions of a [corsrpc.Policy] with
// OpenTelemetry. It uses the metric API only. The application chooses the SDK
// and the exporter:
//
//	count, err := corsotel.OnDecision(otel.GetMeterProvider())
//	…
//	cors, err := corsrpc.New(corsrpc.Config{
//		Origins:    []string{"https://app.example.com"},
//		OnDecision: corsrpc.JoinHooks(count, corsrpc.LogDenied(nil)),
//	})
//
// # What is counted
//
// [corsrpc.Config].OnDecision documents which requests are reported. Each adds 1
// to the counter corsrpc.decisions, whose unit is {decision}, with these
// attributes:
//
//	rpc.method       the method, such as acme.shop.v1.CartService/AddItem
//	corsrpc.kind     the Kind, such as cross_origin
//	corsrpc.outcome  the Outcome, such as refused
//	corsrpc.reason   the code of the Reason, such as origin_not_allowed
//
// rpc.method has the format of OpenTelemetry's conventions for RPC: the full
// name of the service, a slash and the name of the method. For a request to a
// REST binding, it is the RPC method that the binding serves. For a call to a
// method that the policy does not know, it is _OTHER, whatever the service. If
// the Decision's Procedure is empty, the attribute is absent: for resources, for
// the HTTP method PRI, and for paths that cannot be attributed to a single
// service.
//
// The origin, the path and the names of headers are never attributes, because
// clients choose them. [corsrpc.LogDenied] logs them.
//
// # How many series there are
//
// Clients cannot add series by inventing origins, methods, headers or paths. A
// method has at most 14 series, or 22 if RequireHosts, RequireFetchMetadata and
// ExplainTo are set. Most methods have two or three until somebody attacks. The
// same limits apply to _OTHER and to all decisions without rpc.method.
//
// An SDK keeps a limited number of series for each counter, 2000 by default in
// Go. It counts the rest in one series with the attribute otel.metric.overflow.
// With more than about 90 methods, raise the limit of the SDK, or drop rpc.method
// with a View.
package corsotel
