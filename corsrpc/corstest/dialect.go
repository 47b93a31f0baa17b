package corstest

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/corsrpc/corsrpc-go/internal/contract"
	"github.com/corsrpc/corsrpc-go/internal/httprule"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// A Protocol is a way in which pages call procedures. [RESTGateway] and
// [RESTTranscoding] are protocols too.
type Protocol string

const (
	// Connect is the Connect protocol with POST.
	Connect Protocol = "Connect"
	// ConnectGET is the Connect protocol with GET, for unary methods without
	// side effects.
	ConnectGET Protocol = "Connect GET"
	// GRPCWeb is gRPC-Web.
	GRPCWeb Protocol = "gRPC-Web"
)

// A dialect is how the RPC clients for browsers call procedures in one
// protocol.
type dialect struct {
	name   Protocol
	table  *protocol.Protocol
	method string
	// header has what the clients set, except Content-Type.
	header map[string]string
	// timeout is the one of them that only calls with a timeout have.
	timeout string
	// compression are the headers of a request that name its compression.
	compression []string
	// calls reports whether clients call such methods in this way.
	calls func(*contract.Method) bool
	// rest is the gateway's table, and binding is the one that is called: see
	// through. Both are nil in the RPC protocols.
	rest    *protocol.REST
	binding *httprule.Binding
}

// dialects are measured: connect-web, grpc-web, improbable-eng/grpc-web,
// protobuf-ts and nice-grpc-web.
var dialects = []*dialect{
	{
		name:        Connect,
		table:       &protocol.Connect,
		method:      http.MethodPost,
		header:      map[string]string{"Connect-Protocol-Version": "1", "Connect-Timeout-Ms": "1000"},
		timeout:     "Connect-Timeout-Ms",
		compression: []string{"Content-Encoding", "Connect-Content-Encoding"},
		calls:       func(*contract.Method) bool { return true },
	},
	{
		name:    ConnectGET,
		table:   &protocol.Connect,
		method:  http.MethodGet,
		header:  map[string]string{"Connect-Timeout-Ms": "1000"},
		timeout: "Connect-Timeout-Ms",
		calls:   func(m *contract.Method) bool { return m.NoSideEffects && m.Unary() },
	},
	{
		name:        GRPCWeb,
		table:       &protocol.GRPCWeb,
		method:      http.MethodPost,
		header:      map[string]string{"X-Grpc-Web": "1", "X-User-Agent": "corstest", "Grpc-Timeout": "1S"},
		timeout:     "Grpc-Timeout",
		compression: []string{"Grpc-Encoding"},
		calls:       func(*contract.Method) bool { return true },
	},
}

// dialectsOf returns those of the protocols, in a fixed order; all RPC protocols
// for nil.
func dialectsOf(protocols []Protocol) ([]*dialect, error) {
	if protocols == nil {
		return dialects, nil
	}
	known := slices.Concat(dialects, restDialects)
	for _, p := range protocols {
		if !slices.ContainsFunc(known, func(d *dialect) bool { return d.name == p }) {
			return nil, fmt.Errorf("WithProtocols: %q is not a protocol that Check knows: write Connect, ConnectGET, GRPCWeb, RESTGateway or RESTTranscoding", p)
		}
	}
	return slices.DeleteFunc(known, func(d *dialect) bool { return !slices.Contains(protocols, d.name) }), nil
}

// enveloped reports whether messages of such a method have an envelope of a
// flags byte and a length.
func (d *dialect) enveloped(m *contract.Method) bool {
	return d.table != &protocol.Connect || !m.Unary()
}

func (d *dialect) contentType(m *contract.Method, codec string) string {
	if m.Unary() {
		return d.table.UnaryContentType + codec
	}
	return d.table.StreamContentType + codec
}

// needs reports whether every call of the dialect has the header.
func (d *dialect) needs(name string) bool {
	_, own := d.header[name]
	return name == "Content-Type" || own && name != d.timeout
}
