package grpcweb

import (
	"net/http"
	"strings"
)

// Media types of PROTOCOL-WEB.md and PROTOCOL-HTTP2.md, up to the codec.
const (
	typeGRPC = "application/grpc"
	typeWeb  = "application/grpc-web"
	textForm = "-text" // after typeWeb: the body is base64
)

// A mediaType is one of the gRPC-Web media types.
type mediaType struct {
	text  bool
	codec string // lower case; empty where none is named, which means proto
}

// parseMediaType parses a member of a Content-Type or Accept header. Case and
// parameters do not matter (RFC 9110, section 8.3.1).
func parseMediaType(value string) (mediaType, bool) {
	rest, ok := cutPrefixFold(withoutParameters(value), typeWeb)
	if !ok {
		return mediaType{}, false
	}
	var m mediaType
	rest, m.text = cutPrefixFold(rest, textForm)
	m.codec, ok = codecOf(rest)
	return m, ok
}

// isGRPC reports whether a Content-Type is gRPC's own, and with which codec.
func isGRPC(contentType string) (codec string, ok bool) {
	rest, ok := cutPrefixFold(withoutParameters(contentType), typeGRPC)
	if !ok {
		return "", false
	}
	return codecOf(rest)
}

func withoutParameters(value string) string {
	value, _, _ = strings.Cut(value, ";")
	return strings.Trim(value, " \t")
}

// codecOf returns what follows the plus sign. Like grpc-go it takes
// "application/grpc+" for "application/grpc".
func codecOf(suffix string) (codec string, ok bool) {
	if suffix == "" {
		return "", true
	}
	codec, ok = strings.CutPrefix(suffix, "+")
	if !ok {
		return "", false
	}
	return strings.ToLower(codec), true
}

// contentType returns the media type in the only form that all clients read:
// lower case and without parameters.
func (m mediaType) contentType() string {
	if m.text {
		return withCodec(typeWeb+textForm, m.codec)
	}
	return withCodec(typeWeb, m.codec)
}

// grpc returns the media type of the same messages in gRPC.
func (m mediaType) grpc() string { return withCodec(typeGRPC, m.codec) }

func withCodec(prefix, codec string) string {
	if codec == "" {
		return prefix
	}
	return prefix + "+" + codec
}

// wantsText reports whether the response should be base64: as the first
// gRPC-Web type in Accept says, or else as the request is.
func wantsText(header http.Header, request mediaType) bool {
	for _, line := range header["Accept"] {
		for member := range strings.SplitSeq(line, ",") {
			if accepted, ok := parseMediaType(member); ok {
				return accepted.text
			}
		}
	}
	return request.text
}

func cutPrefixFold(s, prefix string) (after string, found bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
