package edgetest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// Options are those of [Run]. The zero value is for an edge in use: only
// requests that Wrap answers itself are sent.
type Options struct {
	// Backend is what the edge's upstream is, in this process.
	Backend *Backend
	// BackendURL is the address of a Backend in another process, which is
	// asked there, past the edge, what it received.
	BackendURL string
	// BehindGate means that the edge only answers preflights and sets
	// response headers, since something behind it refuses calls. Backend
	// then stands for that too, and must not refuse anything.
	BehindGate bool

	// Host is the value of Host in requests that have none of their own.
	// Empty means the first of Config.Hosts, else the host of the edge's URL.
	Host string
	// Requests are sent instead of those of [Matrix]. Without a Backend, they
	// are gone through several times.
	Requests iter.Seq[Request]
	// Size bounds how many requests are sent; they are chosen by Seed, the
	// same for the same seed. 0 means all.
	Size int
	Seed uint64

	// Connections is how many requests are under way at a time; 0 means 4.
	Connections int
	// Timeout is that of one request; 0 means ten seconds.
	Timeout time.Duration
	// TLS is used for https URLs. Only HTTP/1.1 is spoken.
	TLS *tls.Config
	// DialContext connects to the edge; nil means that of net.Dialer.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
}

// Run sends requests to an edge and compares every response with what
// [corsrpc.Policy.Wrap] responds. edge is the URL of the edge, http or https,
// without a path. What an edge does not have, OnDecision and ExplainTo, is left
// out of the comparison.
//
// Without Backend and BackendURL, Run sends only requests that Wrap answers
// itself, preflights first. It sends no call, or no further call, once a response
// does not show that the edge answers as well: once a difference is not of class
// [Differs], or has a status other than 400 and 403 where Wrap refuses.
//
// An error means that the edge could not be tried. The Report then has what was
// found before.
func Run(ctx context.Context, edge string, p *corsrpc.Policy, o Options) (*Report, error) {
	report := &Report{}
	r, err := newRunner(edge, p, o)
	if err != nil {
		return report, err
	}
	requests := o.Requests
	if requests == nil {
		requests = Matrix(p, r.reference.host)
	}
	if o.Size > 0 {
		requests = slices.Values(Sample(requests, o.Size, o.Seed))
	}
	if r.controlled() {
		err = r.sendAll(ctx, report, requests)
	} else {
		err = r.sendSafe(ctx, report, requests)
	}
	report.finish()
	return report, err
}

// A runner sends requests.
type runner struct {
	options   Options
	edge      *url.URL
	reference *reference
	prefix    string // of IDs
}

func newRunner(edge string, p *corsrpc.Policy, o Options) (*runner, error) {
	u, err := url.Parse(edge)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("edgetest: %q is not the URL of an edge: write scheme, host and port alone, such as http://127.0.0.1:8080", edge)
	}
	if o.Backend != nil && o.BackendURL != "" {
		return nil, errors.New("edgetest: Backend and BackendURL are both set: leave one out")
	}
	if o.Connections <= 0 {
		o.Connections = 4
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.DialContext == nil {
		o.DialContext = new(net.Dialer).DialContext
	}
	host := o.Host
	if host == "" {
		host = u.Host
		if p != nil {
			if hosts := p.Config().Hosts; len(hosts) > 0 {
				host = hosts[0]
			}
		}
	}
	f, err := newReference(p, host, o.BehindGate)
	if err != nil {
		return nil, err
	}
	return &runner{o, u, f, rand.Text() + "-"}, nil
}

// controlled reports whether a Backend is behind the edge.
func (r *runner) controlled() bool { return r.options.Backend != nil || r.options.BackendURL != "" }

