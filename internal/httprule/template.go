package httprule

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxTemplate is the length in bytes of the longest template.
	maxTemplate = 2048
	// maxSegments is the number of segments of the longest template, its
	// prefix included. The deepest of Google's own have twelve.
	maxSegments = 32
)

// A Template is a parsed path template. It is immutable.
//
//	Template = "/" Segments [ Verb ] ;
//	Segments = Segment { "/" Segment } ;
//	Segment  = "*" | "**" | LITERAL | Variable ;
//	Variable = "{" FieldPath [ "=" Segments ] "}" ;
//	FieldPath = IDENT { "." IDENT } ;
//	Verb     = ":" LITERAL ;
//
// That is the grammar of google/api/http.proto. Where gateways differ, a
// template can be parsed if one of them accepts it: variables can be nested
// (Vanguard), "**" can be anywhere but only once, a literal can have colons, "/"
// alone is a template and a colon at the end is dropped (grpc-gateway).
type Template struct {
	text      string
	segments  []segment
	verb      string
	variables []string
}

// A segment of a template is a literal, "*" or "**".
type segment struct {
	kind    segmentKind
	literal string // as it is written, escapes included
}

type segmentKind uint8

const (
	literalSegment segmentKind = iota
	wildcard                   // "*"
	deepWildcard               // "**"
)

// ParseTemplate parses a path template such as "/v1/{name=shelves/*}:merge".
func ParseTemplate(text string) (*Template, error) {
	if len(text) > maxTemplate {
		return nil, fmt.Errorf("path template of %d bytes: shorten it to at most %d", len(text), maxTemplate)
	}
	if !strings.HasPrefix(text, "/") {
		return nil, fmt.Errorf("path template %q must begin with a slash: write %q", text, "/"+text)
	}
	end, verb := cutVerb(text)
	p := parser{text: text[:end], pos: 1, template: &Template{text: text, verb: verb}}
	err := p.parse()
	if err == nil {
		err = p.literal(end+1, verb)
	}
	if err != nil {
		return nil, fmt.Errorf("path template %q: %w", text, err)
	}
	return p.template, nil
}

// cutVerb returns where a template's segments end and the verb behind them. A
// verb can have colons if a variable precedes it; behind a literal, the last
// colon begins the verb. That is what grpc-gateway does, where Vanguard accepts
// one colon only.
func cutVerb(text string) (end int, verb string) {
	last := strings.LastIndexAny(text, "/}")
	var colon int
	if text[last] == '}' {
		colon = strings.IndexByte(text[last:], ':')
	} else {
		colon = strings.LastIndexByte(text[last:], ':')
	}
	if colon < 0 {
		return len(text), ""
	}
	return last + colon, text[last+colon+1:]
}

// String returns the template as it was written.
func (t *Template) String() string { return t.text }

// Variables returns the field paths of the template's variables, in the order in
// which they are written.
func (t *Template) Variables() []string { return slices.Clone(t.variables) }

// Shape returns the template without its variables: "/v1/shelves/*:merge" for
// "/v1/{name=shelves/*}:merge". Templates of the same shape match the same paths,
// and no gateway can tell them apart.
func (t *Template) Shape() string { return t.fill("*", "**") }

// Sample returns a path that the template matches, with value, which must be
// valid in a path, for each of its wildcards.
func (t *Template) Sample(value string) string { return t.fill(value, value) }

func (t *Template) fill(one, rest string) string {
	var b strings.Builder
	for _, s := range t.segments {
		b.WriteByte('/')
		switch s.kind {
		case literalSegment:
			b.WriteString(s.literal)
		case wildcard:
			b.WriteString(one)
		case deepWildcard:
			b.WriteString(rest)
		}
	}
	if t.verb != "" {
		b.WriteByte(':')
		b.WriteString(t.verb)
	}
	return b.String()
}

// A parser reads the segments of a template.
type parser struct {
	text     string // without the verb
	pos      int
	template *Template
}

