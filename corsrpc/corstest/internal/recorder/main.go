//go:build unix

// Command recorder records what one installed browser does with the fetches of
// scenarios.js, in the form of testdata/captures:
//
//	go run ./corsrpc/corstest/internal/recorder chromium 156.0.8078.79 | gzip -9n > fetch-chromium.jsonl.gz
//
// It runs chromium, firefox-esr or WebKitGTK's MiniBrowser (webkit), the last
// with xvfb-run, on a page of http://localhost:18801. Everything that the page
// fetches is on loopback: the page's own server, one of the same site on
// another port, and one of another site, 127.0.0.1.
//
// The servers respond with what the query asks for: "p." parameters are headers
// of responses to preflights and "a." of all others, "p.status" and "a.status"
// their status. {origin} stands for the request's Origin. "lines" splits the
// named header at "|".
package main

import (
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"
)

//go:embed scenarios.js
var scenarios string

const (
	own       = "localhost:18801"
	sameSite  = "localhost:18802"
	crossSite = "127.0.0.1:18803"
)

type exchange struct {
	Seq        int                 `json:"seq"`
	At         string              `json:"at"`
	Server     string              `json:"server"`
	Proto      string              `json:"proto"`
	Method     string              `json:"method"`
	Path       string              `json:"path"`
	Query      string              `json:"query,omitempty"`
	Host       string              `json:"host"`
	ReqHeader  map[string][]string `json:"req_header"`
	ReqBody    string              `json:"req_body,omitempty"`
	ReqBody64  string              `json:"req_body_b64,omitempty"`
	Status     int                 `json:"status"`
	RespHeader map[string][]string `json:"resp_header"`
	RespBody   string              `json:"resp_body,omitempty"`
}

// A call is what the page says of one fetch when it ends.
type call struct {
	Call        string          `json:"call"`
	Kind        string          `json:"kind"`
	Variant     string          `json:"variant"`
	Credentials string          `json:"credentials"`
	Topology    string          `json:"topology"`
	JS          json.RawMessage `json:"js"`
}

type recorder struct {
	browser string
	version string
	done    chan struct{}

	mu        sync.Mutex
	seq       int
	exchanges []exchange // of the current call
	out       *json.Encoder
	calls     int
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: recorder chromium|firefox|webkit VERSION")
	}
	r := &recorder{browser: os.Args[1], version: os.Args[2], done: make(chan struct{}), out: json.NewEncoder(os.Stdout)}
	r.out.SetEscapeHTML(false)
	for _, server := range []struct{ name, host, address string }{
		{"page", own, "127.0.0.1:18801"}, {"api", sameSite, "127.0.0.1:18802"}, {"api", crossSite, crossSite},
	} {
		listener, err := net.Listen("tcp", server.address)
		if err != nil {
			log.Fatal(err)
		}
		go func() { log.Fatal(http.Serve(listener, r.handler(server.name))) }()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	command, err := r.command(ctx)
	if err != nil {
		log.Fatal(err)
	}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // browsers and xvfb-run start others
	if err := command.Start(); err != nil {
		log.Fatal(err)
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		log.Print("the browser did not finish")
	}
	_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
	_ = command.Wait()
	log.Printf("%s %s: %d calls, %d exchanges", r.browser, r.version, r.calls, r.seq)
}

// command starts a browser with a fresh profile.
func (r *recorder) command(ctx context.Context) (*exec.Cmd, error) {
	profile, err := os.MkdirTemp("", "recorder")
	if err != nil {
		return nil, err
	}
	page := "http://" + own + "/page"
	switch r.browser {
	case "chromium":
		return exec.CommandContext(ctx, "chromium", "--headless=new", "--no-sandbox", "--disable-gpu",
			"--user-data-dir="+profile, "--remote-debugging-port=0", page), nil
	case "firefox":
		return exec.CommandContext(ctx, "firefox-esr", "--headless", "--profile", profile, page), nil
	case "webkit":
		browsers, _ := filepath.Glob("/usr/lib/*/webkit2gtk-4.*/MiniBrowser")
		if len(browsers) == 0 {
			return nil, fmt.Errorf("MiniBrowser is not installed")
		}
		return exec.CommandContext(ctx, "xvfb-run", "-a", browsers[0], "--private", page), nil
	}
	return nil, fmt.Errorf("no such browser: %s", r.browser)
}

