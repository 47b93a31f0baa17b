package shop

import (
	"errors"
	"fmt"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
)

// A call is the metadata of one RPC, whichever framework carries it. Names are
// lower-case, as gRPC has them.
//
// The shop's procedures take it beside the request. They fail with a
// *connect.Error, whose metadata is the error metadata, and leave it to the
// framework to put code, details and metadata on the wire.
type call interface {
	// metadata returns the first value that the client sent, or "".
	metadata(name string) string
	// setHeader sets a response header. Precondition: no message was sent.
	setHeader(name, value string)
	// setTrailer sets a trailer. It is sent on failure too.
	setTrailer(name, value string)
}

// authenticate returns the name in the call's authorization. There is no secret:
// the shop takes everybody's word for it.
func authenticate(c call) (string, error) {
	name, isBearer := strings.CutPrefix(c.metadata("authorization"), "Bearer ")
	if !isBearer || !isName(name) {
		return "", fail(connect.CodeUnauthenticated, `send the metadata authorization: "Bearer " and a name`)
	}
	return name, nil
}

// nameIn returns the name that the call carries as metadata.
func nameIn(c call, metadata string) (string, error) {
	name := c.metadata(metadata)
	if !isName(name) {
		return "", fail(connect.CodeInvalidArgument, fmt.Sprintf("send the metadata %s: a name", metadata))
	}
	return name, nil
}

// isName reports whether s is a short word of a-z, 0-9 and hyphens, which may be
// sent back in headers and messages as it is.
func isName(s string) bool {
	const maxLength = 32
	if s == "" || len(s) > maxLength {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || 'z' < c) && (c < '0' || '9' < c) && c != '-' {
			return false
		}
	}
	return true
}

// fail returns an error with details.
func fail(code connect.Code, message string, details ...proto.Message) *connect.Error {
	err := connect.NewError(code, errors.New(message))
	for _, message := range details {
		detail, marshalErr := connect.NewErrorDetail(message)
		if marshalErr != nil {
			panic(marshalErr) // only for messages with invalid UTF-8, which no request can carry
		}
		err.AddDetail(detail)
	}
	return err
}

// withRetryHint adds the error metadata x-retry-hint to err.
func withRetryHint(err *connect.Error, hint string) *connect.Error {
	err.Meta().Set("x-retry-hint", hint)
	return err
}
