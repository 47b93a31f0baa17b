package corsconfig

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A place is where in the files a value stands, and the places of what is in it,
// by field name, key or index.
type place struct {
	field        string // path, such as overrides["acme.shop.v1.CartService"].origins[0]
	file         string
	line, column int
	below        map[string]*place
}

// step goes to a part, which now stands at a node. What is below it stays until
// it is replaced.
func (p *place) step(key, field, file string, node *yaml.Node) *place {
	part := p.below[key]
	if part == nil {
		part = &place{field: p.field + field}
		if p.below == nil {
			p.below = make(map[string]*place)
		}
		p.below[key] = part
	}
	part.file, part.line, part.column = file, node.Line, node.Column
	return part
}

func (p *place) stepField(name, file string, node *yaml.Node) *place {
	field := name
	if p.field != "" {
		field = "." + name
	}
	return p.step(name, field, file, node)
}

func (p *place) stepKey(key, file string, node *yaml.Node) *place {
	return p.step(key, "["+quote(key)+"]", file, node)
}

func (p *place) stepIndex(i int, file string, node *yaml.Node) *place {
	return p.step(strconv.Itoa(i), "["+strconv.Itoa(i)+"]", file, node)
}

// find returns the place of a path in corsrpc.Config, such as
// Overrides["acme.shop.v1.CartService"].Origins[0], or the nearest parent of
// what is absent; and the path in the words of files.
func (p *place) find(path string) (nearest *place, field string, exact bool) {
	nearest, exact = p, true
	for path != "" {
		key, text, rest := cutStep(path)
		if part := nearest.below[key]; exact && part != nil {
			nearest = part
		} else {
			exact = false
		}
		field += text
		path = rest
	}
	return nearest, field, exact
}

// cutStep cuts the first step off a path in corsrpc.Config.
func cutStep(path string) (key, text, rest string) {
	if path[0] != '[' {
		end := strings.IndexAny(path[1:], ".[") + 1
		if end == 0 {
			end = len(path)
		}
		name := strings.TrimPrefix(path[:end], ".")
		if word, ok := fileWords[name]; ok {
			name = word
		}
		text = name
		if path[0] == '.' {
			text = "." + name
		}
		return name, text, path[end:]
	}
	if quoted, err := strconv.QuotedPrefix(path[1:]); err == nil {
		key, _ = strconv.Unquote(quoted)
		if _, after, ok := strings.Cut(path[1+len(quoted):], "]"); ok {
			return key, path[:len(path)-len(after)], after
		}
	}
	index, after, _ := strings.Cut(path[1:], "]")
	return index, path[:len(path)-len(after)], after
}
