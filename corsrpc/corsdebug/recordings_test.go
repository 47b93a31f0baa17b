package corsdebug_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdebug"
)

// recorded returns the requests that three engines sent for six clients of a
// service, and for all that Fetch describes; see the captures' README.md. Of those
// that differ in nothing that a policy reads, there is one.
func recorded(t *testing.T) []*http.Request {
	t.Helper()
	files, err := filepath.Glob("../corstest/testdata/captures/*.jsonl.gz")
	require.NoError(t, err)
	require.Len(t, files, 15, "five suites in three engines")
	var requests []*http.Request
	seen := make(map[string]bool)
	for _, file := range files {
		f, err := os.Open(file)
		require.NoError(t, err)
		defer f.Close()
		plain, err := gzip.NewReader(f)
		require.NoError(t, err)
		lines := bufio.NewScanner(plain)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var line struct {
				Exchange *struct {
					Method, Path, Query, Host string
					ReqHeader                 map[string][]string `json:"req_header"`
				}
			}
			require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
			e := line.Exchange
			if e == nil {
				continue // the engine sent nothing
			}
			r := &http.Request{Method: e.Method, Host: e.Host, URL: &url.URL{Path: e.Path, RawQuery: e.Query}, Header: make(http.Header)}
			for name, values := range e.ReqHeader {
				r.Header[http.CanonicalHeaderKey(name)] = values
			}
			key := fmt.Sprint(r.Method, r.Host, r.URL.Path)
			for _, name := range slices.Sorted(maps.Keys(r.Header)) {
				if name == "Origin" || name == "Cookie" || strings.HasPrefix(name, "Sec-Fetch-") || strings.HasPrefix(name, "Access-Control-") {
					key += fmt.Sprint(name, r.Header[name])
				}
			}
			if !seen[key] {
				seen[key] = true
				requests = append(requests, r)
			}
		}
		require.NoError(t, lines.Err())
	}
	require.Greater(t, len(requests), 1000)
	t.Log(len(requests), "requests")
	return requests
}

const (
	plainPage, tlsPage, fetchPage = "http://localhost:18701", "https://localhost:18711", "http://localhost:18801"
	recordedService               = "spike.v1.SpikeService"
)

// recordedConfig allows what the pages of the recordings do.
func recordedConfig(t *testing.T, requests []*http.Request) corsrpc.Config {
	t.Helper()
	methods := make(map[string]bool)
	for _, r := range requests {
		if method, ok := strings.CutPrefix(r.URL.Path, "/"+recordedService+"/"); ok {
			methods[method] = true
		}
	}
	var text strings.Builder
	text.WriteString(`name: "spike.proto" package: "spike.v1" syntax: "proto3" message_type { name: "Empty" } service { name: "SpikeService" `)
	for _, method := range slices.Sorted(maps.Keys(methods)) {
		options := ""
		if method == "Get" {
			options = "options { idempotency_level: NO_SIDE_EFFECTS }"
		}
		fmt.Fprintf(&text, `method { name: %q input_type: ".spike.v1.Empty" output_type: ".spike.v1.Empty" %s } `, method, options)
	}
	text.WriteString("}")
	var file descriptorpb.FileDescriptorProto
	require.NoError(t, prototext.Unmarshal([]byte(text.String()), &file))
	descriptor, err := protodesc.NewFile(&file, nil)
	require.NoError(t, err)
	files := new(protoregistry.Files)
	require.NoError(t, files.RegisterFile(descriptor))
	return corsrpc.Config{
		Files:          files,
		Origins:        []string{plainPage, tlsPage},
		Credentials:    true,
		RequestHeaders: []string{"Authorization", "X-Tenant-Id"},
		Resources: map[string]corsrpc.Resource{"/x/": {
			Origins: []string{fetchPage}, Credentials: true, Methods: []string{"PUT", "DELETE", "PATCH"}, RequestHeaders: []string{"X-A", "Authorization", "Content-Type"},
		}},
	}
}

