package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsdiff"
)

// lostName is the loss of a header or trailer.
func (c *comparison) lostName(key groupKey, g *group, d *declaration) loss {
	l := loss{rule: pageCanSend, against: d.place()}
	verb := "send " + headersText(g.values) + " to "
	if key.kind == corsdiff.Read {
		l.rule = pageCanRead
		verb = "read " + headersText(g.values) + " from "
	}
	current, exists := c.current(d)
	l.at = current
	advice := ""
	if key.field != 0 {
		l.against = d.element(key.field, key.element)
		header := d.list(key.field)[key.element]
		advice = fmt.Sprintf("; keep %s in %s as long as pages need it", quoted(header), fieldName(key.field))
		if exists {
			n := c.new.byName[d.name]
			names := n.list(key.field)
			l.at = n.element(key.field, max(0, min(key.element, len(names)-1))) // what is there now
			isSame := func(other string) bool { return strings.EqualFold(other, header) }
			if i := slices.IndexFunc(names, isSame); i >= 0 {
				l.at = n.element(key.field, i)
				advice = ", since the method streams now"
			}
		}
	}
	l.message = "pages can no longer " + verb + pathsText(g.paths) + advice
	return l
}

// lostMethod is the loss of an HTTP method, which is GET.
func (c *comparison) lostMethod(g *group, d *declaration) loss {
	l := loss{rule: pageCanCall, against: d.builtIn(idempotencyLevel)}
	l.at, _ = c.current(d)
	advice := "; keep idempotency_level = NO_SIDE_EFFECTS as long as pages do"
	if n := c.new.byName[d.name]; n != nil && n.method != nil {
		l.at = n.builtIn(idempotencyLevel)
		if !n.unary() {
			advice = ", since the method streams now"
		}
	}
	l.message = "pages can no longer call " + pathsText(g.paths) + " with " + strings.Join(g.values, ", ") + advice
	return l
}

// lostCall is the loss of whole calls.
func (c *comparison) lostCall(g *group, d *declaration) loss {
	l := loss{rule: pageCanCall, against: d.place()}
	l.at, _ = c.current(d)
	n := c.new.byName[d.name]
	reason := ""
	switch {
	case n == nil && d.service == nil:
		reason = "the service " + d.name + " is gone"
	case n == nil:
		reason = "the method " + d.name + " is gone"
	case d.service == nil:
		return c.lostUnknownMethods(g, d, n)
	case n.internal() && !d.internal():
		reason = n.name + " is internal now"
		if l.at = n.option(access); n.options.GetAccess() == 0 {
			l.at = n.service.option(access)
		}
	case n.audience() != d.audience():
		reason = "its audience is now " + quoted(n.audience())
		if n.audience() == "" {
			reason = "it has no audience now"
		}
		l.at = n.option(audience)
		if n.options.GetAudience() == "" {
			l.at = n.service.option(audience)
			if n.service.options.GetAudience() == "" {
				l.at = n.place()
			}
		}
		l.against = d.option(audience)
		if d.options.GetAudience() == "" && d.audience() != "" {
			l.against = d.service.option(audience)
		}
	default:
		reason = "the binding has changed"
		l.at, l.against = n.builtIn(googleAPIHTTP), d.builtIn(googleAPIHTTP)
	}
	l.message = c.pages(g.values) + " can no longer call " + pathsText(g.paths) + ": " + reason
	return l
}

// lostUnknownMethods is the loss of what a service responds to calls of methods
// that the server does not have.
func (c *comparison) lostUnknownMethods(g *group, d, n *declaration) loss {
	l := loss{rule: pageCanCall, at: n.place(), against: d.place()}
	// The method that is new and has another audience, or is internal.
	for _, method := range n.methods {
		if c.old.byName[method.name] == nil && (method.internal() || method.audience() != d.audience()) {
			l.at = method.place()
			break
		}
	}
	l.message = c.pages(g.values) + ` get "Failed to fetch" instead of unimplemented when they call a method of ` + d.name +
		" that the server does not have, since not all of its methods are for them now: declare the new method in a service of its own"
	return l
}

// current returns where the declaration is in the new schema, or what is nearest
// to where it was, and whether it is there.
func (c *comparison) current(d *declaration) (at place, exists bool) {
	if n := c.new.byName[d.name]; n != nil {
		return n.place(), true
	}
	if d.service != nil {
		at, _ := c.current(d.service)
		return at, false
	}
	if f := c.new.files[d.file.name]; f != nil {
		return place{file: f.name}, false
	}
	return place{}, false
}

// pages returns the pages for which origins stand.
func (c *comparison) pages(origins []string) string {
	var who []string
	for _, origin := range origins {
		if label, ok := c.audiences[origin]; ok {
			who = append(who, "pages of the audience "+quoted(label))
		} else {
			who = append(who, "pages of Config.Origins")
		}
	}
	return strings.Join(who, " and ")
}

// pathsText returns the first of the paths and how many more there are. That of
// unknown methods is left out if there is another.
func pathsText(paths []string) string {
	known := slices.DeleteFunc(slices.Clone(paths), func(path string) bool { return path[0] == '/' && strings.HasSuffix(path, "/") })
	if len(known) > 0 {
		paths = known
	}
	switch more := len(paths) - 1; more {
	case 0:
		return paths[0]
	case 1:
		return paths[0] + " and " + paths[1]
	default:
		return fmt.Sprintf("%s and %d more paths", paths[0], more)
	}
}

// headersText returns header names. Those with a gateway's prefix are left out
// if the header is there too.
func headersText(headers []string) string {
	isDouble := func(header string) bool {
		own, ok := strings.CutPrefix(header, gatewayPrefix)
		return ok && slices.Contains(headers, own)
	}
	return strings.Join(slices.DeleteFunc(slices.Clone(headers), isDouble), ", ")
}
