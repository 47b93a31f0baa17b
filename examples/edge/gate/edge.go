package main

import (
	"iter"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// An edge stands for a proxy that can be configured with lists per path. It
// knows nothing of RPC, and takes each origin as it is written: the policy of
// this example has no patterns.
type edge struct {
	proxy *httputil.ReverseProxy
	lists map[string]corsrpc.Rule // by path; one that ends in a slash is for the rest below it
}

// newEdge takes the lists as a deployment would export them into its proxy's
// configuration.
func newEdge(rules iter.Seq[corsrpc.Rule], backend *url.URL) http.Handler {
	e := &edge{lists: make(map[string]corsrpc.Rule)}
	for rule := range rules {
		e.lists[rule.Path] = rule
	}
	e.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(backend) // and with it Host: hence Hosts in the policy
			r.SetXForwarded()
		},
		ModifyResponse: e.addHeaders,
		FlushInterval:  -1, // streams
	}
	return e
}

// find returns the lists of a path if they permit the request's origin.
func (e *edge) find(r *http.Request) (rule corsrpc.Rule, known, permitted bool) {
	rule, known = e.lists[r.URL.Path]
	if !known {
		rule, known = e.lists[r.URL.Path[:strings.LastIndexByte(r.URL.Path, '/')+1]]
	}
	return rule, known, known && slices.Contains(rule.Origins, r.Header.Get("Origin"))
}

func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	rule, known, permitted := e.find(r)
	switch {
	case !known || !preflight:
		e.proxy.ServeHTTP(w, r)
	case !permitted:
		w.WriteHeader(http.StatusForbidden)
	default:
		header := w.Header()
		allowOrigin(header, rule, r.Header.Get("Origin"))
		header.Set("Access-Control-Allow-Methods", strings.Join(rule.Methods, ", "))
		header.Set("Access-Control-Allow-Headers", strings.Join(rule.RequestHeaders, ", "))
		header.Set("Access-Control-Max-Age", strconv.Itoa(int(rule.MaxAge.Seconds())))
		w.WriteHeader(http.StatusNoContent)
	}
}

// addHeaders writes the CORS headers of an answer. The line of names that the
// server put there stays, beside the lists' own.
func (e *edge) addHeaders(res *http.Response) error {
	rule, known, permitted := e.find(res.Request)
	switch {
	case permitted:
		allowOrigin(res.Header, rule, res.Request.Header.Get("Origin"))
		res.Header.Add("Access-Control-Expose-Headers", strings.Join(rule.ResponseHeaders, ", "))
	case known:
		res.Header.Add("Vary", "Origin")
	}
	return nil
}

func allowOrigin(header http.Header, rule corsrpc.Rule, origin string) {
	header.Set("Access-Control-Allow-Origin", origin)
	if rule.Credentials {
		header.Set("Access-Control-Allow-Credentials", "true")
	}
	header.Add("Vary", "Origin")
}
