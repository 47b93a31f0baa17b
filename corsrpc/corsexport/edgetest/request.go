package edgetest

import (
	"bufio"
	"bytes"
	"net/http"
	"net/url"
	"strings"
)

// A Request is sent byte for byte, over HTTP/1.1.
type Request struct {
	Method string
	// Target is the raw path with its query.
	Target string
	// Host is the value of Host. Empty means that of [Options].Host.
	Host string
	// Header has all other header lines in order, except Content-Length.
	Header []Line
	Body   string

	// Clean means that clients send such requests to such a path: the path is
	// written as the policy's rules have it, or is not governed at all.
	// Only of clean requests can an edge lose something; of others it can
	// refuse more than Wrap does.
	Clean bool
	// Forged means that no browser sends such headers, so nothing is open to
	// a page where they pass.
	Forged bool
	// About says in a few words what is tried.
	About string
}

// A Line is one line of a header.
type Line struct{ Name, Value string }

// String returns the request in one line, without control characters.
func (r Request) String() string {
	var b strings.Builder
	b.WriteString(printable(r.Method + " " + r.Target))
	if r.Host != "" {
		b.WriteString(" Host=" + printable(r.Host))
	}
	for _, line := range r.Header {
		b.WriteString(" " + printable(line.Name) + "=" + printable(line.Value))
	}
	return b.String()
}

// lines returns the values of all lines of a name.
func (r *Request) lines(name string) []string {
	var values []string
	for _, line := range r.Header {
		if strings.EqualFold(line.Name, name) {
			values = append(values, line.Value)
		}
	}
	return values
}

// isPreflight reports whether Wrap takes the request for a preflight.
func (r *Request) isPreflight() bool {
	return r.Method == http.MethodOptions && len(r.lines("Origin")) > 0 && len(r.lines(headerAskedMethod)) > 0
}

// bytes returns the request as it is sent.
func (r *Request) bytes(host, id string) []byte {
	if r.Host != "" {
		host = r.Host
	}
	var b bytes.Buffer
	b.WriteString(r.Method + " " + r.Target + " HTTP/1.1\r\nHost: " + host + "\r\n")
	for _, line := range r.Header {
		b.WriteString(line.Name + ": " + line.Value + "\r\n")
	}
	if id != "" {
		b.WriteString(HeaderID + ": " + id + "\r\n")
	}
	if r.Body != "" || r.Method == http.MethodPost || r.Method == http.MethodPut {
		b.WriteString("Content-Length: " + itoa(len(r.Body)) + "\r\n")
	}
	b.WriteString("\r\n" + r.Body)
	return b.Bytes()
}

// parse returns the request as a server of net/http would. A path that such a
// server refuses, because an escape in it is not valid, keeps that escape.
func (r *Request) parse(host, id string) (*http.Request, error) {
	sent := *r
	path, query, _ := strings.Cut(r.Target, "?")
	_, err := url.ParseRequestURI(r.Target)
	lenient := err != nil && strings.HasPrefix(path, "/")
	if lenient {
		sent.Target = "/"
	}
	parsed, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(sent.bytes(host, id))))
	if err != nil {
		return nil, err
	}
	if lenient {
		parsed.RequestURI = r.Target
		parsed.URL = &url.URL{Path: decodeLeniently(path), RawPath: path, RawQuery: query}
	}
	return parsed, nil
}

// decodeLeniently decodes valid escapes and leaves others.
func decodeLeniently(path string) string {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			if decoded, err := url.PathUnescape(path[i : i+3]); err == nil {
				b.WriteString(decoded)
				i += 2
				continue
			}
		}
		b.WriteByte(path[i])
	}
	return b.String()
}
