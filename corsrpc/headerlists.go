package corsrpc

import (
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/protocol"
)

type responseKey struct {
	headers, trailers *names
	unary             bool
}

// requestList returns the complete allow list: all that the protocols' clients
// and the application can send.
func (c *compiler) requestList(l level) *nameList {
	list := c.requestLists[l.requestHeaders]
	if list == nil {
		lists := [][]listedName{c.withPrefix(l.requestHeaders.all())}
		for _, p := range c.protocols {
			lists = append(lists, of(p, p.RequestHeaders))
		}
		list = newNameList(lists...)
		c.requestLists[l.requestHeaders] = list
	}
	return list
}

// responseList returns the complete expose list: the protocols' own headers,
// the application's headers, and its trailers in each form in which a response
// carries them as headers.
func (c *compiler) responseList(l level, unary bool) *nameList {
	key := responseKey{l.responseHeaders, l.responseTrailers, unary}
	list := c.responseLists[key]
	if list == nil {
		lists := [][]listedName{needExposing(c.withPrefix(l.responseHeaders.all()))}
		for _, p := range c.protocols {
			lists = append(lists, of(p, p.ResponseHeaders))
			var trailers []listedName
			for _, trailer := range l.responseTrailers.all() {
				for _, name := range p.TrailersInHeader(unary, []string{trailer.name}) {
					trailers = append(trailers, listedName{name, trailer.source})
				}
			}
			lists = append(lists, needExposing(trailers))
		}
		list = newNameList(lists...)
		c.responseLists[key] = list
	}
	return list
}

// of returns names of a protocol with their source.
func of(p *protocol.Protocol, names []string) []listedName {
	listed := make([]listedName, len(names))
	for i, name := range names {
		listed[i] = listedName{name, p.Name}
	}
	return listed
}

// withPrefix returns the names, and each once more in the gateway's spelling.
func (c *compiler) withPrefix(listed []listedName) []listedName {
	if c.rest == nil || c.rest.MetadataPrefix == "" {
		return listed
	}
	all := slices.Clone(listed)
	for _, n := range listed {
		if !strings.HasPrefix(n.name, c.rest.MetadataPrefix) {
			all = append(all, listedName{c.rest.MetadataPrefix + n.name, n.source})
		}
	}
	return all
}

// bindingRequestList returns the allow list of a level's bindings.
func (c *compiler) bindingRequestList(l level) *nameList {
	list := c.bindingRequests[l.requestHeaders]
	if list == nil {
		own := make([]listedName, len(c.rest.RequestHeaders))
		for i, name := range c.rest.RequestHeaders {
			own[i] = listedName{name, c.rest.Name}
		}
		list = newNameList(c.withPrefix(l.requestHeaders.all()), own)
		c.bindingRequests[l.requestHeaders] = list
	}
	return list
}

// bindingResponseList returns the expose list of a level's bindings.
func (c *compiler) bindingResponseList(l level) *nameList {
	list := c.bindingResponses[l.responseHeaders]
	if list == nil {
		list = newNameList(needExposing(c.withPrefix(l.responseHeaders.all())))
		c.bindingResponses[l.responseHeaders] = list
	}
	return list
}
