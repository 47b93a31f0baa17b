package corsrpc

import (
	"context"
	"log/slog"
)

// A Decision is what happens to one request, and why. Its texts are safe to
// print: what came from the network is quoted and truncated.
type Decision struct {
	// Kind classifies the request.
	Kind Kind
	// Outcome is what happens to it.
	Outcome Outcome
	// Status is what Wrap responds with, 204 or 403, or 0 if the handler
	// responds. It is 403 for every refused call, even if Config.ExplainTo
	// changes the status that is sent.
	Status int
	// Allowed reports whether Outcome is OutcomeAllowed. After a preflight
	// the browser then sends the call; after a call the page can read the
	// response. On a path that is not governed, Allowed is false for
	// cross-origin requests that need CORS headers, since Wrap adds none, and
	// true for all others.
	Allowed bool
	// Reason is ReasonOK if and only if Allowed is true.
	Reason Reason
	// Path is the path of the rule that decided, as in Rule; never the path
	// of the request. It is empty if there is no such rule.
	Path string
	// Procedure is the rule's procedure, or the service's path for an unknown
	// method; empty for resources.
	Procedure string
	// Origin is the request's Origin, quoted and truncated. It is empty if the
	// request has none. For requests that are allowed it is also empty in what
	// OnDecision receives and Admit returns.
	Origin string
	// Detail adds what the Reason leaves open about this request.
	Detail string
	// Fix is the one change that removes the cause: a change to Config, unless
	// it says otherwise. It is empty if no single change would remove the
	// cause, or if none should be made.
	Fix string
}

// LogValue implements [slog.LogValuer]: a group of the fields that are not
// empty.
func (d Decision) LogValue() slog.Value {
	attrs := make([]slog.Attr, 0, 9)
	attrs = append(attrs,
		slog.String("kind", d.Kind.String()),
		slog.String("outcome", d.Outcome.String()),
		slog.String("reason", d.Reason.Code()),
		slog.Int("status", d.Status),
	)
	for _, text := range [...]struct{ name, value string }{
		{"path", d.Path}, {"procedure", d.Procedure}, {"origin", withoutQuotes(d.Origin)}, {"detail", d.Detail}, {"fix", d.Fix},
	} {
		if text.value != "" {
			attrs = append(attrs, slog.String(text.name, text.value))
		}
	}
	return slog.GroupValue(attrs...)
}

// JoinHooks returns a function for Config.OnDecision that calls the hooks in
// order, such as [LogDenied] and one for metrics. Nil hooks are left out.
func JoinHooks(hooks ...func(context.Context, Decision)) func(context.Context, Decision) {
	var present []func(context.Context, Decision)
	for _, hook := range hooks {
		if hook != nil {
			present = append(present, hook)
		}
	}
	if len(present) == 1 {
		return present[0]
	}
	return func(ctx context.Context, d Decision) {
		for _, hook := range present {
			hook(ctx, d)
		}
	}
}
