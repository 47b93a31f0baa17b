package corsconnect

import (
	"errors"
	"net/http"

	"connectrpc.com/connect"

	"github.com/corsrpc/corsrpc-go/internal/expose"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// An errorReader reads the metadata of errors without touching them.
//
// [connect.Error.Meta] will not do: on an error without metadata it stores a
// new map, which is a data race if calls share the error. So connect-go has to
// write the error, to nowhere, as it would on the wire: then the fields of
// protocols and those of wire errors, which it does not send, are also gone.
type errorReader struct{ writer *connect.ErrorWriter }

func newErrorReader() errorReader {
	return errorReader{connect.NewErrorWriter()}
}

// asFields is a request whose errors are written as header fields alone. It is
// read only.
var asFields = &http.Request{
	Method: http.MethodPost,
	Header: http.Header{"Content-Type": {protocol.GRPCWeb.UnaryContentType + "proto"}},
}

// metadata returns the fields that connect-go sends with an error.
func (r errorReader) metadata(err error) http.Header {
	fields := make(fieldsOnly)
	// It fails only where a write does.
	_ = r.writer.Write(fields, asFields, err)
	for _, name := range protocol.GRPCWeb.ResponseHeaders {
		delete(fields, name)
	}
	delete(fields, "Content-Type")
	return http.Header(fields)
}

// fieldsOnly is an http.ResponseWriter that keeps the header.
type fieldsOnly http.Header

func (f fieldsOnly) Header() http.Header         { return http.Header(f) }
func (f fieldsOnly) WriteHeader(int)             {}
func (f fieldsOnly) Write(p []byte) (int, error) { return len(p), nil }

// strip returns the metadata that is sent with err, without foreign fields, and
// err itself, or if it has such fields a copy that has none.
func (r errorReader) strip(err error) (http.Header, error) {
	var original *connect.Error
	if !errors.As(err, &original) || original == nil {
		return nil, err // none is sent
	}
	all := r.metadata(err)
	metadata := expose.Without(all)
	if len(metadata) == len(all) {
		return metadata, err
	}
	stripped := connect.NewError(original.Code(), original.Unwrap())
	for _, detail := range original.Details() {
		stripped.AddDetail(detail)
	}
	for name, lines := range metadata {
		stripped.Meta()[name] = lines
	}
	return metadata, &strippedError{error: err, stripped: stripped}
}

// A strippedError is the handler's error. Only connect-go, and others that look
// for a [connect.Error], find a copy without foreign headers.
type strippedError struct {
	error

	stripped *connect.Error
}

// As lets [errors.As] find the copy before it looks into the original.
func (e *strippedError) As(target any) bool {
	if connectErr, ok := target.(**connect.Error); ok {
		*connectErr = e.stripped
		return true
	}
	return false
}

// Unwrap lets [errors.Is] find the original.
func (e *strippedError) Unwrap() error { return e.error }
