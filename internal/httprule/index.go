package httprule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// An Entry is a binding in an [Index].
type Entry struct {
	Binding Binding
	// ID is what [Matches.At] returns. Entries can share it.
	ID int
}

// An Index finds bindings by path. It is immutable and safe for concurrent use.
// The zero value has no bindings.
type Index struct {
	entries []Entry
	// plain holds templates without a verb. The children of verbs are verbs,
	// below which are their templates.
	plain, verbs node
	// colons is the largest number of colons in a verb, and longest the
	// length in bytes of the longest literal.
	colons, longest int
}

// A node stands for what precedes a segment of templates, or, if it is below a
// deep wildcard, for what follows one: there, templates are read from their end.
type node struct {
	literals map[uint32][]*literal // by folded hash
	wildcard *node
	deep     *node   // the ends of templates that go on with "**"
	isDeep   bool    // whether this is below a deep wildcard
	entries  []int32 // of templates that are complete here
}

// A literal is a child of a node.
type literal struct {
	text string // decoded
	node
}

// NewIndex returns an index of entries. If prefix is not empty, it begins with a
// slash and precedes all templates: "/api" where the gateway is behind
// http.StripPrefix("/api", gateway).
func NewIndex(prefix string, entries []Entry) (*Index, error) {
	var first []segment
	if prefix != "" {
		if prefix[0] != '/' || prefix[len(prefix)-1] == '/' {
			return nil, fmt.Errorf("prefix %q must begin with a slash and not end with one", prefix)
		}
		for s := range strings.SplitSeq(prefix[1:], "/") {
			first = append(first, segment{literal: s})
		}
	}
	x := &Index{entries: slices.Clone(entries)}
	var failures []error
	for i, entry := range x.entries {
		t := entry.Binding.Template
		segments := slices.Concat(first, t.segments)
		if len(segments) > maxSegments {
			failures = append(failures, fmt.Errorf("path template %q has more than %d segments below %q: shorten it", t, maxSegments, prefix))
			continue
		}
		root := &x.plain
		if t.verb != "" {
			root = x.child(&x.verbs, segment{literal: t.verb})
			x.colons = max(x.colons, strings.Count(decoded(t.verb), ":"))
		}
		x.insert(root, segments, int32(i))
	}
	return x, errors.Join(failures...)
}

func (x *Index) insert(n *node, segments []segment, entry int32) {
	for i, s := range segments {
		if s.kind == deepWildcard {
			if n.deep == nil {
				n.deep = &node{isDeep: true}
			}
			n = n.deep
			for _, s := range slices.Backward(segments[i+1:]) {
				n = x.child(n, s)
			}
			break
		}
		n = x.child(n, s)
	}
	n.entries = append(n.entries, entry)
}

// child returns the child of n for a segment, which it adds if there is none.
func (x *Index) child(n *node, s segment) *node {
	if s.kind == wildcard {
		if n.wildcard == nil {
			n.wildcard = &node{isDeep: n.isDeep}
		}
		return n.wildcard
	}
	// grpc-gateway compares a path with the literal as it is written, Vanguard
	// with an escaped form of it. Either way the path is the same as the
	// literal when both are decoded.
	text := decoded(s.literal)
	hash, _ := foldedHash(text, false)
	for _, l := range n.literals[hash] {
		if l.text == text {
			return &l.node
		}
	}
	if n.literals == nil {
		n.literals = make(map[uint32][]*literal)
	}
	l := &literal{text: text, node: node{isDeep: n.isDeep}}
	n.literals[hash] = append(n.literals[hash], l)
	x.longest = max(x.longest, len(text))
	return &l.node
}

// compare reports whether part of a path is the literal, as it stands or decoded,
// and if so, whether it is byte for byte.
func (l *literal) compare(part string, escapes bool) (matches, exact bool) {
	if equal(part, false, l.text) || escapes && equal(part, true, l.text) {
		return true, true
	}
	return equalFolded(part, false, l.text) || escapes && equalFolded(part, true, l.text), false
}
