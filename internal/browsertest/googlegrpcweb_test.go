package browsertest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"connectrpc.com/connect"
)

// googleSees is what Google's grpc-web makes of an answer.
//
// The event "metadata" has the response header without Content-Type, Grpc-Status
// and Grpc-Message, for failed calls too. Trailers come with the event "status",
// which an empty stream does not have: the trailers of a trailers-only answer are
// in "metadata". A stream ends even after an error in the body, and an answer
// whose Grpc-Status cannot be read is an end like any other.
//
// An answer of text is complained about for its type before its status, and a
// unary call keeps to the first complaint.
func googleSees(k *call, a answer) seen {
	got := seen{Header: without(a.header, "content-type", "grpc-status", "grpc-message")}
	fail := func(code connect.Code, message string, metadata map[string]string) {
		if k.unary() && len(got.Errors) > 0 {
			return
		}
		got.Errors = append(got.Errors, seenError{Code: int(code), Message: message, Metadata: metadata})
	}
	none := map[string]string{}
	if a.never {
		got.Header = none
		fail(connect.CodeDeadlineExceeded, "Request timed out", none)
		return got
	}
	if contentType, ok := a.header["content-type"]; ok && !strings.HasPrefix(contentType, "application/grpc") {
		fail(connect.CodeUnknown, "Unknown Content-type received.", none)
	}
	if a.status != http.StatusOK {
		if a.blocked != "" {
			got.Header = none
		}
		fail(googleCode(a.status), fmt.Sprintf("Http response at 400 or 500 level, http status code: %d", a.status), none)
		return got
	}
	got.Messages = texts(a.messages)
	if a.trailer != nil {
		rest := without(a.trailer, "grpc-status", "grpc-message")
		if a.trailer["grpc-status"] == "0" {
			got.Trailer = rest
		} else {
			fail(k.code, percentDecode(a.trailer["grpc-message"]), rest)
		}
	} else if code, err := strconv.Atoi(a.header["grpc-status"]); err == nil && code != 0 {
		fail(connect.Code(code), percentDecode(a.header["grpc-message"]), a.header)
		return got
	}
	if !k.unary() {
		got.Ended = true
	} else if len(a.messages) == 0 && len(got.Errors) == 0 {
		got.Errors = []seenError{{Code: int(connect.CodeUnknown), Message: "Incomplete response"}}
	}
	return got
}

func googleCode(status int) connect.Code {
	switch status {
	case http.StatusUnauthorized:
		return connect.CodeUnauthenticated
	case http.StatusForbidden:
		return connect.CodePermissionDenied
	case http.StatusNotFound:
		return connect.CodeNotFound
	default:
		return connect.CodeUnknown
	}
}
