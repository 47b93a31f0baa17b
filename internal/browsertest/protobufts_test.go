package browsertest

import (
	"net/http"
	"strconv"

	"connectrpc.com/connect"
)

// protobufTSSees is what @protobuf-ts/grpcweb-transport makes of an answer.
//
// Its headers lack Content-Type, Grpc-Status and Grpc-Message, and are handed over
// for failed calls too. It leaves Grpc-Message percent-encoded. An error of the
// header has the header as metadata, one of the trailers the trailers.
func protobufTSSees(k *call, a answer) seen {
	if a.blocked != "" {
		return seen{Errors: []seenError{{Code: int(connect.CodeInternal), Message: a.blocked, Metadata: map[string]string{}}}}
	}
	got := seen{Header: protobufTSMetadata(a.header)}
	fail := func(code connect.Code, message string, metadata map[string]string) seen {
		got.Errors = []seenError{{Code: int(code), Message: message, Metadata: metadata}}
		return got
	}
	if a.status != http.StatusOK {
		return fail(googleCode(a.status), a.statusText, got.Header)
	}
	inHeader, headerHasStatus := a.header["grpc-status"]
	if code, err := strconv.Atoi(inHeader); err == nil && code != 0 {
		return fail(connect.Code(code), protobufTSMessage(connect.Code(code), a.header), got.Header)
	}
	got.Messages = texts(a.messages)
	switch inTrailer := a.trailer["grpc-status"]; {
	case a.trailer == nil && headerHasStatus:
		got.Trailer = map[string]string{}
	case a.trailer == nil:
		return fail(connect.CodeInternal, "missing status", map[string]string{})
	case inTrailer != "0":
		return fail(k.code, protobufTSMessage(k.code, a.trailer), protobufTSMetadata(a.trailer))
	default:
		got.Trailer = protobufTSMetadata(a.trailer)
	}
	return got
}

func protobufTSMetadata(fields map[string]string) map[string]string {
	return without(fields, "content-type", "grpc-status", "grpc-message")
}

// protobufTSMessage is the name of the code where there is no message.
func protobufTSMessage(code connect.Code, status map[string]string) string {
	if message, ok := status["grpc-message"]; ok {
		return message
	}
	return grpcCodeNames[code]
}

// grpcCodeNames are those that occur here.
var grpcCodeNames = map[connect.Code]string{
	connect.CodeNotFound:           "NOT_FOUND",
	connect.CodeFailedPrecondition: "FAILED_PRECONDITION",
	connect.CodeUnauthenticated:    "UNAUTHENTICATED",
	connect.CodeDeadlineExceeded:   "DEADLINE_EXCEEDED",
	connect.CodeUnimplemented:      "UNIMPLEMENTED",
}
