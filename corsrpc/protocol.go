package corsrpc

import (
	"fmt"

	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// A Protocol is one of the RPC protocols that Connect servers speak.
type Protocol uint8

const (
	// Connect is the Connect protocol.
	Connect Protocol = 1 + iota
	// GRPCWeb is gRPC-Web.
	GRPCWeb
	// GRPC is gRPC over HTTP/2, which pages cannot speak, but whose clients
	// may send its headers from platforms that follow the Fetch standard.
	GRPC
)

// String returns the protocol's name as people write it.
func (p Protocol) String() string {
	if table := p.table(); table != nil {
		return table.Name
	}
	return fmt.Sprintf("Protocol(%d)", uint8(p))
}

// table returns what is known of the protocol, or nil if there is none of this
// value.
func (p Protocol) table() *protocol.Protocol {
	switch p {
	case Connect:
		return &protocol.Connect
	case GRPCWeb:
		return &protocol.GRPCWeb
	case GRPC:
		return &protocol.GRPC
	}
	return nil
}
