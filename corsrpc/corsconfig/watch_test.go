package corsconfig_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
)

// A watched policy, and the reports of its Watch.
type watched struct {
	t       *testing.T
	dir     string
	names   []string
	policy  *corsrpc.Policy
	reports chan error
	result  chan error
	stop    context.CancelFunc
}

const interval = 3 * time.Second // the default; the clock is synctest's

// watch starts Watch in a bubble of synctest, with files that exist already.
func watch(t *testing.T, dir string, names ...string) *watched {
	t.Helper()
	policy, err := corsrpc.New(corsrpc.Config{Files: library(t, plainMethods...)})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	w := &watched{t: t, dir: dir, policy: policy, reports: make(chan error, 100), result: make(chan error, 1), stop: stop}
	for _, name := range names {
		w.names = append(w.names, filepath.Join(dir, name))
	}
	go func() {
		w.result <- corsconfig.Watch(ctx, policy, corsconfig.WatchConfig{Names: w.names, OnReload: func(err error) { w.reports <- err }})
	}()
	synctest.Wait()
	return w
}

// report returns the only report since the last call.
func (w *watched) report() error {
	w.t.Helper()
	synctest.Wait()
	require.Len(w.t, w.reports, 1)
	return withoutDirectory(w.dir, <-w.reports)
}

// quiet requires that nothing was reported after some reads.
func (w *watched) quiet(reads int) {
	w.t.Helper()
	time.Sleep(time.Duration(reads) * interval)
	synctest.Wait()
	require.Empty(w.t, w.reports)
}

// origins returns the origins in force.
func (w *watched) origins() []string { return w.policy.Config().Origins }

// end stops Watch, which returns nil.
func (w *watched) end() {
	w.t.Helper()
	w.stop()
	assert.NoError(w.t, <-w.result)
	assert.Empty(w.t, w.reports)
}

func replace(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(name+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(name+".new", name))
}

const (
	oldPolicy = "origins: [https://old.example.com]\n"
	newPolicy = "origins: [https://new.example.com]\n"
)

var (
	oldOrigins = []string{"https://old.example.com"}
	newOrigins = []string{"https://new.example.com"}
)

// A file that another one takes the place of.
func TestWatchSwap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir, _ := write(t, oldPolicy)
		w := watch(t, dir, "policy.yaml")
		require.NoError(t, w.report())
		assert.Equal(t, oldOrigins, w.origins())
		w.quiet(10)

		replace(t, w.names[0], newPolicy)
		w.quiet(1)
		assert.Equal(t, oldOrigins, w.origins(), "one read is not enough: the file could be in the middle of a write")
		time.Sleep(interval)
		require.NoError(t, w.report())
		assert.Equal(t, newOrigins, w.origins())
		w.quiet(10)
		w.end()
	})
}

// A file that is truncated and written again, slowly and in place.
func TestWatchTruncate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir, _ := write(t, oldPolicy)
		w := watch(t, dir, "policy.yaml")
		require.NoError(t, w.report())

		file, err := os.OpenFile(w.names[0], os.O_WRONLY|os.O_TRUNC, 0)
		require.NoError(t, err)
		// Most of what stands in the file meanwhile would be a policy too.
		for _, line := range []string{"", "origins:\n", "- https://new.example.com\n", "- https://www.example.com\n", "credentials: true\n"} {
			_, err := file.WriteString(line)
			require.NoError(t, err)
			w.quiet(1)
			assert.Equal(t, oldOrigins, w.origins(), "after %q", line)
		}
		require.NoError(t, file.Close())
		time.Sleep(interval)
		require.NoError(t, w.report())
		assert.Equal(t, []string{"https://new.example.com", "https://www.example.com"}, w.origins())

		// A file that stays empty is a mistake.
		require.NoError(t, os.Truncate(w.names[0], 0))
		time.Sleep(2 * interval)
		assert.EqualError(t, w.report(), "policy.yaml:1:1: is empty: write {} if nothing is to be set")
		assert.True(t, w.policy.Config().Credentials, "the last good policy stays")
		w.end()
	})
}

// What kubelet does with a ConfigMap: files are links through ..data, a link that
// is replaced.
func TestWatchConfigMap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		configMap(t, dir, "1", "credentials: true\n"+oldPolicy, "path_prefix: /old\n")
		w := watch(t, dir, "base.yaml", "environment.yaml")
		require.NoError(t, w.report())
		assert.Equal(t, oldOrigins, w.origins())

		configMap(t, dir, "2", newPolicy, "path_prefix: /new\n")
		time.Sleep(2 * interval)
		require.NoError(t, w.report())
		config := w.policy.Config()
		assert.Equal(t, newOrigins, config.Origins)
		assert.Equal(t, "/new", config.PathPrefix)
		assert.False(t, config.Credentials, "what is gone from the files is gone from the policy")
		w.quiet(3)
		w.end()
	})
}

