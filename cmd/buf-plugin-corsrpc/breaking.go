package main

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdiff"
)

// A loss is something that pages could do under the old schema and cannot do
// under the new one: one annotation of a breaking rule.
type loss struct {
	rule        string
	at, against place
	message     string
}

// compare returns what pages lose. Both schemas are judged alone, by
// corsdiff.SchemaConfig.
func compare(old, new *schema) ([]loss, error) {
	after, err := new.withoutMistakes(corsrpc.RESTGateway)
	if err != nil {
		return nil, fmt.Errorf("what pages can do cannot be compared, since no server can be configured for this schema: %w", err)
	}
	before, err := old.withoutMistakes(corsrpc.RESTGateway)
	if err != nil {
		// No server could serve the bindings of the old schema, so pages lose
		// none.
		if before, err = old.withoutMistakes(corsrpc.RESTNone); err != nil {
			return nil, fmt.Errorf("the schema to compare with: %w", err)
		}
	}
	c := &comparison{old: old, new: new, groups: make(map[groupKey]*group), procedures: make(map[string]string), audiences: make(map[string]string)}
	for rule := range before.Rules() {
		c.procedures[pathOf(rule)] = rule.Procedure
	}
	for _, d := range old.declarations {
		if label := d.options.GetAudience(); label != "" {
			c.audiences[corsdiff.AudiencePage(label)] = label
		}
	}
	for _, change := range corsdiff.Compare(before, after).Lost {
		c.add(change)
	}
	return c.losses(), nil
}

// pathOf returns the path of a rule as a Change has it.
func pathOf(rule corsrpc.Rule) string {
	if rule.Match == corsrpc.MatchBinding {
		return strings.Join(rule.Methods, ",") + " " + rule.Path
	}
	return rule.Path
}

// A comparison groups changes to annotations: a trailer that is gone is one,
// although it has several names on several paths.
type comparison struct {
	old, new   *schema
	procedures map[string]string // by path of a rule
	audiences  map[string]string // by the origin that stands for their pages
	groups     map[groupKey]*group
}

type groupKey struct {
	kind corsdiff.Kind
	// of is the service or method whose declaration has changed.
	of string
	// field and element are the declared name, for Send and Read; 0 if the
	// change is not one of lists.
	field   protoreflect.FieldNumber
	element int
}

type group struct{ values, paths []string }

func (c *comparison) add(change corsdiff.Change) {
	n, isDeclared := c.declared(change)
	for _, path := range change.Paths {
		key := groupKey{kind: change.Kind, of: n.of, field: n.field, element: n.element}
		if !isDeclared {
			key.of = c.ownerOf(path)
		}
		if d := c.old.byName[key.of]; c.new.byName[key.of] == nil && d.service == nil && d.file.isImport {
			continue // the module imports the service no longer, which can exist
		}
		g := c.groups[key]
		if g == nil {
			g = &group{}
			c.groups[key] = g
		}
		if !slices.Contains(g.values, change.Value) {
			g.values = append(g.values, change.Value)
		}
		if !slices.Contains(g.paths, path) {
			g.paths = append(g.paths, path)
		}
	}
}

var sourceInSchema = regexp.MustCompile(`^\(corsrpc\.v1\.(?:service|method)\)\.(\w+) of (\S+)$`)

// declared returns which name in the old schema let pages send or read what they
// lose. Where several did, all are gone, and the most specific one is taken.
func (c *comparison) declared(change corsdiff.Change) (name, bool) {
	if change.Kind != corsdiff.Send && change.Kind != corsdiff.Read {
		return name{}, false
	}
	for _, source := range slices.Backward(strings.Split(change.Cause, ", ")) {
		match := sourceInSchema.FindStringSubmatch(source)
		if match == nil {
			continue
		}
		d := c.old.byName[match[2]]
		for _, field := range lists {
			if d == nil || fieldName(field) != match[1] {
				continue
			}
			for i, header := range d.list(field) {
				switch change.Value {
				case canonical(header), trailerPrefix + canonical(header), gatewayPrefix + canonical(header):
					return name{d.name, field, i}, true
				}
			}
		}
	}
	return name{}, false
}

// ownerOf returns the method or service whose procedure, binding or unknown
// methods have a path; of what is gone altogether, only the service.
func (c *comparison) ownerOf(path string) string {
	service, method, _ := strings.Cut(strings.TrimPrefix(c.procedures[path], "/"), "/")
	if method == "" || c.new.byName[service] == nil {
		return service
	}
	return service + "." + method
}

// losses returns the annotations of all groups.
func (c *comparison) losses() []loss {
	var found []loss
	keys := slices.SortedFunc(maps.Keys(c.groups), func(a, b groupKey) int {
		return cmp.Or(strings.Compare(a.of, b.of), cmp.Compare(a.kind, b.kind), cmp.Compare(a.field, b.field), cmp.Compare(a.element, b.element))
	})
	for _, key := range keys {
		g := c.groups[key]
		slices.Sort(g.values)
		slices.Sort(g.paths)
		d := c.old.byName[key.of]
		switch key.kind {
		case corsdiff.Send, corsdiff.Read:
			found = append(found, c.lostName(key, g, d))
		case corsdiff.Method:
			found = append(found, c.lostMethod(g, d))
		default:
			if !c.follows(key, g) {
				found = append(found, c.lostCall(g, d))
			}
		}
	}
	return found
}

// follows reports whether a group is that of the unknown methods of a service,
// and says nothing that the losses of the known ones do not say.
func (c *comparison) follows(key groupKey, g *group) bool {
	d := c.old.byName[key.of]
	if d.service != nil || c.new.byName[key.of] == nil {
		return false
	}
	for _, method := range d.methods {
		if other := c.groups[groupKey{kind: key.kind, of: method.name}]; other != nil && !slices.ContainsFunc(g.values, func(v string) bool { return !slices.Contains(other.values, v) }) {
			return true
		}
	}
	return false
}
