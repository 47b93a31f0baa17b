package corstest

import (
	"net/http"
)

// expectRefusal checks a procedure that pages of the origin must not reach. It
// tries every way in which a page can make a browser send such a request, and
// looks at the response whether or not the page can read it.
func (p *probe) expectRefusal(result *Result) {
	reads := false
	for _, attempt := range p.attempts() {
		o := p.send(attempt, p.brakes(true))
		switch {
		case o.err != nil:
			result.failure = o.err
			return
		case o.blocked != nil && result.Blocked == nil:
			result.Blocked = o.blocked
		}
		if o.sent == nil {
			continue // the browser sends nothing
		}
		switch p.meaningOf(o.sent) {
		case runs:
			result.Runs = true
			reads = reads || o.response != nil && o.response.Type == TypeCORS
		case unknowable:
			result.Inconclusive, result.Status = true, o.sent.Status
		}
	}
	if reads {
		result.Blocked = nil
	}
	if result.Runs {
		result.Inconclusive = false
	}
}

// attempts are the requests of strangers. Whatever needs a preflight is tried
// with as few headers as RPC servers accept, and with the protocol's own, which
// some servers demand.
func (p *probe) attempts() []Request {
	var attempts []Request
	scripts := []http.Header{p.protocolHeaders()}
	if p.rest == nil && p.dialect.method == http.MethodPost {
		scripts = append(scripts, http.Header{"Content-Type": scripts[0]["Content-Type"]})
	}
	if len(p.check.metadata) > 0 {
		with := p.protocolHeaders()
		for name, values := range p.check.metadata {
			with[p.requestName(name)] = values
		}
		scripts = append(scripts, with)
	}
	// Servers that allow everybody allow nobody's cookies, so both are tried,
	// whatever the pages of the application do.
	modes := []CredentialsMode{CredentialsOmit}
	if len(p.check.cookies) > 0 {
		modes = append(modes, CredentialsInclude)
	}
	for _, header := range scripts {
		for _, mode := range modes {
			r := p.request(header)
			r.Credentials = mode
			attempts = append(attempts, r)
		}
	}
	if p.rest != nil {
		attempts = append(attempts, p.bindingAttempts()...)
	}
	if p.dialect.method != http.MethodGet || p.isLinked() {
		return attempts
	}
	// Nobody is asked about these, and cookies go along.
	image, link := p.request(nil), p.request(nil)
	image.Mode, image.Destination, image.Credentials = ModeNoCORS, "image", CredentialsInclude
	link.Mode = ModeNavigate
	attempts = append(attempts, image, link)
	if p.profile.engine().speculates {
		prefetch := link
		prefetch.Speculation = SpeculationPrefetch
		attempts = append(attempts, prefetch)
	}
	return attempts
}

// A meaning is what a response shows about whether the procedure would have run
// without brakes.
type meaning uint8

const (
	runs       meaning = iota
	turnedAway         // whoever asks
	unknowable         // somebody in front of whoever judges the origin responded
)

// meaningOf reads a response. RPC servers stop at the brakes with 400, 415, 501
// or 200 and a gRPC status; so does whoever else gets that far.
// Authentication shows nothing about users who are logged in, and a proxy that
// does not reach the server nothing about the server.
//
// Gateways respond with 400 or 415 to what a method would have got, and grpc-gateway
// with 501 where it has the path for another method.
func (p *probe) meaningOf(e *Exchange) meaning {
	if p.rest != nil && isUnrouted(e.Status) {
		return turnedAway
	}
	switch e.Status {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return turnedAway
	case http.StatusUnauthorized, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		http.StatusHTTPVersionNotSupported:
		return unknowable
	case http.StatusOK:
		// gRPC's status codes, as authorizing proxies and interceptors send them.
		switch e.ResponseHeader.Get("Grpc-Status") {
		case "7": // PERMISSION_DENIED
			return turnedAway
		case "16": // UNAUTHENTICATED
			return unknowable
		}
	}
	if isRedirect(e.Status) {
		return unknowable // to a login page, say
	}
	return runs
}
