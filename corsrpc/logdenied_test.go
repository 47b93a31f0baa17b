package corsrpc

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestLimiter(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	l := &limiter{now: func() time.Time { return now }}
	pass := func(events int) (passed, suppressed int) {
		for range events {
			if n, ok := l.allow(); ok {
				passed++
				suppressed += n
			}
		}
		return passed, suppressed
	}
	check := func(events, wantPassed, wantSuppressed int, why string) {
		passed, suppressed := pass(events)
		assert.Equal(t, [2]int{wantPassed, wantSuppressed}, [2]int{passed, suppressed}, why)
	}
	check(100, logBurst, 0, "a burst")
	now = now.Add(logInterval - 1)
	check(10, 0, 0, "not yet")
	now = now.Add(1)
	check(10, 1, 90, "one a second, which tells of those left out")
	now = now.Add(5*logInterval + logInterval/2)
	check(10, 5, 9, "five seconds later")
	now = now.Add(logInterval/2 - 1)
	check(10, 0, 0, "not a nanosecond early")
	now = now.Add(1)
	check(10, 1, 15, "halves add up")
	now = now.Add(1000 * time.Hour)
	check(100, logBurst, 9, "never more than a burst")
	now = now.Add(-time.Hour)
	check(10, 0, 0, "a clock that is set back lets nothing pass")
}
