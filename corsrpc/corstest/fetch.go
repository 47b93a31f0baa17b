package corstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/corsrpc/corsrpc-go/internal/httpmethod"
)

// Fetch is the fetch() of the page's scripts and, with other modes, what the
// page's elements do.
//
// If the browser blocks the response, Fetch returns a *[BlockedError]. It also
// returns the errors of ctx and of the transport, and an error if fetch() would
// throw before it sends anything.
func (b *Browser) Fetch(ctx context.Context, r Request) (*Response, error) {
	f, err := b.newFetch(r)
	if err != nil {
		return nil, fmt.Errorf("corstest: %w", err)
	}
	return f.run(ctx)
}

// A fetch is one request on its way: what the Fetch standard calls a request.
type fetch struct {
	b           *Browser
	method      string
	header      headerList // the author's, Accept and Accept-Language
	removed     headerList // what redirects took off it
	hadMethod   string     // the method at first
	hadUnsafe   bool       // an unsafe method or header at first
	body        []byte     // nil: none
	stream      io.Reader  // a body without a source, in place of body
	forced      bool       // the use-CORS-preflight flag
	mode        Mode
	destination string
	credentials CredentialsMode
	redirect    RedirectMode
	speculation Speculation
	brakes      http.Header // see brakes.go; nil: none
	oneHop      bool        // redirects fail, in every mode

	urls      []*url.URL // the last is the current one
	tainting  ResponseType
	redirects int
}

func (f *fetch) url() *url.URL { return f.urls[len(f.urls)-1] }

// run is Fetch's "main fetch". Where the standard recurses for a redirect, it
// loops.
func (f *fetch) run(ctx context.Context) (*Response, error) {
	preflighted := false
	for {
		withPreflight, blocked := f.taint()
		if blocked != nil {
			return nil, f.b.unsent(blocked)
		}
		preflighted = preflighted || withPreflight
		response, err := f.hop(ctx, withPreflight)
		if _, blocked := errors.AsType[*BlockedError](err); blocked && preflighted && !f.b.engine.keepsAfterFailure {
			// Step 12: a network error after a preflight forgets it.
			f.b.cached(func(c *preflightCache) { c.clear(f) })
		}
		if err != nil || response != nil {
			return response, err
		}
	}
}

// taint decides how much of the response the page will see, and whether the
// server is asked first (main fetch, steps 7 and 12).
func (f *fetch) taint() (withPreflight bool, blocked *BlockedError) {
	target := originOf(f.url())
	if f.b.origin.scheme == "https" && f.mode != ModeNavigate && !target.trustworthy() {
		return false, f.blocked(MixedContent, nil, "")
	}
	switch {
	case f.tainting == TypeBasic && f.b.origin.sameOrigin(target), f.mode == ModeNavigate:
		f.tainting = TypeBasic
		return false, nil
	case f.mode == ModeSameOrigin:
		return false, f.blocked(DisallowedByMode, nil, "")
	case f.mode == ModeNoCORS:
		if f.redirect != RedirectFollow {
			return false, f.blocked(DisallowedByMode, nil, "")
		}
		f.tainting = TypeOpaque
		return false, nil
	}
	f.tainting = TypeCORS
	return f.asksAlways() || !httpmethod.IsSafelisted(f.method) || len(f.unsafeNames()) > 0, nil
}

// hop is Fetch's "HTTP fetch": one URL. It returns neither a response nor an
// error where the response is a redirect that is to be followed.
func (f *fetch) hop(ctx context.Context, withPreflight bool) (*Response, error) {
	if withPreflight {
		covered := false
		f.b.cached(func(c *preflightCache) { covered = c.covers(f) })
		if !covered {
			if err := f.preflight(ctx); err != nil {
				return nil, err
			}
		}
	}
	resp, exchange, err := f.send(ctx, outgoing{method: f.method, header: f.header})
	if err != nil {
		return nil, err
	}
	stop := func(blocked *BlockedError) (*Response, error) {
		_ = resp.Body.Close()
		return nil, f.b.failed(exchange, blocked)
	}
	if f.stream != nil && resp.ProtoMajor < 2 {
		return stop(f.blocked(StreamNotAllowed, resp.Header, ""))
	}
	if f.tainting == TypeCORS && !(resp.StatusCode == http.StatusNotModified && f.b.engine.unchecked304) {
		if code := f.corsCheck(resp.Header); code != "" {
			return stop(f.blocked(code, resp.Header, ""))
		}
	}
	if isRedirect(resp.StatusCode) {
		if f.oneHop {
			return stop(f.blocked(RedirectNotAllowed, resp.Header, ""))
		}
		switch f.redirect {
		case RedirectError:
			return stop(f.blocked(RedirectNotAllowed, resp.Header, ""))
		case RedirectManual:
			_ = resp.Body.Close()
			return &Response{Type: TypeOpaqueRedirect, URL: withoutFragment(f.url()), Header: http.Header{}, Body: http.NoBody}, nil
		}
		location, ok := f.locationOf(resp)
		if !ok {
			return stop(f.blocked(RedirectNotAllowed, resp.Header, ""))
		}
		if location != nil {
			if blocked := f.redirectTo(location, resp); blocked != nil {
				return stop(blocked)
			}
			_ = resp.Body.Close()
			return nil, nil
		}
	}
	return f.respond(resp, exchange), nil
}

func withoutFragment(u *url.URL) string {
	bare := *u
	bare.Fragment, bare.RawFragment = "", ""
	return bare.String()
}
