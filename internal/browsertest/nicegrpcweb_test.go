package browsertest

import (
	"fmt"
	"net/http"
	"strconv"

	"connectrpc.com/connect"
)

// niceGRPCWebSees is what nice-grpc-web makes of an answer.
//
// Trailers-only answers have no header for it: all their fields are the trailer,
// without Grpc-Status and Grpc-Message, for failed calls too. Errors have code and
// message alone. What is not 200 is an error of the transport, UNKNOWN, with the
// body in its message.
func niceGRPCWebSees(k *call, a answer) seen {
	fail := func(got seen, code connect.Code, message string) seen {
		got.Errors = []seenError{{Code: int(code), Message: message}}
		return got
	}
	if a.blocked != "" {
		return fail(seen{}, connect.CodeUnknown, "Transport error: "+a.blocked)
	}
	if a.status != http.StatusOK {
		name := map[int]string{
			http.StatusUnauthorized:            "UNAUTHENTICATED",
			http.StatusForbidden:               "PERMISSION_DENIED",
			http.StatusNotFound:                "UNIMPLEMENTED",
			http.StatusHTTPVersionNotSupported: "UNKNOWN",
		}[a.status]
		return fail(seen{Header: a.header}, connect.CodeUnknown,
			fmt.Sprintf("Transport error: /%s %s: Received HTTP %d response: %s", k.fullName(k.procedure), name, a.status, a.text))
	}
	got := seen{Messages: texts(a.messages)}
	var status map[string]string
	if _, ok := a.header["grpc-status"]; ok {
		status = a.header
	} else {
		got.Header = a.header
		status = a.trailer
	}
	if status == nil {
		return fail(got, connect.CodeUnknown, "Response stream closed without gRPC status. "+
			"This may indicate a misconfigured CORS policy on the server: "+
			`Access-Control-Expose-Headers must include "grpc-status" and "grpc-message".`)
	}
	got.Trailer = without(status, "grpc-status", "grpc-message")
	if code, err := strconv.Atoi(status["grpc-status"]); err == nil && code != 0 {
		got.Messages = texts(a.messages)
		return fail(got, connect.Code(code), percentDecode(status["grpc-message"]))
	}
	return got
}
