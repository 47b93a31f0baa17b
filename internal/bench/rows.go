package bench

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// An Expectation is what the answer to a request must be.
type Expectation int

// The expectations.
const (
	// Admitted calls reach the handler, and the page may read the answer.
	Admitted Expectation = iota
	// Refused calls do not, and it may not.
	Refused
	// Plain calls are none of CORS's concern and reach the handler.
	Plain
	// Granted preflights permit what they ask for.
	Granted
	// Denied preflights permit nothing.
	Denied
	// Harmless answers to what no browser sends are short, whatever they say.
	Harmless
)

// A Row is one request to one Setup.
type Row struct {
	Name    string
	Setup   Setup
	Expects Expectation
	Request *http.Request
}

// Benchmark is the name under which a subject's figures for the row go to
// benchstat, which takes a slash for the end of a value.
func (row Row) Benchmark(subject Subject) string {
	value := strings.NewReplacer(" ", "_", "/", "-")
	return "row=" + value.Replace(row.Name) + "/subject=" + value.Replace(subject.Name)
}

// A Table is some rows that belong together.
type Table struct {
	Name string
	Rows []Row
}

var (
	usual     = Setup{Origins: 10, Procedures: 100}
	anonymous = Setup{Origins: 10, Procedures: 100, Anonymous: true}
)

// What clients ask for in a preflight, as browsers write it: in lower case,
// sorted, without blanks.
const (
	connectList  = "connect-protocol-version,content-type"
	grpcWebList  = "content-type,x-grpc-web,x-user-agent"
	metadataList = "authorization,connect-protocol-version,connect-timeout-ms,content-type,traceparent,x-tenant-id"
	// What people write, or a proxy that restores capitals.
	writtenList = "Content-Type, Authorization, Connect-Protocol-Version, Connect-Timeout-Ms"
)

// WrittenByHand is the row whose list is correct and not how browsers write it.
const WrittenByHand = "preflight, written by hand"

// Tables are all rows.
func Tables() []Table {
	requests := Table{Name: "Requests", Rows: []Row{
		{"POST, allowed", usual, Admitted, usual.post(usual.origin())},
		{"POST, allowed, HTTP/1.1", usual, Admitted, overHTTP1(usual.post(usual.origin()))},
		{"POST, allowed, no credentials", anonymous, Admitted, anonymous.post(anonymous.origin())},
		{"POST, refused", usual, Refused, usual.post(stranger)},
		{"POST, ungoverned path", usual, Plain, elsewhere(usual.post(usual.origin()))},
		{"POST without Origin", usual, Plain, usual.fromGo()},
		{"POST without Origin, HTTP/1.1", usual, Plain, overHTTP1(usual.fromGo())},
		{"Connect GET, allowed", usual, Admitted, usual.get(usual.origin())},
		{"Connect GET, refused", usual, Refused, usual.get(stranger)},
		{"preflight, Connect", usual, Granted, usual.preflight(usual.origin(), connectList)},
		{"preflight, gRPC-Web", usual, Granted, usual.preflight(usual.origin(), grpcWebList)},
		{"preflight, metadata", usual, Granted, usual.preflight(usual.origin(), metadataList)},
		{WrittenByHand, usual, Granted, usual.preflight(usual.origin(), writtenList)},
		{"preflight, refused", usual, Denied, usual.preflight(stranger, connectList)},
	}}
	var origins, patterns, procedures, hostile Table
	origins.Name, patterns.Name, procedures.Name, hostile.Name = "Origins", "Patterns", "Procedures", "Hostile"
	for _, n := range []int{1, 10, 1_000, 100_000} {
		exact, pattern := Setup{Origins: n, Procedures: 100}, Setup{Origins: n, Patterns: true, Procedures: 100}
		origins.Rows = append(origins.Rows, exact.both(fmt.Sprintf("origins=%d", n))...)
		patterns.Rows = append(patterns.Rows, pattern.both(fmt.Sprintf("patterns=%d", n))...)
	}
	for _, n := range []int{1, 100, 10_000} {
		procedures.Rows = append(procedures.Rows, Setup{Origins: 10, Procedures: n}.both(fmt.Sprintf("procedures=%d", n))...)
	}
	for _, size := range HostileSizes {
		hostile.Rows = append(hostile.Rows, Row{fmt.Sprintf("preflight, list of %d KiB", size>>10), usual, Harmless,
			usual.preflight(usual.origin(), hostileList(size))})
	}
	// Only HTTP/1.1 has upgrades.
	for _, size := range []int{1 << 10, 1 << 20} {
		r := overHTTP1(usual.post(usual.origin()))
		r.Header["Upgrade"] = []string{strings.Repeat("x", size)}
		hostile.Rows = append(hostile.Rows, Row{fmt.Sprintf("POST, Upgrade of %d KiB", size>>10), usual, Admitted, r})
	}
	return []Table{requests, origins, patterns, procedures, hostile}
}

