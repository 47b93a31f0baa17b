package grpcweb

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Reading base64 is what encoding/base64 makes of its padded pieces, however the
// text arrives.
func FuzzTextReader(f *testing.F) {
	for _, seed := range []string{
		"", "AAAA", "AA==", "AAA=", "AA==AAA=AAAA", "AAAAAA", "A", "=", "====", "A===", "AA=A", "AAA=\r\n", "A\nA\rA\r\nA", "AAA*", "AA==*", "\xff\xff\xff\xff",
		strings.Repeat("QUJD", 2000), strings.Repeat("QQ==", 2000), strings.Repeat("QUJD", 1023) + "\nQQ==",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		want, wantErr := decodeNaively(encoded)
		for name, src := range map[string]io.Reader{
			"whole":   strings.NewReader(encoded),
			"bytes":   iotest.OneByteReader(strings.NewReader(encoded)),
			"halves":  iotest.HalfReader(strings.NewReader(encoded)),
			"EOF too": iotest.DataErrReader(strings.NewReader(encoded)),
		} {
			got, err := io.ReadAll(&textReader{src: src})
			assert.Equal(t, wantErr, err != nil, name)
			if !wantErr {
				assert.Equal(t, want, string(got), name)
			} else {
				assert.Equal(t, errBadText, err, name)
				assert.True(t, strings.HasPrefix(want, string(got)), "%s: nothing is invented", name)
			}
		}
	})
}

// decodeNaively decodes quantum by quantum and returns what comes before a
// mistake.
func decodeNaively(encoded string) (decoded string, mistake bool) {
	encoded = strings.NewReplacer("\r", "", "\n", "").Replace(encoded)
	for len(encoded) >= 4 {
		piece, err := base64.StdEncoding.DecodeString(encoded[:4])
		if err != nil {
			return decoded, true
		}
		decoded, encoded = decoded+string(piece), encoded[4:]
	}
	return decoded, encoded != ""
}

// What is written as text is read back, whatever is written at a time and
// wherever it is flushed.
func FuzzText(f *testing.F) {
	f.Add([]byte("grpc"), uint16(3), true)
	f.Add(bytes.Repeat([]byte("0123456789"), 20000), uint16(777), false)
	f.Add([]byte{}, uint16(0), true)
	f.Fuzz(func(t *testing.T, content []byte, size uint16, flush bool) {
		for _, delivery := range []delivery{held, batched, direct} {
			w := &recorder{header: http.Header{}}
			var out output
			request := new(body)
			request.ended.Store(true)
			out.init(w, request, true, delivery)
			for rest := content; len(rest) > 0; {
				n := min(len(rest), int(size)+1)
				_, err := out.write(rest[:n])
				require.NoError(t, err)
				if rest = rest[n:]; flush {
					out.flush()
				}
			}
			trailers := []trailer{{"grpc-status", "0"}}
			out.finish(trailers)
			written := w.body.Len()
			assert.Zero(t, written%4, "padded at the end")
			got, err := io.ReadAll(&textReader{src: &w.body})
			require.NoError(t, err)
			assert.Equal(t, string(appendTrailerFrame(bytes.Clone(content), trailers)), string(got))
			if length := w.header.Get("Content-Length"); length != "" {
				assert.Equal(t, length, strconv.Itoa(written))
			}
		}
	})
}

