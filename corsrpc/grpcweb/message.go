package grpcweb

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// wellEncoded returns a Grpc-Message whose percent-encoding all clients can
// decode. Google's grpc-web throws an exception for a stray percent sign and
// for bytes that are not UTF-8, which gRPC allows.
func wellEncoded(message string) string {
	if !strings.Contains(message, "%") && isPrintable(message) {
		return message
	}
	decoded := make([]byte, 0, len(message))
	for i := 0; i < len(message); i++ {
		if message[i] == '%' && i+2 < len(message) {
			if c, err := strconv.ParseUint(message[i+1:i+3], 16, 8); err == nil {
				decoded = append(decoded, byte(c))
				i += 2
				continue
			}
		}
		decoded = append(decoded, message[i])
	}
	return percentEncode(strings.ToValidUTF8(string(decoded), string(utf8.RuneError)))
}

// percentEncode encodes a message as PROTOCOL-HTTP2.md says under
// "Status-Message".
func percentEncode(message string) string {
	const hex = "0123456789ABCDEF"
	var encoded strings.Builder
	for i := range len(message) {
		if c := message[i]; c < ' ' || c > '~' || c == '%' {
			encoded.WriteByte('%')
			encoded.WriteByte(hex[c>>4])
			encoded.WriteByte(hex[c&15])
		} else {
			encoded.WriteByte(c)
		}
	}
	return encoded.String()
}

func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
