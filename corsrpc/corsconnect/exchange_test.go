package corsconnect_test

import (
	"fmt"
	"net/http"

	"connectrpc.com/connect"

	"github.com/corsrpc/corsrpc-go/internal/exchange"
)

// The cases that both versions of Connect are tested by.
type (
	behaviour = exchange.Behaviour
	failure   = exchange.Failure
	kind      = exchange.Kind
	protocol  = exchange.Protocol
)

const (
	app  = exchange.App
	evil = exchange.Evil
)

var (
	newPolicy     = exchange.NewPolicy
	serve         = exchange.Serve
	newWire       = exchange.NewWire
	newShop       = exchange.NewShop
	accessControl = exchange.AccessControl
	failureOf     = exchange.FailureOf
	with          = exchange.Join

	unary        = exchange.Unary
	get          = exchange.GET
	serverStream = exchange.ServerStream
	clientStream = exchange.ClientStream
	bidi         = exchange.Bidi
	kinds        = exchange.Kinds
	protocols    = exchange.Protocols
	uncompressed = exchange.Uncompressed

	extra    = exchange.Extra
	sum      = exchange.Sum
	declared = exchange.Declared
	cost     = exchange.Cost
	foreign  = exchange.ForeignCORS
)

// Errors of package level, as applications have them. All calls share them.
var (
	errBare             = (&exchange.Error{Form: exchange.Bare}).V1().(*connect.Error)
	errHint             = exchange.Hinting.V1().(*connect.Error)
	errForwarded        = exchange.Forwarding.V1().(*connect.Error)
	errForwardedWrapped = fmt.Errorf("while calling upstream: %w", errForwarded)
)

func addAll(into, from http.Header) {
	for name, lines := range from {
		for _, line := range lines {
			into.Add(name, line)
		}
	}
}
