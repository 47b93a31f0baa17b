package grpcweb

import (
	"net/http"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// isHopByHop reports whether a header describes the connection between two
// HTTP peers (RFC 9110, section 7.6.1; RFC 9113, section 8.2.2), so that it
// must not be handed on.
func isHopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// requestHeader returns the header for next: all that the client sent except
// what describes the connection and the body.
func requestHeader(sent http.Header, contentType string) http.Header {
	header := make(http.Header, len(sent)+1) // and Te
	for name, values := range sent {
		if !isHopByHop(name) && name != "Content-Length" {
			header[name] = values
		}
	}
	for _, line := range sent["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			header.Del(strings.Trim(name, " \t"))
		}
	}
	header["Content-Type"] = []string{contentType}
	header["Te"] = []string{"trailers"} // gRPC's way to find out that proxies hand on trailers
	return header
}

// canSend reports whether metadata of this name can be sent to a page. grpc-go
// does not validate names, and as headers of the response, those that describe
// its body or the connection would break it. CORS headers are left to the
// policy.
func canSend(name string) bool {
	switch name {
	case "Content-Type", "Content-Length", "Content-Encoding":
		return false
	}
	_, isCORS := cutPrefixFold(name, "Access-Control-")
	return !isCORS && !isHopByHop(name) && headername.IsToken(name)
}

// clean returns a value without control characters, which could end the line
// and forge another, a grpc-status for instance. As net/http does with line
// breaks, each becomes a space.
func clean(value string) string {
	if strings.IndexFunc(value, isControl) < 0 {
		return value
	}
	return strings.Map(func(c rune) rune {
		if isControl(c) {
			return ' '
		}
		return c
	}, value)
}

func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }
