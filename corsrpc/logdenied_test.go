package corsrpc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A denialRecord is what the tests below look at.
type denialRecord struct {
	Origin     string
	Suppressed int
}

// A lockedBuffer is a buffer for a log that timers write to.
type lockedBuffer struct {
	mu  sync.Mutex
	log bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.log.Write(p)
}

// take returns what was written since the last call.
func (b *lockedBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.log.Reset()
	return b.log.String()
}

// denialRecords returns a hook and a function that returns what it has logged
// since the last call.
func denialRecords(t *testing.T) (hook func(context.Context, corsrpc.Decision), logged func() []denialRecord) {
	var out lockedBuffer
	hook = corsrpc.LogDenied(slog.New(slog.NewJSONHandler(&out, nil)))
	return hook, func() []denialRecord {
		var records []denialRecord
		for decoder := json.NewDecoder(strings.NewReader(out.take())); decoder.More(); {
			var record denialRecord
			require.NoError(t, decoder.Decode(&record))
			records = append(records, record)
		}
		return records
	}
}

func denied(origin string) corsrpc.Decision {
	return corsrpc.Decision{Outcome: corsrpc.OutcomeRefused, Reason: corsrpc.ReasonOriginNotAllowed, Path: getProduct, Origin: `"` + origin + `"`}
}

func TestLogDeniedReportsWhatABurstSuppressed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hook, logged := denialRecords(t)
		for range 12 {
			hook(t.Context(), denied(evil))
		}
		assert.Equal(t, []denialRecord{{evil, 0}, {evil, 0}, {evil, 0}, {evil, 0}, {evil, 0}}, logged(), "the burst")
		time.Sleep(time.Second - 1)
		synctest.Wait()
		assert.Empty(t, logged(), "not yet")
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		assert.Equal(t, []denialRecord{{evil, 7}}, logged(), "when it ends")
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Empty(t, logged(), "once")
		for range 6 {
			hook(t.Context(), denied(evil))
		}
		assert.Len(t, logged(), 5, "never more than a burst")
	})
}

func TestLogDeniedIgnoresWhatIsAllowed(t *testing.T) {
	t.Parallel()
	hook, logged := denialRecords(t)
	hook(t.Context(), corsrpc.Decision{Allowed: true, Path: getProduct})
	assert.Empty(t, logged())
}

// Hostile requests with ever new origins, or with one, do not hide a real
// denial.
func TestLogDeniedUnderAttack(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		origin func(i int) string
	}{
		{"one origin", func(int) string { return evil }},
		{"ever new origins", func(i int) string { return fmt.Sprintf("https://evil-%d.test", i) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				hook, logged := denialRecords(t)
				for i := range 6000 { // ten minutes of ten a second
					hook(t.Context(), denied(test.origin(i)))
					time.Sleep(100 * time.Millisecond)
				}
				synctest.Wait()
				hook(t.Context(), denied(app))
				records := logged()
				assert.Equal(t, denialRecord{app, 0}, records[len(records)-1])
				total := 0
				for _, record := range records {
					total += max(1, record.Suppressed)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				for _, record := range logged() {
					total += record.Suppressed
				}
				assert.Equal(t, 6001, total, "each is logged or counted")
			})
		})
	}
}

// A flood of new origins is bounded in records and in memory.
func TestLogDeniedFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hook, logged := denialRecords(t)
		for i := range 100_000 {
			hook(t.Context(), denied(fmt.Sprintf("https://evil-%d.test", i)))
		}
		assert.Len(t, logged(), 1005)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Len(t, logged(), 1)
	})
}
