package corsconfig

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// parseJSON returns valid JSON as the nodes that YAML would make of it.
func parseJSON(data []byte) *yaml.Node {
	p := &jsonParser{data: data, decoder: json.NewDecoder(bytes.NewReader(data)), line: 1, column: 1}
	p.decoder.UseNumber()
	return p.value()
}

type jsonParser struct {
	data         []byte
	decoder      *json.Decoder
	offset       int // of line and column
	line, column int
}

// value reads the next value.
func (p *jsonParser) value() *yaml.Node {
	token := p.token()
	node := &yaml.Node{Line: p.line, Column: p.column}
	switch token := token.(type) {
	case json.Delim:
		node.Kind, node.Tag = yaml.MappingNode, "!!map"
		if token == '[' {
			node.Kind, node.Tag = yaml.SequenceNode, "!!seq"
		}
		for p.decoder.More() {
			node.Content = append(node.Content, p.value())
		}
		p.token() // the end
		return node
	case string:
		node.Tag, node.Value = "!!str", token
	case json.Number:
		node.Tag, node.Value = "!!int", token.String()
	case bool:
		node.Tag, node.Value = "!!bool", "false"
		if token {
			node.Value = "true"
		}
	default:
		node.Tag, node.Value = "!!null", "null"
	}
	node.Kind = yaml.ScalarNode
	return node
}

// token returns the next token and moves line and column to its beginning.
func (p *jsonParser) token() json.Token {
	from := int(p.decoder.InputOffset())
	start := from + len(p.data[from:]) - len(bytes.TrimLeft(p.data[from:], " \t\r\n,:"))
	passed := p.data[p.offset:start]
	if newline := bytes.LastIndexByte(passed, '\n'); newline >= 0 {
		p.line += bytes.Count(passed, []byte("\n"))
		p.column, passed = 1, passed[newline+1:]
	}
	p.column += utf8.RuneCount(passed)
	p.offset = start
	token, err := p.decoder.Token()
	if err != nil {
		panic(err) // the text is valid
	}
	return token
}