type recorder struct {
	header http.Header
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(int)             {}
func (r *recorder) Flush()                      {}
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// No metadata forges a line of a trailer frame or a header, and none is lost
// that can be sent.
func FuzzTrailerFrame(f *testing.F) {
	f.Add("X-Cost", "1", "", "0")
	f.Add("x\r\ngrpc-status", "0", "no", "5")
	f.Add("X-Line", "a\r\ngrpc-status: 0", "100%", "13")
	f.Add("Grpc-Status", "0", "\xff\x00%ff", "fine")
	f.Add("Access-Control-Allow-Origin", "*", "%E4", "-1")
	f.Add("", "", "", "")
	f.Fuzz(func(t *testing.T, name, value, message, code string) {
		header := http.Header{statusHeader: {code}, messageHeader: {message}}
		header[http.TrailerPrefix+name] = []string{value}
		trailers := collectTrailers(header, nil, nil)
		frame := appendTrailerFrame(nil, trailers)
		require.Equal(t, byte(0x80), frame[0])
		require.Equal(t, len(frame)-5, int(binary.BigEndian.Uint32(frame[1:])))
		lines := strings.Split(string(frame[5:]), "\r\n")
		require.Empty(t, lines[len(lines)-1])
		lines = lines[:len(lines)-1]
		require.Len(t, lines, len(trailers))
		statuses := 0
		for i, line := range lines {
			require.NotContains(t, line, "\r")
			require.NotContains(t, line, "\n")
			require.NotContains(t, line, "\x00")
			lineName, lineValue, ok := strings.Cut(line, ": ")
			require.True(t, ok)
			assert.Equal(t, trailers[i], trailer{lineName, lineValue})
			assert.Equal(t, strings.ToLower(lineName), lineName)
			assert.NotContains(t, lineName, "access-control-")
			if lineName == "grpc-status" {
				statuses++
			}
		}
		assert.Equal(t, 1, statuses)
		if len(trailers) > 1 && trailers[1].name == "grpc-message" {
			decodable(t, trailers[1].value)
		}
	})
}

// decodable does what JavaScript's decodeURIComponent does, which throws an
// exception where this fails.
func decodable(t *testing.T, message string) {
	t.Helper()
	for i := 0; i < len(message); i++ {
		require.True(t, ' ' <= message[i] && message[i] <= '~', "%q", message)
		if message[i] == '%' {
			require.Greater(t, len(message), i+2)
			require.Contains(t, "0123456789ABCDEF", message[i+1:i+2])
			require.Contains(t, "0123456789ABCDEF", message[i+2:i+3])
		}
	}
	require.Equal(t, message, wellEncoded(message), "stable, so UTF-8")
}

// What is parsed as a gRPC-Web type is one, and nothing of what a client sends
// in it comes back but a codec.
func FuzzMediaType(f *testing.F) {
	for _, seed := range []string{
		"application/grpc-web", "application/grpc-web-text", "application/grpc-web+proto", "APPLICATION/gRPC-Web-TEXT+Proto ; charset=utf-8",
		"application/grpc", "application/grpc+proto", "application/grpc-web+", "application/grpc-webtext", "application/grpc-web-text-text", "", ";", " application/grpc-web\t",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		web, isWeb := parseMediaType(value)
		codec, isNative := isGRPC(value)
		assert.False(t, isWeb && isNative)
		if isNative {
			assert.Equal(t, strings.ToLower(codec), codec)
		}
		if !isWeb {
			assert.Zero(t, web.codec)
			return
		}
		again, ok := parseMediaType(web.contentType())
		assert.True(t, ok)
		assert.Equal(t, web, again, "it parses to the same")
		native, ok := isGRPC(web.grpc())
		assert.True(t, ok)
		assert.Equal(t, web.codec, native)
	})
}

// Frames are followed alike however their bytes are cut.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x02ab\x80\x00\x00\x00\x00"), uint8(3))
	f.Add([]byte("\x00\xff\xff\xff\xffa"), uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, size uint8) {
		var cut, whole frames
		whole.advance(stream)
		for rest := stream; len(rest) > 0; {
			n := min(len(rest), int(size)+1)
			cut.advance(rest[:n])
			rest = rest[n:]
		}
		assert.Equal(t, whole.inside(), cut.inside())
		rest := stream
		for len(rest) >= 5 && uint64(len(rest)-5) >= uint64(binary.BigEndian.Uint32(rest[1:])) {
			rest = rest[5+binary.BigEndian.Uint32(rest[1:]):]
		}
		assert.Equal(t, len(rest) > 0, whole.inside())
	})
}
