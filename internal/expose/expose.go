// Package expose finds the headers of one response that pages could not read by
// the static lists alone, and removes foreign Access-Control-* headers from it.
//
// It knows header names and the protocol tables, and no RPC framework. What
// differs between frameworks stays in their adapters: where the headers of a
// response are, when they are sent, and which of them the framework drops.
package expose

import (
	"net/http"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// Header is the header in which a response lists what pages can read.
const Header = "Access-Control-Expose-Headers"

// Readable reports whether a page can get to read the response to a request
// with this method and these lines of Origin. Pages that need permission send
// Origin. The response to a GET can reach them from a cache, whoever requested
// it first, so every GET counts, and the response is the same for all.
func Readable(method string, origins []string) bool {
	return len(origins) > 0 || method == http.MethodGet
}

// A Static reports what the static lists expose. *corsrpc.Policy is one.
type Static interface {
	Exposes(procedure, name string) bool
}

// Names collects the names that the static lists of a procedure lack.
type Names struct {
	Static    Static
	Procedure string

	missing []string
}

// Add adds the names, each after the prefix, of those headers that pages cannot
// read by the static lists. It leaves out headers that had the same lines on
// entry, and what [Names.AddHeader] leaves out.
func (n *Names) Add(prefix string, header, onEntry http.Header) {
	for name, lines := range header {
		if !slices.Equal(lines, onEntry[name]) {
			n.AddHeader(prefix, name, lines)
		}
	}
}

// AddHeader is Add for one header that was not there on entry.
//
// It leaves out a header without lines, which is not sent; cookies, which no
// browser shows to pages; Access-Control-* itself; and what no page needs. A
// name that is not a token is left out too: net/http does not send it, and a
// browser ignores a list with such a name.
func (n *Names) AddHeader(prefix, name string, lines []string) {
	if len(lines) == 0 {
		return
	}
	sent := strings.ToLower(prefix + name) // once: sets look names up as they are, if they are in lower case
	name = sent[len(prefix):]
	if headername.IsForbiddenResponse(name) || headername.IsAccessControl(name) || unneeded.Has(name) || !headername.IsToken(name) {
		return
	}
	if !n.Static.Exposes(n.Procedure, sent) {
		n.missing = append(n.missing, sent)
	}
}

// FormOf returns the form in which responses of a protocol carry trailers. Both
// versions of Connect have the same names for protocols. For an unknown name it
// returns the zero form, whose trailers pages cannot read.
func FormOf(protocolName string, unary bool) protocol.TrailerForm {
	var p *protocol.Protocol
	switch protocolName {
	case "connect":
		p = &protocol.Connect
	case "grpcweb":
		p = &protocol.GRPCWeb
	case "grpc":
		p = &protocol.GRPC
	default: // of a later release of Connect
		return protocol.TrailerForm{}
	}
	if unary {
		return p.UnaryTrailers
	}
	return p.StreamTrailers
}

// Line returns a value for [Header] that lists the names, or "" if there are
// none.
func (n *Names) Line() string {
	for i, name := range n.missing {
		n.missing[i] = headername.Canonical(name)
	}
	slices.Sort(n.missing)
	n.missing = slices.Compact(n.missing)
	return strings.Join(n.missing, ", ")
}

// unneeded are the names of headers that no page needs: the protocols' own,
// and those about the connection, the encoding of the content and caches.
//
// What a protocol's clients do have to read, such as Grpc-Status, is in the
// static lists wherever the protocol is on.
var unneeded = func() headername.Set {
	names := []string{
		"Accept-Encoding",
		"Accept-Post",
		"Allow",
		"Connection",
		"Content-Encoding",
		"Date",
		"Host",
		"Keep-Alive",
		"Te",
		"Trailer",
		"Transfer-Encoding",
		"Upgrade",
		"Vary",
	}
	for _, p := range []protocol.Protocol{protocol.Connect, protocol.GRPCWeb, protocol.GRPC} {
		names = slices.Concat(names, p.RequestHeaders, p.ResponseHeaders)
	}
	return headername.NewSet(names)
}()

// Strip makes the Access-Control-* headers what they were on entry: what a
// handler added is gone, what it overwrote or removed is back.
func Strip(header, onEntry http.Header) {
	for name := range header {
		if _, own := onEntry[name]; !own && headername.IsAccessControl(name) {
			delete(header, name)
		}
	}
	for name, lines := range onEntry {
		if headername.IsAccessControl(name) && !slices.Equal(header[name], lines) {
			header[name] = slices.Clone(lines)
		}
	}
}

// Without returns the header without Access-Control-*: the header itself if it
// has none, otherwise a copy of the rest. It never changes the header, so calls
// can share it.
func Without[H ~map[string][]string](header H) H {
	for name := range header {
		if headername.IsAccessControl(name) {
			return copyWithout(header)
		}
	}
	return header
}

func copyWithout[H ~map[string][]string](header H) H {
	rest := make(H, len(header))
	for name, lines := range header {
		if !headername.IsAccessControl(name) {
			rest[name] = slices.Clip(lines)
		}
	}
	return rest
}
