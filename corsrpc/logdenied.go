package corsrpc

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// LogDenied returns a function for Config.OnDecision that logs every Decision
// that is not allowed, at level Warn, with these attributes: kind, outcome,
// reason, status, path, procedure, origin, detail, fix. What comes from the
// network is logged escaped and truncated.
//
// Since anyone can cause these, each combination of path, reason and origin is
// limited. After a burst of five, at most one record per second is logged
// immediately. The rest are counted, and at most once per second a summary record
// gives their number in the attribute suppressed; a final one is logged after the
// requests stop. Combinations beyond a thousand at a time share one limit. A nil
// logger means [slog.Default] at the time of the call.
func LogDenied(logger *slog.Logger) func(context.Context, Decision) {
	l := &denialLog{logger: logger, limits: make(map[denial]*denialLimit)}
	return l.record
}

const (
	logBurst    = 5
	logInterval = time.Second
	logLimits   = 1000
)

// A denial is what is limited by itself.
type denial struct {
	path   string
	reason Reason
	origin string
}

// A denialLog writes denials.
type denialLog struct {
	logger *slog.Logger

	mu     sync.Mutex
	limits map[denial]*denialLimit
	shared denialLimit // of those for which limits has no room
	swept  time.Time   // when limits was last looked through for idle ones
}

// A denialLimit lets a burst pass, then one event an interval, and counts the
// others.
type denialLimit struct {
	spent      int
	started    time.Time // when what is spent began to come back
	suppressed int
	last       Decision // of those suppressed
}

func (l *denialLog) record(ctx context.Context, d Decision) {
	if d.Allowed {
		return
	}
	l.mu.Lock()
	now := time.Now()
	limit := l.limit(denial{d.Path, d.Reason, d.Origin}, now)
	passes := limit.take(now)
	if !passes {
		if limit.suppressed == 0 {
			ctx := context.WithoutCancel(ctx)
			time.AfterFunc(logInterval, func() { l.report(ctx, limit) })
		}
		limit.suppressed++
		limit.last = d
	}
	l.mu.Unlock()
	if passes {
		l.write(ctx, d, 0)
	}
}

// report writes a record of what was suppressed.
func (l *denialLog) report(ctx context.Context, limit *denialLimit) {
	l.mu.Lock()
	d, suppressed := limit.last, limit.suppressed
	limit.last, limit.suppressed = Decision{}, 0
	l.mu.Unlock()
	l.write(ctx, d, suppressed)
}

// limit returns the limit of a denial.
func (l *denialLog) limit(of denial, now time.Time) *denialLimit {
	limit := l.limits[of]
	if limit != nil {
		return limit
	}
	if len(l.limits) >= logLimits && now.Sub(l.swept) >= logInterval {
		l.swept = now
		for key, limit := range l.limits {
			if limit.isIdle(now) {
				delete(l.limits, key)
			}
		}
	}
	if len(l.limits) >= logLimits {
		return &l.shared
	}
	limit = &denialLimit{}
	l.limits[of] = limit
	return limit
}

func (l *denialLog) write(ctx context.Context, d Decision, suppressed int) {
	logger := l.logger
	if logger == nil {
		logger = slog.Default()
	}
	attrs := []slog.Attr{
		slog.String("kind", d.Kind.String()),
		slog.String("outcome", d.Outcome.String()),
		slog.String("reason", d.Reason.String()),
		slog.Int("status", d.Status),
		slog.String("path", d.Path),
		slog.String("procedure", d.Procedure),
		slog.String("origin", withoutQuotes(d.Origin)),
		slog.String("detail", d.Detail),
		slog.String("fix", d.Fix),
	}
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("suppressed", suppressed))
	}
	logger.LogAttrs(ctx, slog.LevelWarn, "cross-origin request not allowed", attrs...)
}

// take reports whether an event passes.
func (l *denialLimit) take(now time.Time) bool {
	l.refill(now)
	if l.spent == 0 {
		l.started = now
	}
	if l.spent == logBurst {
		return false
	}
	l.spent++
	return true
}

func (l *denialLimit) refill(now time.Time) {
	if back := int(min(now.Sub(l.started)/logInterval, logBurst)); back > 0 {
		l.spent = max(0, l.spent-back)
		l.started = l.started.Add(time.Duration(back) * logInterval)
	}
}

// isIdle reports whether a new limit would be the same.
func (l *denialLimit) isIdle(now time.Time) bool {
	l.refill(now)
	return l.spent == 0 && l.suppressed == 0
}
