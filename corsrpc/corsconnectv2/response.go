package corsconnectv2

import (
	"connectrpc.com/connect/v2"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/expose"
	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// A response treats the metadata of one call before Connect sends it.
//
// Header and trailer of a CallInfo hold what handlers and interceptors set, and
// nothing of what HTTP middleware did. connecthttp adds the header to the HTTP
// response with the first Send, with SendHeaders of a stream, or else once the
// last interceptor has returned. The trailer follows in the end; in a unary
// call it goes with the header.
type response struct {
	connect.ServerStream

	info  *connect.CallInfo
	names expose.Names
	form  protocol.TrailerForm
	unary bool
	sent  bool
}

func newResponse(stream connect.ServerStream, info *connect.CallInfo, policy *corsrpc.Policy, procedure string) *response {
	// The stream type is the transport's: handlers of unknown methods get the
	// spec of a stream in both directions also for a unary request.
	unary := info.Spec.StreamType == connect.StreamTypeUnary
	return &response{
		ServerStream: stream,
		info:         info,
		names:        expose.Names{Static: policy, Procedure: procedure},
		form:         expose.FormOf(info.Protocol, unary),
		unary:        unary,
	}
}

func (r *response) SendHeaders() error {
	if !r.unary { // where Connect sends nothing yet
		r.beforeMessage()
	}
	return r.ServerStream.SendHeaders()
}

func (r *response) Send(message any) error {
	r.beforeMessage()
	return r.ServerStream.Send(message)
}

func (r *response) beforeMessage() {
	if r.sent {
		return
	}
	r.sent = true
	header := r.info.ResponseHeader()
	r.collect("", header)
	switch trailer := r.info.ResponseTrailer(); {
	case r.form.InResponse(false):
		r.collect(r.form.Prefix, trailer)
	case r.unary:
		strip(trailer)
	}
	r.expose(header)
}

// end is called when the handler has returned.
func (r *response) end() {
	header, trailer := r.info.ResponseHeader(), r.info.ResponseTrailer()
	if r.sent {
		strip(trailer)
		return
	}
	r.collect("", header)
	// A header line would turn a trailers-only response into one that has its
	// status in the body.
	trailersOnly := r.form.TrailersOnly && !sends(header)
	if r.form.InResponse(trailersOnly) {
		r.collect(r.form.Prefix, trailer)
	} else {
		strip(trailer)
	}
	if trailersOnly {
		r.expose(trailer)
	} else {
		r.expose(header)
	}
}

// collect removes Access-Control-* and notes the names of what is left.
func (r *response) collect(prefix string, fields *connect.Header) {
	for name, lines := range fields.All() {
		if headername.IsAccessControl(name) {
			fields.Delete(name)
		} else {
			r.names.AddHeader(prefix, name, lines)
		}
	}
}

// strip removes Access-Control-*.
func strip(fields *connect.Header) {
	for name := range fields.All() {
		if headername.IsAccessControl(name) {
			fields.Delete(name)
		}
	}
}

func (r *response) expose(into *connect.Header) {
	if line := r.names.Line(); line != "" {
		into.Add(expose.Header, line)
	}
}

// sends reports whether connecthttp sends any of these headers. A header
// without lines counts: connecthttp takes a response with one for one that is
// not trailers-only.
func sends(header *connect.Header) bool {
	for name := range header.All() {
		if !dropped[name] {
			return true
		}
	}
	return false
}

// dropped are connecthttp's protocolHeaders, which it does not send for an
// application.
var dropped = map[string]bool{
	"Accept-Encoding":          true,
	"Connect-Accept-Encoding":  true,
	"Connect-Content-Encoding": true,
	"Connect-Protocol-Version": true,
	"Connect-Timeout-Ms":       true,
	"Content-Encoding":         true,
	"Content-Length":           true,
	"Content-Type":             true,
	"Date":                     true,
	"Grpc-Accept-Encoding":     true,
	"Grpc-Encoding":            true,
	"Grpc-Message":             true,
	"Grpc-Status":              true,
	"Grpc-Status-Details-Bin":  true,
	"Grpc-Timeout":             true,
	"Trailer":                  true,
	"Trailer-":                 true,
}
