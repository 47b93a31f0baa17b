package bench

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// Bindings is how many REST bindings a policy has, one for each procedure.
type Bindings int

// A BindingPath is the path of one request.
type BindingPath struct {
	Name string
	URL  *url.URL
}

// Paths are those of the binding in the middle: a router that tries one after the
// other meets the average.
func (n Bindings) Paths() []BindingPath {
	var paths []BindingPath
	for _, path := range []struct{ name, id string }{{"plain path", "acme"}, {"path with an escaped slash", "acme%2Fnorth"}} {
		u, err := url.ParseRequestURI(fmt.Sprintf("/v1/projects/%s/things%d/7:run", path.id, n/2))
		if err != nil {
			panic(err) // it is written above
		}
		paths = append(paths, BindingPath{path.name, u})
	}
	return paths
}

func (n Bindings) setup() Setup { return Setup{Origins: 10, Procedures: int(n)} }

// template is that of a binding, for GET.
func (Bindings) template(i int) string { return fmt.Sprintf("/v1/projects/*/things%d/*:run", i) }

// Request is that of a page that is listed.
func (n Bindings) Request(path BindingPath) *http.Request {
	return &http.Request{
		Method: http.MethodGet, URL: path.URL, Proto: "HTTP/2.0", ProtoMajor: 2, Header: page(n.setup().origin()), Host: host,
	}
}

// Wrap returns a handler behind corsrpc.
func (n Bindings) Wrap(next http.Handler) (http.Handler, error) {
	config, err := n.setup().Config()
	if err != nil {
		return nil, err
	}
	config.REST = corsrpc.RESTGateway
	config.Bindings = map[string][]string{}
	for i := range int(n) {
		method := fmt.Sprintf("acme.bench%d.v1.BenchService.Method%d", i/methods, i%methods)
		config.Bindings[method] = []string{"GET " + n.template(i)}
	}
	policy, err := corsrpc.New(config)
	if err != nil {
		return nil, err
	}
	return policy.Wrap(next), nil
}

// Route returns a handler behind grpc-gateway's router, which unescapes paths with
// mode UnescapingModeAllExceptSlash.
func (n Bindings) Route(next http.Handler) (http.Handler, error) {
	mux := runtime.NewServeMux(runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptSlash))
	for i := range int(n) {
		err := mux.HandlePath(http.MethodGet, n.template(i), func(w http.ResponseWriter, r *http.Request, _ map[string]string) { next.ServeHTTP(w, r) })
		if err != nil {
			return nil, err
		}
	}
	return mux, nil
}