func (p *parser) parse() error {
	if p.text == "/" {
		// Only grpc-gateway accepts it: one segment, which is empty.
		p.template.segments = []segment{{}}
		return nil
	}
	if err := p.parseSegments(false); err != nil {
		return err
	}
	if p.pos < len(p.text) {
		return p.errorf(p.pos, "%q follows a segment: separate segments with a slash, and let a variable be a whole segment", p.text[p.pos])
	}
	return nil
}

func (p *parser) parseSegments(inVariable bool) error {
	for {
		if err := p.parseSegment(inVariable); err != nil {
			return err
		}
		if !p.take('/') {
			return nil
		}
	}
}

func (p *parser) parseSegment(inVariable bool) error {
	if p.take('{') {
		return p.parseVariable()
	}
	start := p.pos
	for p.pos < len(p.text) {
		if c := p.text[p.pos]; c == '/' || c == '{' || c == '}' && inVariable {
			break
		}
		p.pos++
	}
	switch s := p.text[start:p.pos]; s {
	case "":
		return p.errorf(start, "empty segment: write a literal, a variable or a wildcard, or drop the slash")
	case "*":
		return p.add(start, segment{kind: wildcard})
	case "**":
		return p.add(start, segment{kind: deepWildcard})
	default:
		if err := p.literal(start, s); err != nil {
			return err
		}
		return p.add(start, segment{literal: s})
	}
}

// parseVariable reads what follows the opening brace.
func (p *parser) parseVariable() error {
	start := p.pos
	for p.ident() && p.take('.') {
	}
	name := p.text[start:p.pos]
	if name == "" || name[len(name)-1] == '.' {
		return p.errorf(p.pos, "not the name of a field: write a field path such as {shelf.id}")
	}
	p.template.variables = append(p.template.variables, name)
	if p.take('=') {
		if err := p.parseSegments(true); err != nil {
			return err
		}
	} else if err := p.add(start, segment{kind: wildcard}); err != nil {
		return err
	}
	if !p.take('}') {
		return p.errorf(p.pos, "variable %q is not closed: write {%s} or {%s=segments}", name, name, name)
	}
	return nil
}

// ident reads an identifier of the protobuf language, if there is one.
func (p *parser) ident() bool {
	start := p.pos
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		if !isLetter(c) && c != '_' && (p.pos == start || !isDigit(c)) {
			break
		}
		p.pos++
	}
	return p.pos > start
}

func (p *parser) take(c byte) bool {
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) add(pos int, s segment) error {
	t := p.template
	if len(t.segments) == maxSegments {
		return p.errorf(pos, "more than %d segments: shorten the template", maxSegments)
	}
	// grpc-gateway and Envoy refuse a second one, Vanguard whatever follows
	// the first.
	if s.kind == deepWildcard && slices.Contains(t.segments, s) {
		return p.errorf(pos, `second "**": no gateway accepts more than one; write "*" for a single segment`)
	}
	t.segments = append(t.segments, s)
	return nil
}

// literal checks a literal, which consists of characters that can stand in a
// segment of a path (pchar of RFC 3986, section 3.3).
func (p *parser) literal(pos int, s string) error {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			if _, ok := unescape(s[i:]); !ok {
				return p.errorf(pos+i, `%% without two hexadecimal digits: write "%%25" for a percent sign`)
			}
			i += 2
		case !isPathChar(c):
			_, size := utf8.DecodeRuneInString(s[i:])
			return p.errorf(pos+i, "%q cannot stand in a path: escape it as %q", s[i:i+size], escaped(s[i:i+size]))
		}
	}
	return nil
}

// errorf makes an error that says where in the template it is.
func (p *parser) errorf(pos int, format string, args ...any) error {
	return fmt.Errorf("column %d: %s", pos+1, fmt.Sprintf(format, args...))
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }

// isUnreserved reports whether c is one of RFC 3986's unreserved characters
// (section 2.3), which never have to be escaped.
func isUnreserved(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

// isPathChar reports whether c is a pchar, apart from "%".
func isPathChar(c byte) bool {
	return isUnreserved(c) || c != '%' && strings.IndexByte("!$&'()*+,;=:@", c) >= 0
}
