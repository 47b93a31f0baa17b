package browsertest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"connectrpc.com/connect"
)

// connectWebSees is what @connectrpc/connect-web makes of Connect's answers.
//
// On success header and trailer are apart. An error has one set of metadata: the
// response header, trailers and error metadata alike, under their own names. A
// unary call that fails calls neither onHeader nor onTrailer; a stream calls
// onHeader as soon as it has one.
func connectWebSees(k *call, a answer) seen {
	if lost, ok := connectWebLost(a); ok {
		return lost
	}
	header, trailer := map[string]string{}, map[string]string{}
	for name, value := range a.header {
		if suffix, isTrailer := strings.CutPrefix(name, "trailer-"); isTrailer && k.unary() {
			trailer[suffix] = value
		} else {
			header[name] = value
		}
	}
	if a.status != http.StatusOK {
		all := with(header)
		maps.Copy(all, trailer)
		if a.failure != nil {
			return seen{Errors: []seenError{connectError(a.failure, all)}}
		}
		return seen{Errors: []seenError{httpError(a.status, all)}}
	}
	if k.unary() {
		return seen{Messages: texts(a.messages), Header: header, Trailer: trailer}
	}
	if a.failure != nil {
		all := with(header)
		maps.Copy(all, a.trailer)
		return seen{Messages: texts(a.messages), Header: header, Errors: []seenError{connectError(a.failure, all)}}
	}
	return seen{Messages: texts(a.messages), Header: header, Trailer: a.trailer}
}

// connectWebSeesGRPCWeb is what @connectrpc/connect-web makes of gRPC-Web's
// answers.
//
// It takes code and message from Grpc-Status-Details-Bin where there is one, and
// from Grpc-Status and Grpc-Message otherwise. The protocol's own fields stay in
// trailer and metadata.
func connectWebSeesGRPCWeb(k *call, a answer) seen {
	if lost, ok := connectWebLost(a); ok {
		return lost
	}
	if a.status != http.StatusOK {
		return seen{Errors: []seenError{httpError(a.status, a.header)}}
	}
	if failure := connectWebStatus(k, a.header); failure != nil {
		return seen{Errors: []seenError{connectError(failure, a.header)}}
	}
	got := seen{Messages: texts(a.messages)}
	if !k.unary() {
		got.Header = a.header
	}
	if a.trailer == nil {
		if _, ok := a.header["grpc-status"]; ok && !k.unary() {
			got.Trailer = map[string]string{} // an empty success
			return got
		}
		got.Errors = []seenError{{Code: int(connect.CodeUnknown), Message: "missing trailer", Metadata: map[string]string{}}}
		return got
	}
	if failure := connectWebStatus(k, a.trailer); failure != nil {
		all := with(a.trailer)
		maps.Copy(all, a.header)
		got.Errors = []seenError{connectError(failure, all)}
		return got
	}
	got.Header, got.Trailer = a.header, a.trailer
	return got
}

// connectWebStatus returns the error that these fields tell of, nil if none.
func connectWebStatus(k *call, status map[string]string) *failure {
	if _, ok := status["grpc-status-details-bin"]; ok {
		return &failure{k.code, k.message, k.details}
	}
	code, err := strconv.Atoi(status["grpc-status"])
	if err != nil || code == 0 {
		return nil
	}
	return &failure{code: connect.Code(code), message: percentDecode(status["grpc-message"])}
}

// connectWebLost is for calls without an answer.
func connectWebLost(a answer) (seen, bool) {
	switch {
	case a.never:
		return seen{Errors: []seenError{{
			Code: int(connect.CodeDeadlineExceeded), Message: "the operation timed out", Metadata: map[string]string{},
		}}}, true
	case a.blocked != "":
		return seen{Errors: []seenError{{Code: int(connect.CodeUnknown), Message: a.blocked, Metadata: map[string]string{}}}}, true
	}
	return seen{}, false
}

func connectError(f *failure, metadata map[string]string) seenError {
	return seenError{Code: int(f.code), Message: f.message, Details: detailTexts(f.details), Metadata: metadata}
}

// httpError is for answers of something that does not speak the protocol; the
// codes are those of https://connectrpc.com/docs/protocol#http-to-error-code.
func httpError(status int, metadata map[string]string) seenError {
	code := connect.CodeUnknown
	switch status {
	case http.StatusUnauthorized:
		code = connect.CodeUnauthenticated
	case http.StatusForbidden:
		code = connect.CodePermissionDenied
	case http.StatusNotFound:
		code = connect.CodeUnimplemented
	}
	return seenError{Code: int(code), Message: fmt.Sprintf("HTTP %d", status), Metadata: metadata}
}

func percentDecode(s string) string {
	decoded, err := url.PathUnescape(s)
	if err != nil {
		panic(err) // percentEncode made it
	}
	return decoded
}
