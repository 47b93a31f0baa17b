package grpcweb

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
)

// A failure is why a request cannot be translated, as the client reads it.
//
// As an error of a request body it has the form from which grpc-go takes the
// code: an HTTP/2 stream error. Every other error of a body becomes UNAVAILABLE
// there, which clients retry.
type failure struct {
	code    codes.Code
	message string // printable ASCII without a percent sign: the same in Grpc-Message
}

var (
	errBadText   = &failure{codes.Internal, "grpcweb: the request body is not valid base64"}
	errTruncated = &failure{codes.Internal, "grpcweb: the request ends in the middle of a message"}
	errNoMessage = &failure{codes.Internal, "grpcweb: the request has no message, but the method takes one"}
	errMessages  = &failure{codes.Internal, "grpcweb: the request has more than one message, but the method takes one"}
	errRead      = &failure{codes.Internal, "grpcweb: the request body could not be read"}
	errBodyLimit = &failure{codes.ResourceExhausted, "grpcweb: the request body is larger than the server accepts"}
	errNoStatus  = &failure{codes.Unavailable, "grpcweb: the server ended the call without a status"}
)

// errCutResponse is what the client reads where next ends a message too early
// and calls it a success.
var errCutResponse = &failure{codes.Internal, "grpcweb: the server's response ends in the middle of a message"}

func errRequestLimit(limit int64) *failure {
	return &failure{codes.ResourceExhausted, fmt.Sprintf("grpcweb: the call's messages are larger than %d bytes together", limit)}
}

func (f *failure) Error() string { return f.message }

// As makes an http2.StreamError of f for grpc-go.
func (f *failure) As(target any) bool {
	stream, ok := target.(*http2.StreamError)
	if !ok {
		return false
	}
	code := http2.ErrCodeProtocol // INTERNAL
	if f.code == codes.ResourceExhausted {
		code = http2.ErrCodeEnhanceYourCalm
	}
	*stream = http2.StreamError{Code: code, Cause: errors.New(f.message)}
	return true
}

// isCauseOf reports whether a status that next sent tells of f. Servers put
// words of their own around it.
func (f *failure) isCauseOf(message string) bool {
	return f != nil && strings.Contains(message, f.message)
}

func asFailure(err error) *failure {
	var f *failure
	errors.As(err, &f)
	return f
}

// readFailure returns the error for next where a request body ends with err.
func readFailure(err error) error {
	if err == io.EOF {
		return err
	}
	var stream http2.StreamError
	var limit *http.MaxBytesError
	switch {
	case asFailure(err) != nil, errors.As(err, &stream):
		return err
	case errors.As(err, &limit):
		return errBodyLimit
	default:
		return errRead
	}
}