func configMap(t *testing.T, dir, version, base, environment string) {
	t.Helper()
	data := filepath.Join(dir, "..version"+version)
	require.NoError(t, os.Mkdir(data, 0o700))
	for name, text := range map[string]string{"base.yaml": base, "environment.yaml": environment} {
		require.NoError(t, os.WriteFile(filepath.Join(data, name), []byte(text), 0o600))
		if version == "1" {
			require.NoError(t, os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)))
		}
	}
	require.NoError(t, os.Symlink("..version"+version, filepath.Join(dir, "..data_tmp")))
	require.NoError(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
}

// Bad files are reported once, and change nothing.
func TestWatchBadFiles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir, _ := write(t, oldPolicy)
		w := watch(t, dir, "policy.yaml")
		require.NoError(t, w.report())
		for _, bad := range []struct{ text, want string }{
			{"origins: [", "policy.yaml:1:1: is not valid YAML: did not find expected node content"},
			{"orgins: []", `policy.yaml:1:1: unknown field "orgins"; did you mean origins?`},
			{"origins: [app.example.com]", `policy.yaml:1:11: origins[0]: "app.example.com" has no scheme: an origin is scheme://host; write "https://app.example.com"`},
			{"orgins: []\nexcept: [acme.Nothing]", `policy.yaml:1:1: unknown field "orgins"; did you mean origins?
policy.yaml:2:10: except[0]: "acme.Nothing" is not a registered service: write the full name of one, such as acme.shop.v1.CartService, and import its generated code`},
		} {
			replace(t, w.names[0], bad.text)
			time.Sleep(2 * interval)
			assert.EqualError(t, w.report(), bad.want)
			assert.Equal(t, oldOrigins, w.origins())
			w.quiet(5)
		}
		require.NoError(t, os.Remove(w.names[0]))
		time.Sleep(2 * interval)
		assert.EqualError(t, w.report(), "policy.yaml: cannot be read: no such file or directory")
		w.quiet(5)
		replace(t, w.names[0], oldPolicy)
		time.Sleep(2 * interval)
		require.NoError(t, w.report(), "the file is good again, although it is the one in force")

		// Gone and back between two reads: nothing to report.
		require.NoError(t, os.Remove(w.names[0]))
		w.quiet(1)
		replace(t, w.names[0], oldPolicy)
		w.quiet(3)
		w.end()
	})
}

// The first attempt has to succeed.
func TestWatchRefusesToStart(t *testing.T) {
	t.Parallel()
	dir, names := write(t, "origins: [app.example.com]\n")
	policy, err := corsrpc.New(corsrpc.Config{Files: library(t, plainMethods...), Origins: oldOrigins})
	require.NoError(t, err)
	var reported error
	config := corsconfig.WatchConfig{Names: names, OnReload: func(err error) { reported = err }}
	err = corsconfig.Watch(t.Context(), policy, config)
	assert.EqualError(t, withoutDirectory(dir, err), `policy.yaml:1:11: origins[0]: "app.example.com" has no scheme: an origin is scheme://host; write "https://app.example.com"`)
	assert.Equal(t, err, reported)
	assert.Equal(t, oldOrigins, policy.Config().Origins)

	assert.EqualError(t, corsconfig.Watch(t.Context(), policy, corsconfig.WatchConfig{}), "corsconfig: no policy files")
	config.Interval = -1
	assert.EqualError(t, corsconfig.Watch(t.Context(), policy, config), "corsconfig: Interval is negative")
}

// A context that has ended still lets the files be applied once.
func TestWatchOnce(t *testing.T) {
	t.Parallel()
	_, names := write(t, newPolicy)
	policy, err := corsrpc.New(corsrpc.Config{Files: library(t, plainMethods...)})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.NoError(t, corsconfig.Watch(ctx, policy, corsconfig.WatchConfig{Names: names, Interval: time.Hour}))
	assert.Equal(t, newOrigins, policy.Config().Origins)
}

// What is not data stays, and Adjust has the last word.
func TestWatchKeepsWhatIsNotData(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, names := write(t, oldPolicy)
		var reported atomic.Int32
		files := library(t, plainMethods...)
		policy, err := corsrpc.New(corsrpc.Config{Files: files, ReportOnly: true, OnDecision: func(context.Context, corsrpc.Decision) { reported.Add(1) }})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			done <- corsconfig.Watch(ctx, policy, corsconfig.WatchConfig{
				Names: names, Interval: time.Minute,
				Adjust: func(c *corsrpc.Config) { c.RequestHeaders = append(c.RequestHeaders, "X-Adjusted") },
			})
		}()
		for _, want := range [][]string{oldOrigins, newOrigins} {
			synctest.Wait()
			config := policy.Config()
			assert.Equal(t, want, config.Origins)
			assert.Equal(t, []string{"X-Adjusted"}, config.RequestHeaders)
			assert.Same(t, files, config.Files)
			assert.False(t, config.ReportOnly, "data comes from the files alone")
			before := reported.Load()
			assert.Equal(t, http.StatusNoContent, preflight(policy, want[0]))
			assert.Equal(t, before+1, reported.Load(), "OnDecision")
			replace(t, names[0], newPolicy)
			time.Sleep(2 * time.Minute)
		}
		stop()
		assert.NoError(t, <-done)
	})
}

