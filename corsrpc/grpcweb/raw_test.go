package grpcweb_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// A rawConn is an HTTP/1.1 connection on which the test decides when to send and
// when to read.
type rawConn struct {
	net.Conn
	reader *bufio.Reader
}

func (f front) dial(t testing.TB) rawConn {
	t.Helper()
	conn, err := net.Dial("tcp", f.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return rawConn{conn, bufio.NewReader(conn)}
}

// begin sends the header of a call with a chunked body.
func (c rawConn) begin(t testing.TB, procedure string) {
	t.Helper()
	_, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: test\r\nContent-Type: application/grpc-web\r\nTransfer-Encoding: chunked\r\n\r\n", procedure)
	require.NoError(t, err)
}

func (c rawConn) chunk(t testing.TB, content string) {
	t.Helper()
	_, err := fmt.Fprintf(c, "%x\r\n%s\r\n", len(content), content)
	require.NoError(t, err)
}

func (c rawConn) end(t testing.TB) {
	t.Helper()
	_, err := io.WriteString(c, "0\r\n\r\n")
	require.NoError(t, err)
}

func (c rawConn) read(t testing.TB) response {
	t.Helper()
	res, err := http.ReadResponse(c.reader, nil)
	require.NoError(t, err)
	return read(t, res)
}
