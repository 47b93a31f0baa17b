package corsrpc

import (
	"maps"
	"slices"

	"github.com/corsrpc/corsrpc-go/internal/contract"
)

// A level is what holds for a method, for all methods of a service or for all
// services, with that of the levels above taken into account.
type level struct {
	origins                                           *originList
	credentials, reportOnly, internal, links          bool
	credentialsField, requestField                    string
	requestHeaders, responseHeaders, responseTrailers *names
}

// An override is an Override whose parts are checked.
type override struct {
	origins                                           *originList
	credentials, reportOnly, links                    Switch
	internal                                          bool
	requestHeaders, responseHeaders, responseTrailers []listedName
}

// readOverrides checks every Override and that its name is governed.
func (c *compiler) readOverrides() {
	for _, name := range slices.Sorted(maps.Keys(c.config.Overrides)) {
		o, fieldName := c.config.Overrides[name], "Overrides["+quote(name)+"]"
		if at := c.mistakes.place(inOverrides); !c.names[name] {
			c.mistakes.add(at, fieldName, "", "is not a service or method that this policy governs: write the full name of one, such as acme.shop.v1.CartService.AddItem")
		}
		compiled := &override{credentials: o.Credentials, reportOnly: o.ReportOnly, links: o.Links, internal: o.Internal}
		if o.Origins != nil {
			compiled.origins = c.originList(inOverrides, fieldName+".Origins", o.Origins)
		}
		for _, s := range []struct {
			field string
			value Switch
		}{{"Credentials", o.Credentials}, {"ReportOnly", o.ReportOnly}, {"Links", o.Links}} {
			if at := c.mistakes.place(inOverrides); s.value > Off {
				c.mistakes.add(at, fieldName+"."+s.field, s.value.String(), "is not a switch: write Inherit, On or Off")
			}
		}
		in := func(list string) nameField { return nameField{rank: inOverrides, field: fieldName + "." + list} }
		compiled.requestHeaders = c.headerNames(in("RequestHeaders"), o.RequestHeaders, checkRequestName)
		compiled.responseHeaders = c.headerNames(in("ResponseHeaders"), o.ResponseHeaders, checkName)
		compiled.responseTrailers = c.headerNames(in("ResponseTrailers"), o.ResponseTrailers, checkTrailerName)
		c.overrides[name] = compiled
	}
}

// below resolves a level from the one above it, the schema's options and the
// Override of this name: what concerns who replaces, what concerns what adds.
func (c *compiler) below(above level, name string, options *contract.Options, extension string) level {
	l, o := above, c.overrides[name]
	switch {
	case o != nil && o.origins != nil:
		l.origins = o.origins
	case options.Audience != "":
		l.origins = c.audience(options.Audience)
	}
	l.internal = l.internal || options.Internal || o != nil && o.internal
	in := func(list string) nameField {
		return nameField{rank: inSchema, field: "(corsrpc.v1." + extension + ")." + list, of: " of " + name}
	}
	l.requestHeaders = l.requestHeaders.with(c.headerNames(in("request_headers"), options.RequestHeaders, checkRequestName))
	l.responseHeaders = l.responseHeaders.with(c.headerNames(in("response_headers"), options.ResponseHeaders, checkName))
	l.responseTrailers = l.responseTrailers.with(c.headerNames(in("response_trailers"), options.ResponseTrailers, checkTrailerName))
	if o == nil {
		return l
	}
	if o.credentials != Inherit {
		l.credentialsField = "Overrides[" + quote(name) + "].Credentials"
	}
	l.credentials = o.credentials.apply(l.credentials)
	l.reportOnly = o.reportOnly.apply(l.reportOnly)
	l.links = o.links.apply(l.links)
	l.requestHeaders = l.requestHeaders.with(o.requestHeaders)
	l.responseHeaders = l.responseHeaders.with(o.responseHeaders)
	l.responseTrailers = l.responseTrailers.with(o.responseTrailers)
	return l
}

// audience returns the origins of an audience in the schema.
func (c *compiler) audience(label string) *originList {
	if list := c.audiences[label]; list != nil {
		return list
	}
	list := c.missing[label]
	if list == nil {
		list = (&originList{field: "Audiences[" + quote(label) + "]", missing: true}).finish()
		c.missing[label] = list
	}
	return list
}

// reportMissing reports an audience that Config does not have, once.
func (c *compiler) reportMissing(list *originList, procedure string) {
	list.missing = false
	c.mistakes.add(c.mistakes.place(inAudiences), list.field, "",
		"is missing: the schema names this audience for "+procedure+"; list its origins, or write {} if no page may call")
}
