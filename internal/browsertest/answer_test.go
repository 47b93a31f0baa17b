package browsertest

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"connectrpc.com/connect"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// An answer is one of connect-go to a call, as it is sent: where each protocol
// puts what.
type answer struct {
	status   int
	header   map[string]string
	messages []proto.Message

	// failure is Connect's error, in the body.
	failure *failure
	// trailer is at the end of the body: Connect's end of a stream, or gRPC-Web's
	// trailers. It is nil where there is none.
	trailer map[string]string
	// text is a body that is no RPC's.
	text string

	// statusText is what the page gets of it beside the status.
	statusText string
	// never says that none comes before the client gives up.
	never bool
	// blocked is what the browser says in place of the answer that it withholds.
	blocked string
}

// A failure is an error as Connect's JSON has it.
type failure struct {
	code    connect.Code
	message string
	details []proto.Message
}

// connectGoAnswer returns the answer of connect-go to a call that this client makes.
func connectGoAnswer(c *client, k *call) answer {
	a := answerOfHandler(c, k)
	if k.errorWriter {
		if c.unsupported {
			// To who speaks no protocol that it knows, it answers as Connect does.
			a = connectUnaryAnswer(c, k)
		}
		a.header["content-length"] = aLength
		for _, name := range []string{"accept-encoding", "connect-accept-encoding", "grpc-accept-encoding"} {
			delete(a.header, name)
		}
	}
	return a
}

func answerOfHandler(c *client, k *call) answer {
	switch {
	case k.plain != nil:
		return answer{
			status: k.plain.status,
			header: with(k.plain.header,
				"content-type", "text/plain; charset=utf-8",
				"content-length", aLength,
				"x-content-type-options", "nosniff"),
			text: k.plain.text,
		}
	case c.unsupported:
		// connect-go names in Accept-Post what it takes.
		return answer{status: http.StatusUnsupportedMediaType, header: fields("content-length", aLength, "accept-post", anything)}
	case k.deadline == missedDeadline && c.keepsTime:
		return answer{never: true}
	case c.protocol == grpcWeb:
		return grpcWebAnswer(c, k)
	case k.unary():
		return connectUnaryAnswer(c, k)
	default:
		return connectStreamAnswer(c, k)
	}
}

// Connect's unary answers are plain HTTP: the error has a status and is JSON, the
// trailer T is the header Trailer-T, error metadata are headers.
func connectUnaryAnswer(c *client, k *call) answer {
	a := answer{status: http.StatusOK, messages: k.messages}
	a.header = with(k.header, "content-type", "application/"+c.codec, "content-length", aLength,
		"content-encoding", "gzip", "accept-encoding", "gzip")
	if k.code != 0 {
		a.status = httpStatus[k.code]
		a.failure = &failure{k.code, k.message, k.details}
		a.header["content-type"] = "application/json"
		delete(a.header, "content-encoding") // errors are not compressed
	}
	if c.get && k.viaGet() {
		a.header["vary"] = "Accept-Encoding"
	}
	maps.Copy(a.header, k.meta)
	for name, value := range k.trailer {
		a.header["trailer-"+name] = value
	}
	return a
}

// httpStatus are those of https://connectrpc.com/docs/protocol#error-codes that
// occur here.
var httpStatus = map[connect.Code]int{
	connect.CodeFailedPrecondition: http.StatusBadRequest,
	connect.CodeNotFound:           http.StatusNotFound,
	connect.CodeDeadlineExceeded:   http.StatusGatewayTimeout,
	connect.CodeUnauthenticated:    http.StatusUnauthorized,
	connect.CodeUnimplemented:      http.StatusNotImplemented,
}

// Connect's streams have all but the response header in the body.
func connectStreamAnswer(c *client, k *call) answer {
	a := answer{
		status:   http.StatusOK,
		header:   with(k.header, "content-type", "application/connect+"+c.codec, "connect-accept-encoding", "gzip"),
		messages: k.messages,
		trailer:  with(k.trailer),
	}
	if k.code != 0 {
		a.failure = &failure{k.code, k.message, k.details}
		maps.Copy(a.trailer, k.meta)
	}
	return a
}

// gRPC-Web's answers have their trailers in the body, unless nothing was sent
// before and no response header set: those are trailers-only, and have them in
// the header.
func grpcWebAnswer(c *client, k *call) answer {
	status := with(k.trailer, "grpc-status", fmt.Sprint(int(k.code)))
	if k.code != 0 {
		maps.Copy(status, k.meta)
		status["grpc-message"] = percentEncode(k.message)
		if len(k.details) > 0 {
			status["grpc-status-details-bin"] = statusDetails(k)
		}
	}
	header := with(k.header, "content-type", "application/grpc-web+"+c.codec, "grpc-accept-encoding", "gzip")
	if len(k.messages) == 0 && len(k.header) == 0 {
		maps.Copy(header, status)
		return answer{status: http.StatusOK, header: header}
	}
	return answer{status: http.StatusOK, header: header, messages: k.messages, trailer: status}
}

// statusDetails is the value of Grpc-Status-Details-Bin.
func statusDetails(k *call) string {
	status := &statuspb.Status{Code: int32(k.code), Message: k.message}
	for _, detail := range k.details {
		packed, err := anypb.New(detail)
		if err != nil {
			panic(err)
		}
		status.Details = append(status.Details, packed)
	}
	bytes, err := proto.Marshal(status)
	if err != nil {
		panic(err)
	}
	return base64.RawStdEncoding.EncodeToString(bytes)
}

// percentEncode is how gRPC writes Grpc-Message: bytes other than printable ASCII,
// and the percent sign, as %XX.
func percentEncode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || '~' < c || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// with returns a copy of m with these fields more.
func with(m map[string]string, pairs ...string) map[string]string {
	all := fields(pairs...)
	for name, value := range m {
		all[name] = value
	}
	return all
}

// Some values are the server's affair: what matters is that the field is there.
const (
	aLength  = "(a length)"
	aDate    = "(a date)"
	anything = "(anything)"
)

// readable returns what the browser lets the page see of an answer (Fetch,
// section 4.1: CORS and basic filtered responses).
func readable(a answer, s *setting, k *call, withheld []string) answer {
	header := map[string]string{}
	for name, value := range a.header {
		if s.sameOrigin() || safelisted[name] || isExposed(k, name) && !slices.Contains(withheld, name) {
			header[name] = value
		}
	}
	if s.sameOrigin() {
		// What net/http and Wrap add to every answer.
		header["date"] = aDate
		if _, ok := header["content-length"]; !ok && !s.tls { // HTTP/2 has no chunks
			header["transfer-encoding"] = "chunked"
		}
		header["vary"] = "Origin"
		if more := a.header["vary"]; more != "" {
			header["vary"] += ", " + more
		}
	}
	a.header = header
	return a
}

// isExposed reports whether Access-Control-Expose-Headers names the field.
func isExposed(k *call, name string) bool {
	return slices.Contains(exposed[k.procedure], name) || slices.Contains(statusFields, name)
}

// statusFields are exposed for every procedure.
var statusFields = []string{"grpc-status", "grpc-message", "grpc-status-details-bin"}

// safelisted are the CORS-safelisted response-header names that occur here.
var safelisted = map[string]bool{"content-type": true, "content-length": true}
