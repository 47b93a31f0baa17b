package grpcweb_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// A call is a gRPC-Web request as a client puts it on the wire.
type call struct {
	procedure   string
	contentType string // application/grpc-web if empty
	header      map[string]string
	body        io.Reader
}

// frame returns a message of these bytes, with its prefix.
func frame(t testing.TB, content string) string {
	t.Helper()
	payload, err := proto.Marshal(&message{Value: []byte(content)})
	require.NoError(t, err)
	return string(append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(payload))), payload...))
}

func text(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// A response is what came back.
type response struct {
	code     int
	header   http.Header
	raw      string // the body
	messages []string
	status   map[string]string // of a trailer frame, or else of the header
	inFrame  bool              // whether there is a trailer frame
	major    int
	closes   bool // whether the server closes the connection
}

func (f front) do(t testing.TB, call call) response {
	t.Helper()
	res := f.start(t, t.Context(), call)
	return read(t, res)
}

func (f front) start(t testing.TB, ctx context.Context, call call) *http.Response {
	t.Helper()
	res, err := f.try(t, ctx, call)
	require.NoError(t, err)
	return res
}

func (f front) try(t testing.TB, ctx context.Context, call call) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.URL+call.procedure, call.body)
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/grpc-web")
	if call.contentType != "" {
		r.Header.Set("Content-Type", call.contentType)
	}
	for name, value := range call.header {
		r.Header.Set(name, value)
	}
	return f.client.Do(r)
}

// read reads a response as a strict client would.
func read(t testing.TB, res *http.Response) response {
	t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return parse(t, res, body)
}

func parse(t testing.TB, res *http.Response, body []byte) response {
	t.Helper()
	got := response{code: res.StatusCode, header: res.Header, raw: string(body), major: res.ProtoMajor, closes: res.Close}
	assert.Empty(t, res.Trailer, "a page cannot read HTTP trailers")
	contentType := res.Header.Get("Content-Type")
	if !strings.HasPrefix(contentType, "application/grpc-web") {
		return got
	}
	if strings.HasPrefix(contentType, "application/grpc-web-text") {
		body = decodePieces(t, body)
	}
	for len(body) > 0 {
		require.GreaterOrEqual(t, len(body), 5, "a whole prefix")
		length := binary.BigEndian.Uint32(body[1:])
		require.GreaterOrEqual(t, len(body)-5, int(length), "a whole frame")
		payload, flags := body[5:5+length], body[0]
		body = body[5+length:]
		if flags == 0x80 {
			require.Empty(t, body, "nothing after the trailers")
			got.inFrame, got.status = true, parseTrailers(t, string(payload))
			break
		}
		require.Zero(t, flags)
		var m message
		require.NoError(t, proto.Unmarshal(payload, &m))
		got.messages = append(got.messages, string(m.Value))
	}
	if !got.inFrame {
		assert.Empty(t, got.raw, "a body must end in a trailer frame")
		got.status = map[string]string{}
		for name, values := range res.Header {
			switch name = strings.ToLower(name); name {
			case "content-type", "content-length", "date", "connection":
			default:
				got.status[name] = strings.Join(values, ", ")
			}
		}
	}
	assert.NotEmpty(t, got.status["grpc-status"], "clients take a response without a status for a success")
	return got
}

// parseTrailers parses a trailer frame. It accepts nothing that a client could
// misread.
func parseTrailers(t testing.TB, block string) map[string]string {
	t.Helper()
	trailers := map[string]string{}
	require.True(t, strings.HasSuffix(block, "\r\n"), "%q", block)
	for _, line := range strings.Split(strings.TrimSuffix(block, "\r\n"), "\r\n") {
		name, value, ok := strings.Cut(line, ": ")
		require.True(t, ok, "%q", line)
		require.Equal(t, strings.ToLower(name), name, "lower case")
		require.NotContains(t, strings.TrimLeft(value, " "), "\n")
		if before, twice := trailers[name]; twice {
			value = before + ", " + value
		}
		trailers[name] = value
	}
	return trailers
}

// decodePieces decodes base64 in which padding can stand at the end of any
// quantum.
func decodePieces(t testing.TB, body []byte) []byte {
	t.Helper()
	require.Zero(t, len(body)%4, "padded to the end")
	var decoded []byte
	for len(body) > 0 {
		end := len(body)
		if i := bytes.IndexByte(body, '='); i >= 0 {
			end = i/4*4 + 4
		}
		var err error
		decoded, err = base64.StdEncoding.AppendDecode(decoded, body[:end])
		require.NoError(t, err)
		body = body[end:]
	}
	return decoded
}

// headers returns the headers of a response, except those that net/http sets.
func (r response) headers() map[string]string {
	headers := map[string]string{}
	for name, values := range r.header {
		headers[name] = strings.Join(values, ", ")
	}
	maps.DeleteFunc(headers, func(name, _ string) bool { return name == "Date" })
	return headers
}
