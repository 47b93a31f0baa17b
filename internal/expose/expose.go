// Package expose works out which fields of one answer pages could not read by
// the static lists alone, and takes foreign Access-Control-* fields out of it.
//
// It knows header fields and the protocol tables, and no RPC framework: an
// adapter says which fields an answer has, and where they stood before the
// handler ran.
package expose

import (
	"net/http"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/field"
	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

// Header is the field in which an answer lists what pages may read.
const Header = "Access-Control-Expose-Headers"

// Readable reports whether a page may come to read the answer to a request.
// Pages that need permission send Origin. The answer to a GET may reach them
// from a cache, whoever asked for it first: so that it is the same for every
// caller, a GET counts with and without.
func Readable(method string, header http.Header) bool {
	return len(header["Origin"]) > 0 || method == http.MethodGet
}

// A Static knows what the static lists expose. *corsrpc.Policy is one.
type Static interface {
	Exposes(procedure, name string) bool
}

// Names collect what the static lists of a procedure lack.
type Names struct {
	Static    Static
	Procedure string

	missing []string
}

// Add adds the names, each after the prefix, of those fields that pages cannot
// read by the static lists.
//
// It leaves out fields that are not sent, those that stood there on entry with
// the same lines, cookies, which no page may read, Access-Control-* itself,
// and what no page needs. A name that is no token is left out too: net/http
// does not send it, and a browser that found it in a list would ignore the
// whole list.
func (n *Names) Add(prefix string, fields, onEntry http.Header) {
	for name, lines := range fields {
		if len(lines) == 0 || slices.Equal(lines, onEntry[name]) {
			continue
		}
		inAnswer := strings.ToLower(prefix + name) // once: sets look names up as they are, if they are in lower case
		name = inAnswer[len(prefix):]
		if field.IsForbiddenResponse(name) || field.IsAccessControl(name) || unneeded.Has(name) || !field.IsToken(name) {
			continue
		}
		if !n.Static.Exposes(n.Procedure, inAnswer) {
			n.missing = append(n.missing, inAnswer)
		}
	}
}

// Line returns a value for [Header] that lists the names, or "" if there are
// none.
func (n *Names) Line() string {
	for i, name := range n.missing {
		n.missing[i] = field.Canonical(name)
	}
	slices.Sort(n.missing)
	n.missing = slices.Compact(n.missing)
	return strings.Join(n.missing, ", ")
}

// unneeded are the names of fields that clients read for themselves, if
// anything does: the protocols' own, those that describe the connection or the
// form of the content, and those that speak to caches.
//
// What a protocol's clients do have to read, such as Grpc-Status, the static
// lists hold wherever the protocol is on.
var unneeded = func() field.Set {
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
	return field.NewSet(names)
}()

// Strip makes the Access-Control-* fields what they were on entry: what a
// handler added is gone, what it overwrote or removed is back.
func Strip(fields, onEntry http.Header) {
	for name := range fields {
		if _, own := onEntry[name]; !own && field.IsAccessControl(name) {
			delete(fields, name)
		}
	}
	for name, lines := range onEntry {
		if field.IsAccessControl(name) && !slices.Equal(fields[name], lines) {
			fields[name] = slices.Clone(lines)
		}
	}
}

// Without returns fields without Access-Control-*: fields itself if there are
// none in it, otherwise a copy, which has the same lines. It never changes
// fields, so they may be shared between calls.
func Without[Fields ~map[string][]string](fields Fields) Fields {
	for name := range fields {
		if field.IsAccessControl(name) {
			return copyWithout(fields)
		}
	}
	return fields
}

func copyWithout[Fields ~map[string][]string](fields Fields) Fields {
	rest := make(Fields, len(fields))
	for name, lines := range fields {
		if !field.IsAccessControl(name) {
			rest[name] = slices.Clip(lines)
		}
	}
	return rest
}