// HostileSizes are the bytes of hostile header lists. Servers of net/http take
// 1 MiB of header fields unless told otherwise.
var HostileSizes = []int{1 << 10, 16 << 10, 256 << 10, 1 << 20}

// hostileList consists of names that are permitted, so that a reader who goes
// from name to name has no reason to stop.
func hostileList(size int) string {
	const name = "content-type,"
	return strings.Repeat(name, size/len(name)) + "content-type"
}

func (s Setup) both(name string) []Row {
	return []Row{
		{"POST, " + name, s, Admitted, s.post(s.origin())},
		{"preflight, " + name, s, Granted, s.preflight(s.origin(), connectList)},
	}
}

const host = "api.example.com"

func (s Setup) request(method, query string, header http.Header) *http.Request {
	return &http.Request{
		Method: method,
		URL:    &url.URL{Path: s.procedure(), RawQuery: query},
		Proto:  "HTTP/2.0", ProtoMajor: 2,
		Header: header,
		Host:   host,
	}
}

// page is what Chromium sends with every request of a page to another site.
func page(origin string) http.Header {
	return http.Header{
		"Accept":             {"*/*"},
		"Accept-Encoding":    {"gzip, deflate, br, zstd"},
		"Accept-Language":    {"en-US,en;q=0.9"},
		"Origin":             {origin},
		"Priority":           {"u=1, i"},
		"Referer":            {origin + "/"},
		"Sec-Ch-Ua":          {`"Chromium";v="149", "Not;A=Brand";v="24"`},
		"Sec-Ch-Ua-Mobile":   {"?0"},
		"Sec-Ch-Ua-Platform": {`"Linux"`},
		"Sec-Fetch-Dest":     {"empty"},
		"Sec-Fetch-Mode":     {"cors"},
		"Sec-Fetch-Site":     {"cross-site"},
		"User-Agent":         {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36"},
	}
}

func (s Setup) post(origin string) *http.Request {
	header := page(origin)
	header["Authorization"] = []string{"Bearer ada"}
	header["Connect-Protocol-Version"] = []string{"1"}
	header["Content-Length"] = []string{"2"}
	header["Content-Type"] = []string{"application/json"}
	if !s.Anonymous {
		header["Cookie"] = []string{"session=1"}
	}
	return s.request(http.MethodPost, "", header)
}

// get is Connect GET as a page makes it without a preflight.
func (s Setup) get(origin string) *http.Request {
	header := page(origin)
	header["Cookie"] = []string{"session=1"}
	return s.request(http.MethodGet, "connect=v1&encoding=json&message=%7B%7D", header)
}

// fromGo is a call by another server.
func (s Setup) fromGo() *http.Request {
	return s.request(http.MethodPost, "", http.Header{
		"Accept-Encoding":          {"gzip"},
		"Connect-Protocol-Version": {"1"},
		"Content-Length":           {"2"},
		"Content-Type":             {"application/proto"},
		"User-Agent":               {"connect-go/1.21.1 (go1.26.0)"},
	})
}

// elsewhere is a request to a file beside the procedures.
func elsewhere(r *http.Request) *http.Request {
	r.URL.Path = "/static/assets/application-3f8a9c2b1d7e.bundle.min.js"
	return r
}

// overHTTP1 is a request that may ask for an upgrade.
func overHTTP1(r *http.Request) *http.Request {
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	return r
}

// preflight is a browser's own: without client hints and cookies.
func (s Setup) preflight(origin, list string) *http.Request {
	header := page(origin)
	for _, name := range []string{"Sec-Ch-Ua", "Sec-Ch-Ua-Mobile", "Sec-Ch-Ua-Platform"} {
		delete(header, name)
	}
	header["Access-Control-Request-Method"] = []string{http.MethodPost}
	header["Access-Control-Request-Headers"] = []string{list}
	return s.request(http.MethodOptions, "", header)
}

// Post is the call of a page that may make it.
func (s Setup) Post() *http.Request { return s.post(s.origin()) }
