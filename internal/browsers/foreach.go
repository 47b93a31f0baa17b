package browsers

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"
)

// interrupted is done as soon as somebody wants the tests to end. Browsers run in
// process groups of their own, so a terminal's Ctrl-C does not reach them.
var interrupted = sync.OnceValue(func() context.Context {
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	return ctx
})

// ForEach runs a subtest for every engine, one after the other. The subtest's
// context ends after five minutes, and when the tests are interrupted.
func ForEach(t *testing.T, test func(ctx context.Context, t *testing.T, e *Engine)) {
	t.Helper()
	for _, e := range Engines {
		t.Run(e.Name, func(t *testing.T) {
			e.Require(t)
			ctx, cancel := context.WithTimeout(interrupted(), 5*time.Minute)
			defer cancel()
			test(ctx, t, e)
		})
	}
}

// Require skips the test if the browser is not installed. It fails the test instead
// if CORSRPC_REQUIRE_BROWSERS is set.
func (e *Engine) Require(t testing.TB) {
	t.Helper()
	_, err := e.find()
	var missing *MissingError
	switch {
	case err == nil:
	case errors.As(err, &missing) && os.Getenv("CORSRPC_REQUIRE_BROWSERS") == "":
		t.Skip(err)
	default:
		t.Fatal(err)
	}
}
