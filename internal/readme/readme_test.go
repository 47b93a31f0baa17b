// Package readme_test proves that what README.md and the other documents show
// is so: every snippet compiles, every link leads somewhere.
package readme_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

const root = "../.."

// documents are the Markdown files that are checked.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			name, err := filepath.Rel(root, file)
			require.NoError(t, err)
			texts[name] = string(text)
		}
	}
	require.Contains(t, texts, "README.md")
	return texts
}

// A block is one fenced snippet. Those in lists are indented.
var block = regexp.MustCompile("(?ms)^( *)```([a-z]+)\n(.*?)^ *```$")

func snippets(text, language string) []string {
	var found []string
	for _, match := range block.FindAllStringSubmatch(text, -1) {
		if match[2] == language {
			found = append(found, match[3])
		}
	}
	return found
}

// imports are the packages that snippets may use without saying so.
var imports = map[string]string{
	"bytes":         "bytes",
	"connect":       "connectrpc.com/connect",
	"context":       "context",
	"corsdebug":     "github.com/corsrpc/corsrpc-go/corsrpc/corsdebug",
	"corsotel":      "github.com/corsrpc/corsrpc-go/corsrpc/corsotel",
	"corsconfig":    "github.com/corsrpc/corsrpc-go/corsrpc/corsconfig",
	"corsconnect":   "github.com/corsrpc/corsrpc-go/corsrpc/corsconnect",
	"corsexport":    "github.com/corsrpc/corsrpc-go/corsrpc/corsexport",
	"corsgrpc":      "github.com/corsrpc/corsrpc-go/corsrpc/corsgrpc",
	"corsrpc":       "github.com/corsrpc/corsrpc-go/corsrpc",
	"corstest":      "github.com/corsrpc/corsrpc-go/corsrpc/corstest",
	"corsconnectv2": "github.com/corsrpc/corsrpc-go/corsrpc/corsconnectv2",
	"connecthttp":   "connectrpc.com/connect/v2/connecthttp",
	"fmt":           "fmt",
	"grpc":          "google.golang.org/grpc",
	"grpcweb":       "github.com/corsrpc/corsrpc-go/corsrpc/grpcweb",
	"http":          "net/http",
	"httptest":      "net/http/httptest",
	"log":           "log",
	"metric":        "go.opentelemetry.io/otel/sdk/metric",
	"otel":          "go.opentelemetry.io/otel",
	"prometheus":    "go.opentelemetry.io/otel/exporters/prometheus",
	"promhttp":      "github.com/prometheus/client_golang/prometheus/promhttp",
	"shop":          "github.com/corsrpc/corsrpc-go/internal/shop",
	"shopv1":        "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1",
	"shopv1connect": "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect",
	"slog":          "log/slog",
	"testing":       "testing",
	"time":          "time",
}

// importsV2 replace imports in snippets for Connect v2.
var importsV2 = map[string]string{
	"connect":       "connectrpc.com/connect/v2",
	"shop":          "github.com/corsrpc/corsrpc-go/internal/shop",
	"shopv1":        "github.com/corsrpc/corsrpc-go/internal/genv2/acme/shop/v1",
	"shopv1connect": "github.com/corsrpc/corsrpc-go/internal/genv2/acme/shop/v1/shopv1connect",
}

// surroundings are what a reader of a snippet has in mind around it. Those of
// catalogs and carts depend on the framework.
const (
	surroundings = `
var (
	mux          = http.NewServeMux()
	authenticate func(http.Handler) http.Handler
	cors         *corsrpc.Policy
	origins      []string
	request      *http.Request
	handler      http.Handler
	transcoder   http.Handler
	front        *http.Server
	operators    *http.ServeMux
	methods      func(string) (bool, bool, bool)
	ctx          context.Context
)
`
	withConnect = `
var (
	catalog     shopv1connect.CatalogServiceHandler
	cart        shopv1connect.CartServiceHandler
	adminServer shopv1connect.AdminServiceHandler
)
`
	withGRPC = `
var (
	catalog shopv1.CatalogServiceServer
	server  *grpc.Server
)
`
)

var (
	declaresTests = regexp.MustCompile(`(?m)^(func|import|package|type|var) `)
	declaration   = regexp.MustCompile(`(?m)^([a-z]\w*)(?:, ([a-z]\w*))?(?:, ([a-z]\w*))? := `)
	leadingSpace  = regexp.MustCompile(`^ *`)
)