// Watch keeps every field of Config that files cannot have.
func TestWatchKnowsEveryFunction(t *testing.T) {
	t.Parallel()
	for field := range reflect.TypeFor[corsrpc.Config]().Fields() {
		switch field.Type.Kind() {
		case reflect.Func, reflect.Pointer, reflect.Interface, reflect.Chan:
			assert.Contains(t, notData, field.Name, "keep it in apply, and test that it is kept")
		}
	}
}

func preflight(policy *corsrpc.Policy, origin string) int {
	r := httptest.NewRequest(http.MethodOptions, "/acme.library.v1.ShelfService/GetShelf", nil)
	r.Header.Set("Origin", origin)
	r.Header.Set("Access-Control-Request-Method", "POST")
	w := httptest.NewRecorder()
	policy.Wrap(http.NotFoundHandler()).ServeHTTP(w, r)
	return w.Code
}

// While the files change in every way at once, each response is wholly of one
// policy: that of an origin with its header, never of an origin with the other's.
func TestWatchNeverMixes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	texts := map[string][2]string{ // base, environment
		"a": {"request_headers: [X-A]\n", "origins: [https://a.example.com]\ncredentials: true\n"},
		"b": {"request_headers: [X-B]\n", "origins: [https://b.example.com]\ncredentials: false\n"},
	}
	configMap(t, dir, "1", texts["a"][0], texts["a"][1])
	policy := &corsrpc.Policy{}
	files := library(t, plainMethods...)
	ctx, stop := context.WithCancel(t.Context())
	applied, done := make(chan error, 10_000), make(chan error, 1)
	go func() {
		done <- corsconfig.Watch(ctx, policy, corsconfig.WatchConfig{
			Names:    []string{filepath.Join(dir, "base.yaml"), filepath.Join(dir, "environment.yaml")},
			Adjust:   func(c *corsrpc.Config) { c.Files = files },
			OnReload: func(err error) { applied <- err },
			Interval: time.Millisecond,
		})
	}()
	require.NoError(t, <-applied)
	requests := make(chan map[string]int)
	go func() {
		seen := map[string]int{}
		handler := policy.Wrap(http.NotFoundHandler())
		for ctx.Err() == nil {
			for _, name := range []string{"a", "b"} {
				r := httptest.NewRequest(http.MethodOptions, "/acme.library.v1.ShelfService/GetShelf", nil)
				r.Header.Set("Origin", "https://"+name+".example.com")
				r.Header.Set("Access-Control-Request-Method", "POST")
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				what := "refused"
				if w.Code == http.StatusNoContent {
					what = name + " credentials:" + w.Header().Get("Access-Control-Allow-Credentials")
					for _, header := range []string{"X-A", "X-B"} {
						if strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), header) {
							what += " " + header
						}
					}
				}
				seen[what]++
			}
		}
		requests <- seen
	}()
	for i := range 20 {
		name := []string{"b", "a"}[i%2]
		configMap(t, dir, string(rune('A'+i)), texts[name][0], texts[name][1])
		require.NoError(t, <-applied)
		assert.Equal(t, []string{"https://" + name + ".example.com"}, policy.Config().Origins)
	}
	stop()
	require.NoError(t, <-done)
	seen := <-requests
	delete(seen, "refused")
	assert.Positive(t, seen["a credentials:true X-A"])
	assert.Positive(t, seen["b credentials: X-B"])
	assert.Len(t, seen, 2, "%v", seen)
}

// Without OnReload, later errors are logged.
func TestWatchLogs(t *testing.T) {
	var log strings.Builder
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	synctest.Test(t, func(t *testing.T) {
		dir, names := write(t, oldPolicy)
		policy, err := corsrpc.New(corsrpc.Config{Files: library(t, plainMethods...)})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- corsconfig.Watch(ctx, policy, corsconfig.WatchConfig{Names: names}) }()
		synctest.Wait()
		assert.Empty(t, log.String())
		replace(t, names[0], "orgins: []\n")
		time.Sleep(3 * interval)
		stop()
		require.NoError(t, <-done)
		assert.Contains(t, strings.ReplaceAll(log.String(), dir+"/", ""),
			`level=ERROR msg="corsconfig: the policy files cannot be applied" error="policy.yaml:1:1: unknown field \"orgins\"; did you mean origins?"`)
	})
}