// Over recorded traffic, what Compare reports is what Evaluate of the two
// policies returns. Every request that one of the policies lets through and the
// other does not is among it.
func TestCompareRecordedTraffic(t *testing.T) {
	t.Parallel()
	requests := recorded(t)
	policy, err := corsrpc.New(recordedConfig(t, requests))
	require.NoError(t, err)
	resource := func(c *corsrpc.Config, change func(*corsrpc.Resource)) {
		r := c.Resources["/x/"]
		change(&r)
		c.Resources = map[string]corsrpc.Resource{"/x/": r}
	}
	for _, test := range []struct {
		name   string
		change func(*corsrpc.Config)
		// A decision pair that occurs, "kind outcome reason -> outcome reason";
		// empty if there is no difference.
		want string
	}{
		{"the same", func(*corsrpc.Config) {}, ""},
		{"other headers exposed", func(c *corsrpc.Config) { c.ResponseHeaders = []string{"X-Other"} }, ""},
		{"another origin", func(c *corsrpc.Config) { c.Origins = []string{"https://new.example.com", tlsPage} },
			"preflight allowed ok -> refused origin_not_allowed"},
		{"another origin, calls", func(c *corsrpc.Config) { c.Origins = []string{"https://new.example.com", tlsPage} },
			"cross_origin allowed ok -> refused origin_not_allowed"},
		{"another origin, reported only", func(c *corsrpc.Config) { c.Origins, c.ReportOnly = []string{tlsPage}, true },
			"cross_origin allowed ok -> reported origin_not_allowed"},
		{"a request header less", func(c *corsrpc.Config) { c.RequestHeaders = []string{"Authorization"} },
			"preflight allowed ok -> blocked header_not_allowed"},
		{"no credentials", func(c *corsrpc.Config) { c.Credentials = false },
			"cross_origin allowed ok -> refused credentials_not_allowed"},
		{"an internal method", func(c *corsrpc.Config) {
			c.Overrides = map[string]corsrpc.Override{recordedService + ".Set": {Internal: true}}
		}, "cross_origin allowed ok -> refused internal_method"},
		{"a service less", func(c *corsrpc.Config) { c.Except = []string{recordedService} },
			"ungoverned allowed ok -> blocked no_rule"},
		{"required hosts", func(c *corsrpc.Config) { c.Hosts, c.RequireHosts = []string{"localhost:18702"}, true },
			"cross_origin allowed ok -> refused host_not_allowed"},
		{"a resource for another origin", func(c *corsrpc.Config) {
			resource(c, func(r *corsrpc.Resource) { r.Origins = []string{plainPage} })
		}, "cross_origin allowed ok -> blocked origin_not_allowed"},
		{"a resource without a method", func(c *corsrpc.Config) {
			resource(c, func(r *corsrpc.Resource) { r.Methods = []string{"PUT", "DELETE"} })
		}, "preflight allowed ok -> blocked method_not_allowed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			config := recordedConfig(t, requests)
			test.change(&config)
			candidate, err := corsrpc.New(config)
			require.NoError(t, err)
			compareRecorded(t, policy, candidate, requests, test.want)
		})
	}
}

func compareRecorded(t *testing.T, policy, candidate *corsrpc.Policy, requests []*http.Request, want string) {
	t.Helper()
	ran := 0
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran++ })
	serve := func(h http.Handler, r *http.Request) (status, calls int) {
		before, w := ran, httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, ran - before
	}
	var reported []corsdebug.Difference
	enforced, other := policy.Wrap(handler), candidate.Wrap(handler)
	compared := corsdebug.Compare(policy, candidate, func(_ context.Context, d corsdebug.Difference) { reported = append(reported, d) })(enforced)

	found := make(map[string]int)
	for _, r := range requests {
		before := len(reported)
		status, calls := serve(compared, r)
		plainStatus, plainCalls := serve(enforced, r)
		require.Equal(t, []int{plainStatus, plainCalls}, []int{status, calls}, "Compare changes nothing: %s %s", r.Method, r.URL)

		a, b := policy.Evaluate(r), candidate.Evaluate(r)
		expected := []corsdebug.Difference{}
		if a.Outcome != b.Outcome || a.Status != b.Status || a.Reason != b.Reason {
			expected = []corsdebug.Difference{{Enforced: a, Candidate: b}}
			found[fmt.Sprintf("%s %s %s -> %s %s", b.Kind, a.Outcome, a.Reason.Code(), b.Outcome, b.Reason.Code())]++
		}
		require.Equal(t, expected, append([]corsdebug.Difference{}, reported[before:]...), "%s %s", r.Method, r.URL)

		otherStatus, otherCalls := serve(other, r)
		if otherStatus != status || otherCalls != calls {
			require.Len(t, reported, before+1, "the candidate treats it otherwise: %s %s %v", r.Method, r.URL, r.Header)
		}
	}
	if want == "" {
		assert.Empty(t, found)
		return
	}
	assert.Contains(t, found, want)
}
