package corstest

import (
	"context"
	"net/http"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/contract"
)

// served reports whether the server has any procedure of the service. It asks
// with all headers of each protocol, as pages do, but without an origin, so that
// no CORS middleware is in the way.
func (c *checker) served(ctx context.Context, service contract.Service) bool {
	absent := false
	for i := range service.Methods {
		for _, d := range c.ways(&service.Methods[i]) {
			switch c.presence(ctx, d, &service.Methods[i]) {
			case present:
				return true
			case missing:
				absent = true
			}
		}
	}
	// Where nothing is known, such as behind authentication, the checks will show
	// what there is.
	return !absent
}

// presence is whether a server has a procedure in a protocol.
type presence uint8

const (
	unclear presence = iota
	present
	missing
)

// nowhere is a procedure that no server has.
const nowhere = "/corstest.v1.NoService/NoMethod"

// presence compares the response with that to a procedure that does not exist.
func (c *checker) presence(ctx context.Context, d *dialect, m *contract.Method) presence {
	found, there, err := c.compare(ctx, d, m, true)
	if found == unclear && err == nil && d.name == GRPCWeb {
		// grpc-go looks at the timeout before it looks for the procedure.
		const unimplemented = "12"
		found, there, err = c.compare(ctx, d, m, false)
		if found == unclear && there.grpcStatus == unimplemented {
			found = missing
		}
	}
	if err != nil {
		return present // whatever it is, it will show
	}
	return found
}

func (c *checker) compare(ctx context.Context, d *dialect, m *contract.Method, timeout bool) (found presence, there signature, err error) {
	if there, err = c.signature(ctx, d, m, d.path(m), timeout); err != nil {
		return unclear, there, err
	}
	if there.status == http.StatusNotFound || d.rest != nil && isUnrouted(there.status) {
		return missing, there, nil
	}
	elsewhere, err := c.signature(ctx, d, m, nowhere, timeout)
	switch {
	case err != nil:
	case there != elsewhere:
		found = present
	case there.status < 300 && there.grpcStatus == "" && !there.web:
		found = missing // RPC servers do not succeed with the brakes on: a page for unknown paths does
	}
	return found, there, err
}

// A signature is by what responses are compared.
type signature struct {
	status                  int
	grpcStatus, grpcMessage string
	web                     bool // gRPC-Web, with the status in the body
}

func (c *checker) signature(ctx context.Context, d *dialect, m *contract.Method, procedure string, timeout bool) (signature, error) {
	p := &probe{checker: c, dialect: d, ctx: ctx, method: method{Method: *m}}
	r := p.request(nil)
	base := c.check.url + c.check.prefix
	target := base + procedure + strings.TrimPrefix(r.URL, base+d.path(m))
	request, err := http.NewRequestWithContext(ctx, d.method, target, r.Body)
	if err != nil {
		return signature{}, err
	}
	request.Header = p.protocolHeaders()
	for name, values := range d.brakes(timeout) {
		request.Header[name] = values
	}
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return signature{}, err
	}
	_ = response.Body.Close()
	header := normalized(response.Header)
	// Messages name the service and the method, in one form or another.
	service, name, _ := strings.Cut(strings.TrimPrefix(procedure, "/"), "/")
	message := strings.NewReplacer(service, "SERVICE", name, "METHOD").Replace(header.Get("Grpc-Message"))
	return signature{response.StatusCode, header.Get("Grpc-Status"), message, isGRPCWeb(header.Get("Content-Type"))}, nil
}
