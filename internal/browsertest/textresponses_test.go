package browsertest

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/protobuf/proto"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// A textResponse is a response in the text format of gRPC-Web, and what the two
// clients that have the format make of it. These are facts about the clients, on
// which corsrpc/grpcweb relies: the engines never differ.
type textResponse struct {
	name               string
	contentType        string            // application/grpc-web-text if empty
	header             map[string]string // of the response
	body               string
	flush              bool // after every character
	google, protobufTS string
}

// The frames that most responses consist of: a message, and the trailers of a
// success and of an error.
var (
	textMessage = frameOf(0, marshalled(&shopv1.SearchProductsResponse{Product: teapot()}))
	textOK      = frameOf(0x80, "grpc-status: 0\r\nx-hits: 1\r\n")
	textError   = frameOf(0x80, "grpc-status: 5\r\ngrpc-message: gone\r\n")
)

const (
	allThere = "1 message, trailers"
	gone     = "1 message, error 5: gone"
)

var textResponses = []textResponse{
	{name: "one piece", body: base64Of(textMessage + textOK), google: allThere, protobufTS: allThere},
	{name: "a piece a frame", body: base64Of(textMessage) + base64Of(textOK), google: allThere, protobufTS: allThere},
	{name: "pieces cut in the middle of a message", body: base64Of(textMessage[:10]) + base64Of(textMessage[10:]+textOK), google: allThere, protobufTS: allThere},
	{name: "pieces cut in the middle of a prefix", body: base64Of(textMessage[:2]) + base64Of(textMessage[2:]+textOK), google: allThere, protobufTS: allThere},
	{name: "a piece a byte", body: piecesOf(textMessage + textOK), google: allThere, protobufTS: allThere},
	{name: "a character a chunk", body: base64Of(textMessage + textOK), flush: true, google: allThere, protobufTS: allThere},
	{name: "a character a chunk, a piece a byte", body: piecesOf(textMessage + textOK), flush: true, google: allThere, protobufTS: allThere},
	{name: "lines that end in CR LF", body: linesOf(base64Of(textMessage+textOK), "\r\n"), google: allThere, protobufTS: allThere},
	{name: "lines that end in LF", body: linesOf(base64Of(textMessage+textOK), "\n"), google: allThere, protobufTS: allThere},
	{name: "two messages", body: base64Of(textMessage + textMessage + textOK), google: "2 messages, trailers", protobufTS: "2 messages, trailers"},
	{name: "an error after a message", body: base64Of(textMessage + textError), google: gone, protobufTS: gone},
	{name: "an error at once", body: base64Of(textError), google: "error 5: gone", protobufTS: "error 5: gone"},
	{name: "a content type with its codec", contentType: "application/grpc-web-text+proto", body: base64Of(textMessage + textOK), google: allThere, protobufTS: allThere},
	{name: "a content type with a charset", contentType: "application/grpc-web-text; charset=utf-8", body: base64Of(textMessage + textOK), google: allThere, protobufTS: "error 13: unexpected response content type: application/grpc-web-text; charset=utf-8"},
	{name: "a content type in upper case", contentType: "Application/GRPC-Web-Text", body: base64Of(textMessage + textOK), google: allThere, protobufTS: "error 13: unexpected response content type: Application/GRPC-Web-Text"},
	{name: "no padding at the end", body: strings.TrimRight(base64Of(textMessage+textError), "="), google: "1 message, success without trailers", protobufTS: gone},
	{name: "capitalized names in the trailer frame", body: base64Of(textMessage + frameOf(0x80, "Grpc-Status: 0\r\nX-Hits: 1\r\n")), google: allThere, protobufTS: allThere},
	{name: "capitalized names in the trailer frame, an error", body: base64Of(textMessage + frameOf(0x80, "Grpc-Status: 5\r\nGrpc-Message: gone\r\n")), google: "1 message, success without trailers", protobufTS: "1 message, success without trailers"},
	{name: "no trailer frame", body: base64Of(textMessage), google: "1 message, success without trailers", protobufTS: "1 message, error 15: missing trailers"},
	{name: "nothing at all", body: "", google: "success without trailers", protobufTS: "error 13: missing status"},
	{name: "half a message", body: base64Of(textMessage[:12]), google: "success without trailers", protobufTS: "error 15: premature EOF"},
	{name: "a binary response", contentType: "application/grpc-web+proto", body: textMessage + textOK, google: "success without trailers", protobufTS: allThere},
	{name: "trailers with the flags 0x81", body: base64Of(textMessage + frameOf(0x81, "grpc-status: 0\r\nx-hits: 1\r\n")), google: "error 2: Error in parsing response body", protobufTS: "1 message, error 15: premature EOF"},
	{name: "a message with the flags 0x01", body: base64Of(frameOf(1, marshalled(&shopv1.SearchProductsResponse{Product: teapot()})) + textOK), google: "error 2: Error in parsing response body", protobufTS: "error 15: premature EOF"},
	{name: "a stray percent sign in grpc-message", body: base64Of(textMessage + frameOf(0x80, "grpc-status: 5\r\ngrpc-message: 100%\r\n")), google: uncaught, protobufTS: "1 message, error 5: 100%"},
	{name: "LF for CR LF in the trailer frame", body: base64Of(textMessage + frameOf(0x80, "grpc-status: 5\ngrpc-message: gone\n")), google: "1 message, error 0: ", protobufTS: "1 message, error 5: NOT_FOUND"},
	{name: "no space after the colon in the trailer frame", body: base64Of(textMessage + frameOf(0x80, "grpc-status:5\r\ngrpc-message:gone\r\n")), google: gone, protobufTS: gone},
	{name: "trailers as header, without a body", header: fields("Grpc-Status", "5", "Grpc-Message", "gone"), google: "error 5: gone", protobufTS: "error 5: gone"},
	{name: "trailers as header, and an empty trailer frame", header: fields("Grpc-Status", "5", "Grpc-Message", "gone"), body: base64Of(frameOf(0x80, "")), google: "error 5: gone", protobufTS: "error 5: gone"},
}

