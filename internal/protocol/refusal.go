package protocol

import (
	"encoding/binary"
	"encoding/json"
	"net/http"
	"strings"
)

// A Refusal is how a response denies permission to a client of one protocol, so
// that the client reports an error with its message.
type Refusal struct {
	// contentType is the beginning of the Content-Type of requests.
	contentType string
	status      int
	// response is the Content-Type of the response; empty for that of the
	// request.
	response string
	// header has the error in header form, where the protocol does.
	header func(http.Header, string)
	body   func(message string) []byte
}

// refusals are all forms. The first whose contentType fits is taken, the last
// fits all.
var refusals = []Refusal{
	// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md: a
	// trailers-only response, in text mode too.
	{contentType: "application/grpc-web", status: http.StatusOK, header: grpcHeader},
	// https://connectrpc.com/docs/protocol#streaming-response: an
	// EndStreamResponse in its envelope, flag 2.
	{contentType: "application/connect+", status: http.StatusOK, body: func(message string) []byte {
		end := marshal(map[string]any{"error": connectError(message)})
		envelope := binary.BigEndian.AppendUint32([]byte{2}, uint32(len(end)))
		return append(envelope, end...)
	}},
	// https://connectrpc.com/docs/protocol#unary-response, for GET too.
	{status: http.StatusForbidden, response: "application/json", body: func(message string) []byte {
		return marshal(connectError(message))
	}},
}

// gatewayRefusal is that of grpc-gateway and of transcoders: google.rpc.Status.
var gatewayRefusal = Refusal{status: http.StatusForbidden, response: "application/json", body: func(message string) []byte {
	return marshal(map[string]any{"code": permissionDenied, "message": message, "details": []any{}})
}}

// permissionDenied is the number of the code in gRPC.
const permissionDenied = 7

// RefusalFor returns the form for a request with this Content-Type, to a
// procedure or to a REST binding.
func RefusalFor(contentType string, binding bool) Refusal {
	if binding {
		return gatewayRefusal
	}
	for _, r := range refusals {
		if !strings.HasPrefix(contentType, r.contentType) {
			continue
		}
		if r.response == "" {
			r.response = contentType
			if !isPlain(contentType) {
				r.response = strings.TrimSuffix(r.contentType, "+") + "+proto"
			}
		}
		return r
	}
	panic("the last form fits all")
}

// isPlain reports whether a media type is one that clients send, such as
// application/grpc-web-text+proto, so that it can be sent back.
func isPlain(mediaType string) bool {
	const longest = 64
	return len(mediaType) <= longest && strings.Trim(mediaType, "abcdefghijklmnopqrstuvwxyz/+-") == ""
}

// Write sends the response. Headers of CORS and caching are the caller's.
func (r Refusal) Write(w http.ResponseWriter, message string) {
	header := w.Header()
	header["Content-Type"] = []string{r.response}
	if r.header != nil {
		r.header(header, message)
	}
	w.WriteHeader(r.status)
	if r.body != nil {
		// The client can be gone, which changes nothing.
		_, _ = w.Write(r.body(message))
	}
}

func grpcHeader(header http.Header, message string) {
	header["Grpc-Status"] = []string{"7"}
	header["Grpc-Message"] = []string{percentEncode(message)}
}

func connectError(message string) map[string]any {
	return map[string]any{"code": "permission_denied", "message": message}
}

func marshal(value map[string]any) []byte {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // strings and numbers alone
	}
	return body
}

// percentEncode is that of Grpc-Message
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses).
func percentEncode(message string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(message) {
		if c := message[i]; c < ' ' || c > '~' || c == '%' {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
