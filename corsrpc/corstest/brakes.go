package corstest

import (
	"net/http"

	"github.com/corsrpc/corsrpc-go/internal/contract"
)

// A [Check] looks at what a server does with a page's requests, and must not
// run anything. So it puts brakes on whatever it sends. Each makes RPC servers
// respond before they run a handler:
//
//   - the message codec is unknown: connect-go and Vanguard respond with 415;
//   - so is the compression: gRPC demands UNIMPLEMENTED (grpc/doc/compression.md).
//     grpc-go takes an unknown codec for protobuf, but checks this;
//   - the timeout is not a number: 400, also from grpc-go's ServeHTTP;
//   - the body is cut off, so that a unary method gets no message;
//   - through REST, the query names a field that no message has, which is an error
//     to Vanguard and Envoy.
//
// The headers among them are on the request alone. Its preflight asks for what a
// page would send without them.

const (
	unknown     = "corstest" // not a codec or a compression of any server
	notATimeout = "none"
)

// brakes returns the headers that stop every handler. Without a timeout, servers
// that look at it first look up the procedure: see served.
func (d *dialect) brakes(timeout bool) http.Header {
	header := http.Header{}
	for _, name := range d.compression {
		header.Set(name, unknown)
	}
	if d.rest != nil {
		for _, name := range restTimeouts {
			header.Set(name, notATimeout)
		}
	} else if timeout {
		header.Set(d.timeout, notATimeout)
	}
	return header
}

// brokenBody returns the beginning of a message that never comes.
func (d *dialect) brokenBody(m *contract.Method) []byte {
	if d.enveloped(m) {
		return []byte{1, 0xff, 0xff, 0xff, 0xff} // compressed, 4 GiB long
	}
	return []byte{0xff} // neither protobuf nor JSON
}
