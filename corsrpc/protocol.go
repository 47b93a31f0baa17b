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
	// GRPC is gRPC over HTTP/2. Browsers cannot speak it, but gRPC clients on
	// other platforms that enforce CORS can.
	GRPC
)

// table returns what is known of the protocol, or nil if the value is not one
// of the constants. Tables are in the order of the constants.
func (p Protocol) table() *protocol.Protocol {
	if p == 0 || int(p) > len(protocol.Tables) {
		return nil
	}
	return protocol.Tables[p-1]
}

var protocolTexts = func() []string {
	texts := []string{""} // zero is no protocol
	for _, table := range protocol.Tables {
		texts = append(texts, table.Name)
	}
	return texts
}()

// allProtocols are those that Config.Protocols stands for if it is nil.
func allProtocols() []Protocol {
	all := make([]Protocol, len(protocol.Tables))
	for i := range all {
		all[i] = Protocol(i + 1)
	}
	return all
}

// String returns the protocol's name as people write it, such as gRPC-Web.
func (p Protocol) String() string {
	if p.table() == nil {
		return fmt.Sprintf("Protocol(%d)", uint8(p))
	}
	return protocolTexts[p]
}

// MarshalText implements [encoding.TextMarshaler]. It returns the text of
// String.
func (p Protocol) MarshalText() ([]byte, error) { return marshalEnum(p, protocolTexts) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (p *Protocol) UnmarshalText(text []byte) error { return unmarshalEnum(p, protocolTexts, text) }
