package envoytest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// dial connects to the model, which reads requests from the connection as they
// are: a server of net/http would refuse some that Envoy takes.
func (m *model) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		in := bufio.NewReader(server)
		for {
			r, method, err := readRequest(in)
			if err != nil {
				return
			}
			var answer *response
			if r == nil {
				answer = &response{status: 400}
			} else {
				answer = m.serve(r)
			}
			if err := answer.write(server, method); err != nil {
				return
			}
		}
	}()
	return client, nil
}

// readRequest: ConnectionImpl and ServerConnectionImpl::handlePath
// (source/common/http/http1/codec_impl.cc). The request is nil if Envoy takes
// none such.
func readRequest(in *bufio.Reader) (*request, string, error) {
	text := textproto.NewReader(in)
	line, err := text.ReadLine()
	if err != nil {
		return nil, "", err
	}
	method, rest, _ := strings.Cut(line, " ")
	target, version, _ := strings.Cut(rest, " ")
	header, err := text.ReadMIMEHeader()
	if err != nil {
		return nil, "", err
	}
	body := ""
	if length, err := strconv.Atoi(header.Get("Content-Length")); err == nil {
		data := make([]byte, length)
		if _, err := io.ReadFull(in, data); err != nil {
			return nil, "", err
		}
		body = string(data)
	}
	r := &request{path: target, header: make(map[string]string), lines: map[string][]string(header), body: body}
	for name, lines := range header {
		separator := ","
		if name == "Cookie" {
			separator = "; "
		}
		r.header[strings.ToLower(name)] = strings.Join(lines, separator)
	}
	r.header[":authority"] = header.Get("Host")
	delete(r.header, "host")
	if _, after, ok := strings.Cut(target, "://"); ok && target[0] != '/' {
		authority, _, _ := strings.Cut(after, "/")
		r.header[":authority"], r.path = authority, after[len(authority):]
	}
	r.header[":method"], r.header[":path"] = method, r.path
	// ConnectionManagerImpl::ActiveStream::decodeHeaders
	// (source/common/http/conn_manager_impl.cc) refuses fragments.
	if version != "HTTP/1.1" || strings.Contains(r.path, "#") {
		r = nil
	}
	return r, method, nil
}

func (r *response) write(out io.Writer, method string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d Model\r\n", r.status)
	for name, lines := range r.header {
		for _, line := range lines {
			b.WriteString(name + ": " + line + "\r\n")
		}
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(r.body))
	if method != "HEAD" {
		b.WriteString(r.body)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// fields returns the fields that a message has.
func fields(message proto.Message) map[string]bool {
	found := make(map[string]bool)
	message.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		found[string(field.Name())] = true
		return true
	})
	return found
}