// uncaught is what Google's client throws from an event handler of its own, in
// place of an error.
const uncaught = "URIError"

func TestTextResponses(t *testing.T) {
	k := &call{procedure: "CatalogService/SearchProducts", request: &shopv1.SearchProductsRequest{Query: "teapot"}}
	google, protobufTS := clientOf("google-text"), clientOf("protobuf-ts-text")
	browsers.ForEach(t, func(ctx context.Context, t *testing.T, e *browsers.Engine) {
		var cells []*cell
		var responses []textResponse
		expect := func(c *client, response textResponse) {
			cells = append(cells, &cell{id: len(cells), client: c, call: k})
			responses = append(responses, response)
		}
		row := func(c *client) Result { return Result{Suite: SuiteText, Row: c.title, Engine: e.Name} }
		for _, response := range textResponses {
			expect(protobufTS, response)
			if response.google != uncaught {
				expect(google, response)
				continue
			}
			check(t, row(google), response.name, func(t *testing.T) {
				server := canned([]textResponse{response})
				server.throws = uncaught
				runCells(ctx, t, e, server, settings[0], []*cell{{client: google, call: k}})
			})
		}
		run := runCells(ctx, t, e, canned(responses), settings[0], cells)
		for i, c := range cells {
			want := responses[i].google
			if c.client == protobufTS {
				want = responses[i].protobufTS
			}
			check(t, row(c.client), responses[i].name, func(t *testing.T) {
				assert.Equal(t, want, outcome(run.got[i]))
			})
		}
	})
}

func clientOf(id string) *client {
	return clients[slices.IndexFunc(clients, func(c *client) bool { return c.id == id })]
}

// canned is a server that has one response for each cell.
func canned(responses []textResponse) *server {
	return &server{handler: func() http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			responses[cellOf(r)].write(w)
		})
	}}
}

func (r textResponse) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/grpc-web-text")
	if r.contentType != "" {
		w.Header().Set("Content-Type", r.contentType)
	}
	for name, value := range r.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(http.StatusOK)
	if !r.flush {
		_, _ = io.WriteString(w, r.body)
		return
	}
	for i := range len(r.body) {
		_, _ = io.WriteString(w, r.body[i:i+1])
		w.(http.Flusher).Flush()
	}
}

// outcome sums up what a client handed over.
func outcome(s seen) string {
	var parts []string
	switch n := len(s.Messages); n {
	case 0:
	case 1:
		parts = append(parts, "1 message")
	default:
		parts = append(parts, fmt.Sprintf("%d messages", n))
	}
	if s.Trailer["x-hits"] != "" {
		parts = append(parts, "trailers")
	}
	for _, e := range s.Errors {
		parts = append(parts, fmt.Sprintf("error %d: %s", e.Code, e.Message))
	}
	if len(s.Errors) == 0 && s.Trailer["x-hits"] == "" {
		parts = append(parts, "success without trailers")
	}
	return strings.Join(parts, ", ")
}

func frameOf(flags byte, payload string) string {
	return string(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(payload)))) + payload
}

func marshalled(m proto.Message) string {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// piecesOf encodes byte by byte, each padded.
func piecesOf(s string) string {
	var pieces strings.Builder
	for i := range len(s) {
		pieces.WriteString(base64Of(s[i : i+1]))
	}
	return pieces.String()
}

func linesOf(s, end string) string {
	var lines strings.Builder
	for len(s) > 60 {
		lines.WriteString(s[:60] + end)
		s = s[60:]
	}
	return lines.String() + s + end
}
