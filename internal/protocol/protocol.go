// Package protocol holds what is known of each RPC protocol's use of HTTP
// headers, as data: what its clients send, which headers of a response they must
// read, and in which form a response carries trailers. Another protocol is one
// more table.
package protocol

// A Protocol is the table of one RPC protocol. Tables are immutable.
type Protocol struct {
	// Name is how people write it.
	Name string
	// RequestHeaders are the names that the protocol's clients may set on a
	// request, except those that are forbidden to scripts (TE,
	// Accept-Encoding). They include names that no browser client sends today,
	// so that a client's next release is not blocked.
	RequestHeaders []string
	// ResponseHeaders are the protocol's own headers that a client reads from
	// a response.
	ResponseHeaders []string
	// UnaryTrailers and StreamTrailers say how an application's trailers
	// appear among the headers.
	UnaryTrailers, StreamTrailers TrailerForm
	// Get is the method by which unary procedures without side effects may
	// be called besides POST; empty where there is none.
	Get string
	// UnaryContentType and StreamContentType are the media types of requests
	// up to the name of the message codec.
	UnaryContentType, StreamContentType string
}

// A TrailerForm says how application trailers appear among the headers of a
// response. The zero value means that they never do. Error metadata appears
// wherever trailers do, always under its own names.
type TrailerForm struct {
	InHeader bool
	Prefix   string // before the trailer's name
	// TrailersOnly restricts InHeader to trailers-only responses: those that end
	// without a message and have no application header.
	TrailersOnly bool
}

// InResponse reports whether a response has its trailers among its headers.
func (f TrailerForm) InResponse(trailersOnly bool) bool {
	return f.InHeader && (trailersOnly || !f.TrailersOnly)
}

// Connect is the Connect protocol (https://connectrpc.com/docs/protocol).
//
// Unary responses carry trailers as headers with a prefix; streams carry
// them in the body.
var Connect = Protocol{
	Name: "Connect",
	RequestHeaders: []string{
		"Connect-Accept-Encoding",
		"Connect-Content-Encoding",
		"Connect-Protocol-Version",
		"Connect-Timeout-Ms",
		"Content-Encoding",
		"Content-Type",
		"User-Agent",
		"X-User-Agent",
	},
	UnaryTrailers:     TrailerForm{InHeader: true, Prefix: "Trailer-"},
	Get:               "GET",
	UnaryContentType:  "application/",
	StreamContentType: "application/connect+",
}

// GRPCWeb is gRPC-Web
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md).
//
// Trailers are in the body, except in a trailers-only response: there the status
// and the trailers are headers, under their own names. Every procedure can respond
// so, with an error before the first message or with an empty stream.
var GRPCWeb = Protocol{
	Name: "gRPC-Web",
	RequestHeaders: []string{
		"Accept",
		"Content-Type",
		"Grpc-Accept-Encoding",
		"Grpc-Encoding",
		"Grpc-Message-Type",
		"Grpc-Previous-Rpc-Attempts",
		"Grpc-Timeout",
		"User-Agent",
		"X-Grpc-Web",
		"X-User-Agent",
	},
	ResponseHeaders: []string{
		"Grpc-Message",
		"Grpc-Status",
		"Grpc-Status-Details-Bin",
	},
	UnaryTrailers:     TrailerForm{InHeader: true, TrailersOnly: true},
	StreamTrailers:    TrailerForm{InHeader: true, TrailersOnly: true},
	UnaryContentType:  "application/grpc-web+",
	StreamContentType: "application/grpc-web+",
}

// GRPC is gRPC over HTTP/2
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
//
// Its status and trailers are HTTP trailers, which no browser shows to
// scripts, so there is nothing to expose.
var GRPC = Protocol{
	Name: "gRPC",
	RequestHeaders: []string{
		"Content-Type",
		"Grpc-Accept-Encoding",
		"Grpc-Encoding",
		"Grpc-Message-Type",
		"Grpc-Previous-Rpc-Attempts",
		"Grpc-Timeout",
		"User-Agent",
	},
	UnaryContentType:  "application/grpc+",
	StreamContentType: "application/grpc+",
}

// Tables are all protocols.
var Tables = []*Protocol{&Connect, &GRPCWeb, &GRPC}

// TrailersInHeader returns the names under which these application trailers
// appear among the headers of a unary or streaming procedure's responses.
func (p *Protocol) TrailersInHeader(unary bool, trailers []string) []string {
	form := p.StreamTrailers
	if unary {
		form = p.UnaryTrailers
	}
	if !form.InHeader {
		return nil
	}
	names := make([]string, len(trailers))
	for i, trailer := range trailers {
		names[i] = form.Prefix + trailer
	}
	return names
}