func (r *recorder) handler(server string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/page", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><title>recorder</title><script>const frame = %t;\n%s</script>", req.FormValue("frame") != "", scenarios)
	})
	// The control channel is readable from opaque origins too.
	mux.HandleFunc("/begin", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		r.mu.Lock()
		r.exchanges = nil
		r.mu.Unlock()
	})
	mux.HandleFunc("/end", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		if err := r.end(req.Body); err != nil {
			log.Print(err)
		}
	})
	mux.HandleFunc("/done", func(http.ResponseWriter, *http.Request) { close(r.done) })
	mux.HandleFunc("/x/", func(w http.ResponseWriter, req *http.Request) { r.answer(server, w, req) })
	return mux
}

// answer does what the query asks for and notes the exchange.
func (r *recorder) answer(server string, w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	if err != nil {
		log.Print(err)
	}
	e := exchange{
		At: time.Now().UTC().Format("15:04:05.000000"), Server: server, Proto: req.Proto, Method: req.Method,
		Path: req.URL.Path, Query: req.URL.RawQuery, Host: req.Host, ReqHeader: map[string][]string{},
		Status: http.StatusOK, RespHeader: map[string][]string{},
	}
	for name, values := range req.Header {
		e.ReqHeader[strings.ToLower(name)] = values
	}
	if utf8.Valid(body) {
		e.ReqBody = string(body)
	} else {
		e.ReqBody64 = base64.StdEncoding.EncodeToString(body)
	}
	prefix := "a."
	preflight := req.Method == http.MethodOptions && req.Header.Get("Access-Control-Request-Method") != ""
	if preflight {
		prefix = "p."
	}
	query := req.URL.Query()
	for key, values := range query {
		name, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		if name == "status" {
			e.Status, _ = strconv.Atoi(values[0])
			continue
		}
		for _, value := range values {
			value = strings.ReplaceAll(value, "{origin}", req.Header.Get("Origin"))
			for line := range strings.SplitSeq(value, "|") {
				e.RespHeader[strings.ToLower(name)] = append(e.RespHeader[strings.ToLower(name)], line)
			}
		}
	}
	if preflight && query.Get("p.status") == "" {
		e.Status = http.StatusNoContent
	}
	for name, values := range e.RespHeader {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	if req.Method != http.MethodHead && e.Status != 204 && e.Status != 205 && e.Status != 304 {
		e.RespBody = "ok"
	}
	r.mu.Lock()
	r.seq++
	e.Seq = r.seq
	r.exchanges = append(r.exchanges, e)
	r.mu.Unlock()
	w.WriteHeader(e.Status)
	_, _ = io.WriteString(w, e.RespBody)
}

// end writes the exchanges of the call that the page describes.
func (r *recorder) end(description io.Reader) error {
	var c call
	if err := json.NewDecoder(description).Decode(&c); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	line := map[string]any{
		"run": "fetch", "call": "fetch/" + strconv.Itoa(r.calls), "browser": r.browser, "browser_version": r.version,
		"client": "raw-fetch", "kind": c.Kind, "variant": c.Variant, "credentials": c.Credentials,
		"topology": c.Topology, "n_exchanges": len(r.exchanges), "js": c.JS, "exchange": nil, "i": 0, "role": "none",
	}
	if len(r.exchanges) == 0 {
		return r.out.Encode(line)
	}
	for i, e := range r.exchanges {
		line["i"], line["exchange"], line["role"] = i, e, "actual"
		if _, asked := e.ReqHeader["access-control-request-method"]; asked && e.Method == http.MethodOptions {
			line["role"] = "preflight"
		}
		if err := r.out.Encode(line); err != nil {
			return err
		}
	}
	return nil
}
