package grpcwebtest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"google.golang.org/protobuf/proto"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// A Call is a gRPC-Web request, ready to be sent many times.
type Call struct {
	procedure   string
	contentType string
	body        []byte
	messages    int // of the response
}

// Unary is a call whose response is about 100 bytes, in binary or text.
func Unary(text bool) Call {
	return newCall(shopv1.CatalogService_GetProduct_FullMethodName, text, &shopv1.GetProductRequest{ProductId: "teapot"}, 1)
}

// Burst is a call whose response is a stream of BurstMessages.
func Burst(text bool) Call {
	return newCall(shopv1.CatalogService_WatchPrices_FullMethodName, text, &shopv1.WatchPricesRequest{ProductIds: []string{"teapot"}}, BurstMessages)
}

func newCall(procedure string, text bool, request proto.Message, messages int) Call {
	payload, err := proto.Marshal(request)
	if err != nil {
		panic(err) // of messages that are written here
	}
	body := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(payload))), payload...)
	if text {
		return Call{procedure, "application/grpc-web-text+proto", []byte(base64.StdEncoding.EncodeToString(body)), messages}
	}
	return Call{procedure, "application/grpc-web+proto", body, messages}
}

func (c Call) request(url string) (*http.Request, error) {
	r, err := http.NewRequest(http.MethodPost, url+c.procedure, bytes.NewReader(c.body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", c.contentType)
	r.Header.Set("Accept", c.contentType)
	r.Header.Set("X-Grpc-Web", "1")
	r.Header.Set("X-User-Agent", "grpc-web-javascript/0.1")
	r.Header.Set("Origin", "https://app.example.com")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	return r, nil
}

// Do makes the call and reads the response into buffer.
func (c Call) Do(client *http.Client, url string, buffer *bytes.Buffer) error {
	r, err := c.request(url)
	if err != nil {
		return err
	}
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	buffer.Reset()
	if _, err := buffer.ReadFrom(res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", c.procedure, res.Status)
	}
	return nil
}

// Check reports an error unless a response has all messages and the status 0.
// It is not part of what is measured.
func (c Call) Check(client *http.Client, url string) error {
	var response bytes.Buffer
	if err := c.Do(client, url, &response); err != nil {
		return err
	}
	body := response.Bytes()
	if c.contentType == "application/grpc-web-text+proto" {
		var err error
		if body, err = decodeText(body); err != nil {
			return err
		}
	}
	messages := 0
	for len(body) >= 5 {
		flags, length := body[0], int(binary.BigEndian.Uint32(body[1:]))
		if len(body)-5 < length {
			break
		}
		if flags&0x80 != 0 {
			if !bytes.Contains(bytes.ToLower(body[5:]), []byte("grpc-status: 0")) || messages != c.messages {
				return fmt.Errorf("%s: %d messages, trailers %q", c.procedure, messages, body[5:])
			}
			return nil
		}
		messages++
		body = body[5+length:]
	}
	return fmt.Errorf("%s: no trailers after %d messages", c.procedure, messages)
}

// decodeText decodes base64 that is padded at any quantum.
func decodeText(text []byte) ([]byte, error) {
	var decoded []byte
	for len(text) > 0 {
		end := len(text)
		if i := bytes.IndexByte(text, '='); i >= 0 {
			end = min(end, i/4*4+4)
		}
		var err error
		if decoded, err = base64.StdEncoding.AppendDecode(decoded, text[:end]); err != nil {
			return nil, err
		}
		text = text[end:]
	}
	return decoded, nil
}

// record returns a handler that always writes what another responded.
func record(handler http.Handler) (http.Handler, error) {
	responses := map[string]*httptest.ResponseRecorder{}
	for _, call := range []Call{Unary(false), Burst(false)} {
		r, err := call.request("")
		if err != nil {
			return nil, err
		}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		responses[call.procedure] = recorder
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		recorded := responses[r.URL.Path]
		w.Header().Set("Content-Type", recorded.Header().Get("Content-Type"))
		_, _ = w.Write(recorded.Body.Bytes())
	}), nil
}
