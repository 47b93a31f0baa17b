package corsrpc

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// LogDenied returns a function for Config.OnDenied that logs each denial with
// level Warn and these attributes: kind, reason, status, procedure, origin,
// detail, fix. The status is 403 where Wrap refused the request; 204 and 0 where
// the browser will block it, or would have been refused but for ReportOnly. What
// comes from the network is logged escaped and cut.
//
// Since anyone can cause denials, it writes at most one record a second after
// a burst of twenty; the attribute suppressed counts those left out since the
// last record. A nil logger stands for [slog.Default] at the time of the call.
func LogDenied(logger *slog.Logger) func(context.Context, Decision) {
	limit := &limiter{now: time.Now}
	return func(ctx context.Context, d Decision) {
		suppressed, ok := limit.allow()
		if !ok {
			return
		}
		l := logger
		if l == nil {
			l = slog.Default()
		}
		l.LogAttrs(ctx, slog.LevelWarn, "cross-origin request not allowed",
			slog.String("kind", d.Kind.String()),
			slog.String("reason", d.Reason.String()),
			slog.Int("status", d.Status),
			slog.String("procedure", d.Procedure),
			slog.String("origin", withoutQuotes(d.Origin)),
			slog.String("detail", d.Detail),
			slog.String("fix", d.Fix),
			slog.Int("suppressed", suppressed),
		)
	}
}

const (
	logBurst    = 20
	logInterval = time.Second
)

// A limiter lets a burst pass, and then one event per interval.
type limiter struct {
	now func() time.Time

	mu         sync.Mutex
	started    time.Time // when the tokens spent so far began to come back
	spent      int
	suppressed int
}

// allow reports whether this event may pass, and if so how many did not since
// the last one.
func (l *limiter) allow() (suppressed int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	back := int(min(now.Sub(l.started)/logInterval, logBurst))
	if back > 0 {
		l.spent = max(0, l.spent-back)
		l.started = l.started.Add(time.Duration(back) * logInterval)
	}
	if l.spent == 0 {
		l.started = now
	}
	if l.spent == logBurst {
		l.suppressed++
		return 0, false
	}
	l.spent++
	suppressed, l.suppressed = l.suppressed, 0
	return suppressed, true
}
