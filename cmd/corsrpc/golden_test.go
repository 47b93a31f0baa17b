package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the command prints, for people to read: testdata/NAME.txt has a command,
// its output and its exit status.
var outputs = []struct {
	name, command string
	status        int
}{
	{"help", "help", fine},
	{"help-check", "check --help", fine},
	{"help-export", "export --help", fine},
	{"rules", "rules --image shop.binpb --policy policy.yaml", fine},
	{"rules-why", "rules --image shop.binpb --policy policy.yaml --why", fine},
	{"rules-json", "rules --image shop.binpb --policy policy.yaml --why --format json", fine},
	{"rules-schema", "rules --image shop.binpb", fine},
	{"explain-allowed", "explain --image shop.binpb --policy policy.yaml --origin https://app.example.com --call acme.shop.v1.CartService/AddItem", fine},
	{"explain-header", "explain --image shop.binpb --policy policy.yaml --origin https://app.example.com --call acme.shop.v1.CartService/AddItem -H X-Debug:1", findings},
	{"explain-origin", "explain --image shop.binpb --policy policy.yaml --origin https://evil.example --call acme.shop.v1.CatalogService/GetProduct --protocol get", findings},
	{"explain-internal", "explain --image shop.binpb --policy policy.yaml --origin https://app.example.com --call acme.shop.v1.CartService/PurgeCarts", findings},
	{"explain-cookies", "explain --image shop.binpb --policy policy.yaml --origin https://pr-1.preview.example.com --call acme.shop.v1.CatalogService/WatchPrices --protocol grpc-web -H Cookie:a=b", findings},
	{"explain-rest", "explain --image shop.binpb --policy policy.yaml --origin https://app.example.com --call /v1/products/teapot --protocol rest --url http://localhost:8080", fine},
	{"explain-mixed-content", "explain --image shop.binpb --policy policy.yaml --origin https://app.example.com --call acme.shop.v1.CatalogService/GetProduct --url http://api.example.com", findings},
	{"explain-json", "explain --image shop.binpb --policy policy.yaml --origin https://app.example.com --call acme.shop.v1.CartService/AddItem -H X-Debug:1 --format json", findings},
	{"explain-preflight", "explain --image shop.binpb --policy policy.yaml --curl @request.txt", findings},
	{"diff", "diff shop.binpb next.binpb", findings},
	{"diff-json", "diff shop.binpb next.binpb --format json", findings},
	{"diff-github", "diff shop.binpb next.binpb --format github-actions", findings},
	{"diff-policies", "diff shop.binpb shop.binpb --policy-old policy.yaml --policy-new policy-next.yaml", findings},
	{"diff-gains", "diff shop.binpb shop.binpb --policy-old policy-next.yaml --policy-new policy-next.yaml --allow gains", fine},
	{"policy-validate", "policy validate policy.yaml --image shop.binpb", fine},
	{"policy-validate-alone", "policy validate policy.yaml", fine},
	{"policy-broken", "policy validate --image shop.binpb broken.yaml", findings},
	{"export", "export json --image shop.binpb --policy policy.yaml -o out", fine},
	{"export-check", "export json --image shop.binpb --policy policy.yaml -o never --check", findings},
	{"policy-print", "policy print policy.yaml policy-next.yaml", fine},
}

func TestOutput(t *testing.T) {
	t.Parallel()
	dir := newDirectory(t)
	copied, err := os.ReadFile("testdata/curl/firefox-bash-preflight.txt")
	require.NoError(t, err)
	dir.write(t, "request.txt", copied)
	for _, row := range outputs {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			args := dir.args(strings.Fields(row.command)...)
			r := execute(t.Context(), args...)
			assert.Equal(t, row.status, r.status)
			assert.Empty(t, r.stderr)
			text := fmt.Sprintf("$ corsrpc %s\n%s", row.command, r.stdout)
			golden(t, row.name, strings.ReplaceAll(text, string(dir)+string(filepath.Separator), "")+fmt.Sprintf("[exit status %d]\n", r.status))
		})
	}
}

// Every file of expected output is of a test.
func TestOutputHasNoOtherFiles(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"check-fine": true, "check-findings": true}
	for _, row := range outputs {
		known[row.name] = true
	}
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	for _, file := range files {
		assert.True(t, known[strings.TrimSuffix(filepath.Base(file), ".txt")], file)
	}
}