// sendAll sends all requests, over several connections.
func (r *runner) sendAll(ctx context.Context, report *Report, requests iter.Seq[Request]) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next, stop := iter.Pull(requests)
	defer stop()
	var mu sync.Mutex // of next, taken and report
	taken := 0
	take := func() (request Request, at int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() != nil {
			return Request{}, 0, false
		}
		if request, ok = next(); ok {
			taken++
		}
		return request, taken, ok
	}
	var workers sync.WaitGroup
	for range r.options.Connections {
		workers.Go(func() {
			c := r.client()
			defer c.close()
			for request, at, ok := take(); ok; request, at, ok = take() {
				differences, _, err := r.try(ctx, c, &request, r.prefix+strconv.Itoa(at))
				if err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				report.Sent++
				report.add(at, differences)
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	if ctx.Err() == nil {
		return nil
	}
	for _, ok := next(); ok; _, ok = next() {
		taken++
	}
	err := context.Cause(ctx)
	report.Left, report.Why = taken-report.Sent, err.Error()
	return err
}

// sendSafe sends what Wrap answers itself, preflights first and then clean
// requests first, until a response does not show that the edge answers as well.
func (r *runner) sendSafe(ctx context.Context, report *Report, requests iter.Seq[Request]) error {
	c := r.client()
	defer c.close()
	agrees, at := true, 0
	for _, call := range []bool{false, true} {
		for _, clean := range []bool{true, false} {
			for request := range requests {
				if request.isPreflight() == call || request.Clean != clean {
					continue
				}
				at++
				if call && !agrees {
					report.leave("the response to a request before differs, so calls might run on the server behind the edge")
					continue
				}
				if want, err := r.reference.respond(&request, ""); err != nil || want.ran {
					report.leave("Wrap does not answer them itself, and no Backend is behind the edge")
					continue
				}
				differences, got, err := r.try(ctx, c, &request, "")
				if err != nil {
					return err
				}
				report.Sent++
				report.add(at, differences)
				agrees = agrees && isAgreement(differences, got)
			}
		}
	}
	return nil
}

// isAgreement reports whether an edge has answered itself, and has refused if
// Wrap refuses.
func isAgreement(differences []Difference, got *response) bool {
	for _, d := range differences {
		if d.Class != Differs {
			return false
		}
		if strings.HasPrefix(d.What, "status") && got.status != http.StatusForbidden && got.status != http.StatusBadRequest {
			return false
		}
	}
	return got.problem == ""
}

func (r *runner) client() *client {
	return &client{edge: r.edge, tls: r.options.TLS, timeout: r.options.Timeout, dial: r.options.DialContext}
}

// try sends one request and compares the response.
func (r *runner) try(ctx context.Context, c *client, request *Request, id string) ([]Difference, *response, error) {
	want, err := r.reference.respond(request, id)
	if err != nil {
		return nil, nil, fmt.Errorf("edgetest: %s: %w", request, err)
	}
	got, err := c.send(ctx, request.Method, request.bytes(r.reference.host, id))
	switch {
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case errors.Is(err, errNoEdge):
		return nil, nil, fmt.Errorf("edgetest: %w", err)
	case err != nil:
		got = &response{problem: err.Error()}
	}
	if got.ran, err = r.ran(ctx, id, got); err != nil {
		return nil, nil, err
	}
	differences := compare(request, want, got)
	if len(differences) == 0 || !r.options.BehindGate {
		return differences, got, nil
	}
	// It did not refuse as Wrap does, so it must do what lets the gate refuse.
	if want, err = r.reference.respondBehindGate(request, id, got); err != nil {
		return nil, nil, err
	}
	return compare(request, want, got), got, nil
}

// ran reports whether the backend received a request.
func (r *runner) ran(ctx context.Context, id string, got *response) (bool, error) {
	switch {
	case id == "":
		return false, nil
	case r.options.Backend != nil:
		return r.options.Backend.Ran(id) > 0, nil
	case got.header.Get(HeaderID) == id:
		return true, nil
	}
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, r.options.BackendURL, nil)
	if err != nil {
		return false, fmt.Errorf("edgetest: BackendURL: %w", err)
	}
	ask.Header.Set(HeaderCount, id)
	response, err := http.DefaultClient.Do(ask)
	if err != nil {
		return false, fmt.Errorf("edgetest: BackendURL: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 32))
	if err != nil {
		return false, fmt.Errorf("edgetest: BackendURL: %w", err)
	}
	count, err := strconv.Atoi(string(text))
	if err != nil {
		return false, fmt.Errorf("edgetest: BackendURL: %s is not a Backend: it answered %s", r.options.BackendURL, printable(string(text)))
	}
	return count > 0, nil
}
