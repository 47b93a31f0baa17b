package browsertest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"connectrpc.com/connect"
)

// improbableSees is what @improbable-eng/grpc-web makes of an answer.
//
// onHeaders has the whole header, and the metadata of onEnd are the trailers with
// the protocol's own fields, or the header once more where there are none.
//
// It fails on a header without a value (getHeaderValues of browser-headers), such
// as the Grpc-Message of an error without a message, as if there was no response.
func improbableSees(_ *call, a answer) seen {
	if a.blocked != "" || slices.Contains(slices.Collect(maps.Values(a.header)), "") {
		return seen{Errors: []seenError{{
			Code: int(connect.CodeUnknown), Message: "Response closed without headers", Metadata: map[string]string{},
		}}}
	}
	got := seen{Header: a.header}
	code, message := improbableStatus(a.header)
	if code <= 0 {
		code = improbableCode(a.status)
	}
	if code != 0 {
		got.Errors = []seenError{{Code: code, Message: message, Metadata: a.header}}
		return got
	}
	got.Messages = texts(a.messages)
	metadata := a.trailer
	if metadata == nil {
		metadata = a.header
	}
	switch code, message := improbableStatus(metadata); code {
	case 0:
		got.Trailer = metadata
	case -1:
		got.Errors = []seenError{{
			Code: int(connect.CodeUnknown), Message: "Response closed without grpc-status (Headers only)", Metadata: metadata,
		}}
	default:
		got.Errors = []seenError{{Code: code, Message: message, Metadata: metadata}}
	}
	return got
}

// improbableStatus returns the code, -1 if there is none, and the message.
func improbableStatus(status map[string]string) (code int, message string) {
	code, err := strconv.Atoi(status["grpc-status"])
	if err != nil {
		code = -1
	}
	return code, percentDecode(status["grpc-message"])
}

func improbableCode(status int) int {
	switch status {
	case http.StatusOK:
		return 0
	case http.StatusUnauthorized:
		return int(connect.CodeUnauthenticated)
	case http.StatusForbidden:
		return int(connect.CodePermissionDenied)
	case http.StatusNotFound:
		return int(connect.CodeNotFound)
	default:
		return int(connect.CodeUnknown)
	}
}
