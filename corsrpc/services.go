package corsrpc

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/internal/contract"
)

// A selection is which services a Config governs.
type selection struct {
	governed []contract.Service
	closed   []contract.Service          // neither governed nor in Except
	known    map[string]contract.Service // all that are registered
}

// selectServices finds the services in the descriptors and picks those that
// the policy governs.
func (c *compiler) selectServices() {
	files := c.config.Files
	if files == nil {
		files = protoregistry.GlobalFiles
	}
	registered, err := contract.Services(files)
	if err != nil {
		for _, err := range flatten(err) {
			c.mistakes.add(c.mistakes.place(inFiles), "Files", "", err.Error())
		}
		return
	}
	c.known = make(map[string]contract.Service, len(registered))
	for _, service := range registered {
		c.known[service.Name] = service
	}
	names := c.config.Services
	if names == nil {
		names = []string{"*"}
	}
	named := make(map[string]bool)
	all, wrong := false, false
	for i, name := range names {
		at := c.mistakes.place(inServices)
		if name == "*" {
			all = true
		} else if c.requireService(at, fmt.Sprintf("Services[%d]", i), name) {
			if !named[name] && !c.isRegistered(name) {
				// Infrastructure can be served without being registered.
				c.governed = append(c.governed, contract.Service{Name: name})
			}
			named[name] = true
		} else {
			wrong = true
		}
	}
	except := make(map[string]bool)
	for i, name := range c.config.Except {
		at, fieldName := c.mistakes.place(inExcept), fmt.Sprintf("Except[%d]", i)
		if c.requireService(at, fieldName, name) && named[name] {
			c.mistakes.add(at, fieldName, name, "is listed in Services too: take it out of one of them")
			wrong = true
		}
		except[name] = true
	}
	for _, service := range registered {
		switch infrastructure := contract.Infrastructure(service.Name); {
		case except[service.Name]:
		case named[service.Name] || all && !infrastructure:
			c.governed = append(c.governed, service)
		case !infrastructure:
			c.closed = append(c.closed, service)
		}
	}
	for i := range c.governed {
		c.names[c.governed[i].Name] = true
		for j := range c.governed[i].Methods {
			c.names[c.governed[i].Methods[j].Name] = true
		}
	}
	if len(c.governed) == 0 && len(c.config.Resources) == 0 && !wrong {
		problem := "leaves nothing to govern: no such service is registered and there are no Resources; import the generated code, and call New after it has registered, in main and not in a package-level var"
		switch {
		case len(names) == 0:
			problem = "is empty and there are no Resources, so nothing is left to govern; leave Services nil for every registered service, or list some"
		case len(except) > 0:
			problem = "has no service that is not in Except, and there are no Resources, so nothing is left to govern; take one out of Except, or import the generated code of more"
		}
		c.mistakes.add(c.mistakes.place(inServices), "Services", "", problem)
	}
}

// flatten returns the parts of a joined error.
func flatten(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

func (c *compiler) requireService(at place, fieldName, name string) bool {
	if c.isRegistered(name) || contract.Infrastructure(name) && !strings.ContainsAny(name, "/*") {
		return true
	}
	problem := "is not a registered service: write the full name of one, such as acme.shop.v1.CartService, and import its generated code"
	if service := strings.Trim(name, "/"); c.isRegistered(service) {
		problem = "is the path of a service: write its name, " + quote(service)
	} else if end := strings.LastIndexByte(name, '.'); end >= 0 && c.isRegistered(name[:end]) {
		problem = "is not a service: write the service, " + quote(name[:end]) + ", and an Override for what concerns one method"
	}
	c.mistakes.add(at, fieldName, name, problem)
	return false
}

func (c *compiler) isRegistered(service string) bool {
	_, ok := c.known[service]
	return ok
}