// program makes a Go file of a snippet.
func program(snippet string) string {
	indent := leadingSpace.FindString(snippet)
	snippet = strings.ReplaceAll("\n"+snippet, "\n"+indent, "\n")[1:]
	body := snippet
	if !declaresTests.MatchString(snippet) {
		for _, match := range declaration.FindAllStringSubmatch(snippet, -1) {
			for _, name := range match[1:] {
				if name != "" {
					snippet += fmt.Sprintf("\n_ = %s\n", name)
				}
			}
		}
		body = "func _() {\n" + snippet + "\n}\n"
	}
	if strings.HasPrefix(strings.TrimSpace(snippet), "package ") {
		return snippet
	}
	body += surroundings
	paths := maps.Clone(imports)
	switch {
	case strings.Contains(snippet, "corsconnectv2"):
		maps.Copy(paths, importsV2)
		body += withConnect
	case strings.Contains(snippet, "grpcweb.") || strings.Contains(snippet, "grpc.NewServer") || strings.Contains(snippet, "GracefulStop"):
		body += withGRPC
	case strings.Contains(snippet, "corsotel"):
	default:
		body += withConnect
	}
	var file strings.Builder
	file.WriteString("package snippet\n\nimport (\n")
	for name, path := range paths {
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(body) {
			fmt.Fprintf(&file, "\t%s %q\n", name, path)
		}
	}
	file.WriteString(")\n\n" + body)
	return file.String()
}

// moduleOf returns the directory of a module that has what a snippet imports.
func moduleOf(snippet string) string {
	if strings.Contains(snippet, "corsotel") {
		return filepath.Join(root, "internal/productiontest")
	}
	return "."
}

func TestGoSnippetsCompile(t *testing.T) {
	t.Parallel()
	files := t.TempDir()
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	packages := make(map[string][]string) // by the module's directory
	var sources []string
	for name, text := range documents(t) {
		for i, snippet := range snippets(text, "go") {
			real := filepath.Join(files, fmt.Sprintf("%d.go", len(sources)))
			require.NoError(t, os.WriteFile(real, []byte(program(snippet)), 0o600))
			module, err := filepath.Abs(moduleOf(snippet))
			require.NoError(t, err)
			directory := fmt.Sprintf("snippet%d", len(sources))
			overlay.Replace[filepath.Join(module, directory, "snippet.go")] = real
			packages[module] = append(packages[module], "./"+directory)
			sources = append(sources, fmt.Sprintf("%s, Go snippet %d", name, i+1))
		}
	}
	require.GreaterOrEqual(t, len(sources), 7, "README.md has Go snippets")
	description, err := json.Marshal(overlay)
	require.NoError(t, err)
	overlayFile := filepath.Join(files, "overlay.json")
	require.NoError(t, os.WriteFile(overlayFile, description, 0o600))
	for module, snippets := range packages {
		build := exec.Command("go", append([]string{"build", "-overlay", overlayFile}, snippets...)...)
		build.Dir = module
		output, err := build.CombinedOutput()
		assert.NoError(t, err, "%s\nthe snippets in order: %q", output, sources)
	}
}

// The options shown are those of the demo shop's schema.
func TestProtoSnippetsAreReal(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(root, "proto/acme/shop/v1/*.proto"))
	require.NoError(t, err)
	var schema strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		schema.Write(text)
	}
	for name, text := range documents(t) {
		for _, snippet := range snippets(text, "proto") {
			for line := range strings.SplitSeq(snippet, "\n") {
				assert.Contains(t, schema.String(), line, name)
			}
		}
	}
}

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`(?:\]\(|src="|srcset=")([^)"#\s]+)`)
	for name, text := range documents(t) {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			_, err := os.Stat(filepath.Join(root, filepath.Dir(name), match[1]))
			assert.NoError(t, err, name)
		}
	}
}

func TestCommandsExist(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	for name, text := range documents(t) {
		for _, snippet := range snippets(text, "sh") {
			for _, match := range regexp.MustCompile(`(?m)^make ([a-z-]+)`).FindAllStringSubmatch(snippet, -1) {
				assert.Regexp(t, `(?m)^`+match[1]+`:.*## `, string(makefile), name)
			}
			for _, match := range regexp.MustCompile(`(?m)^go run \./(\S+)`).FindAllStringSubmatch(snippet, -1) {
				assert.DirExists(t, filepath.Join(root, match[1]), name)
			}
		}
	}
}

// Every Reason is in the table of the README, and has a section in the document
// to which the command links.
func TestReasonsAreExplained(t *testing.T) {
	t.Parallel()
	texts := documents(t)
	for reason := corsrpc.ReasonOK + 1; reason <= corsrpc.ReasonHTTP2Preface; reason++ {
		assert.Contains(t, texts["README.md"], "| `"+reason.String()+"` |")
		assert.Contains(t, texts["docs/troubleshooting.md"], "\n## "+reason.Code()+"\n\n**"+reason.String()+".**")
	}
}
