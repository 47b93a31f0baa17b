package main

import (
	"embed"
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"strings"
)

var (
	//go:embed page
	pageFiles embed.FS

	// The page quotes what it compares.

	//go:embed withcorsrpc.go
	withCorsrpcSource string
	//go:embed handwritten.go
	handWrittenSource string
)

// A column is one of the APIs that the page calls.
type column struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	URL    string `json:"url"`
	About  string `json:"about"`
	Source string `json:"source,omitempty"` // Go
}

// newPage returns a handler of the page, which is at home at url, of
// columns.json, which tells it what to call, and of its link to the debug page.
func newPage(url, debugURL string, columns []column) (http.Handler, error) {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		return nil, err
	}
	columnsJSON, err := json.Marshal(columns)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /columns.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(columnsJSON)
	})
	mux.Handle("GET /debug", http.RedirectHandler(debugURL, http.StatusTemporaryRedirect))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// By another name for this machine, localhost for one, the page would
		// be of another origin, which no API lets call.
		if "http://"+r.Host != url {
			http.Redirect(w, r, url, http.StatusTemporaryRedirect)
			return
		}
		// Embedded files have no date to revalidate by.
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	}), nil
}

// afterImports returns the part of a Go file that is worth quoting.
func afterImports(source string) string {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "", source, parser.ImportsOnly)
	if err != nil {
		panic(err) // the file is compiled into this program
	}
	imports := file.Decls[len(file.Decls)-1]
	return strings.TrimSpace(source[files.Position(imports.End()).Offset:])
}
