package corsexport

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// A routeObject is an HTTPRoute of gateway.networking.k8s.io/v1, with the fields
// that the export prints.
type routeObject struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct {
		Name, Namespace string
		Labels          map[string]string
	}
	Spec struct {
		ParentRefs []struct{ Name, Namespace string } `yaml:"parentRefs"`
		Hostnames  []string
		Rules      []modelRule
	}
}

type modelRule struct {
	Matches []struct {
		Path struct{ Type, Value string }
	}
	Filters []struct {
		Type                   string
		CORS                   *modelFilter `yaml:"cors"`
		ResponseHeaderModifier *struct {
			Add []struct{ Name, Value string }
		} `yaml:"responseHeaderModifier"`
	}
	BackendRefs []struct {
		Name string
		Port int
	} `yaml:"backendRefs"`
}

type modelFilter struct {
	AllowOrigins     []string `yaml:"allowOrigins"`
	AllowCredentials bool     `yaml:"allowCredentials"`
	AllowMethods     []string `yaml:"allowMethods"`
	AllowHeaders     []string `yaml:"allowHeaders"`
	ExposeHeaders    []string `yaml:"exposeHeaders"`
	MaxAge           int      `yaml:"maxAge"`
}

func parseRoutes(t testing.TB, export *Export) []routeObject {
	t.Helper()
	require.Len(t, export.Files, 1)
	decoder := yaml.NewDecoder(bytes.NewReader(export.Files[0].Data))
	decoder.KnownFields(true)
	var objects []routeObject
	for {
		var object routeObject
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return objects
		}
		require.NoError(t, err, "%s", export.Files[0].Data)
		for _, rule := range object.Spec.Rules {
			for _, f := range rule.Filters {
				require.True(t, f.CORS == nil || len(f.CORS.AllowOrigins) > 0 && len(f.CORS.AllowMethods) > 0 && len(f.CORS.AllowHeaders) > 0, "what a gateway does without these is not specified")
			}
		}
		objects = append(objects, object)
	}
}

// A modelGateway does what the field documentation of HTTPRoute demands, in
// sigs.k8s.io/gateway-api v1.7.0, apis/v1/httproute_types.go: HTTPRouteRule.Matches
// for precedence, PathMatchType, HTTPCORSFilter and HTTPHeaderFilter. It passes
// requests that no rule matches, as a route for "/" does.
type modelGateway struct {
	objects []routeObject
	proxy   http.Handler
	// refuses and literal choose among what HTTPCORSFilter leaves open: whether
	// the preflight of another origin gets 403, else 200; and whether the
	// response to any origin has "*", else Origin.
	refuses, literal bool
}

func newModelGateway(t testing.TB, export *Export, upstream string) *modelGateway {
	target, err := url.Parse(upstream)
	require.NoError(t, err)
	return &modelGateway{objects: parseRoutes(t, export), proxy: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }}}
}

func (g *modelGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rule := g.match(r)
	if rule == nil {
		g.proxy.ServeHTTP(w, r)
		return
	}
	var cors *modelFilter
	own := http.Header{}
	for _, f := range rule.Filters {
		if f.Type == "CORS" {
			cors = f.CORS
		}
		if f.Type == "ResponseHeaderModifier" {
			for _, line := range f.ResponseHeaderModifier.Add {
				own.Add(line.Name, line.Value)
			}
		}
	}
	origins := r.Header["Origin"]
	if cors != nil && len(origins) == 1 && cors.allows(origins[0]) {
		own.Set(allowOrigin, origins[0])
		if g.literal && cors.AllowOrigins[0] == "*" && !cors.AllowCredentials {
			own.Set(allowOrigin, "*")
		}
		if cors.AllowCredentials {
			own.Set(allowCredentials, "true")
		}
	}
	if isPreflight := r.Method == http.MethodOptions && origins != nil && r.Header["Access-Control-Request-Method"] != nil; cors != nil && isPreflight {
		status := http.StatusOK
		if own.Get(allowOrigin) != "" {
			setList(own, allowMethods, cors.AllowMethods)
			setList(own, allowHeaders, cors.AllowHeaders)
			own.Set(maxAge, strconv.Itoa(cors.MaxAge))
		} else if g.refuses {
			status = http.StatusForbidden
		}
		for name, lines := range own {
			w.Header()[name] = lines
		}
		w.WriteHeader(status)
		return
	}
	if own.Get(allowOrigin) != "" {
		setList(own, exposeHeaders, cors.ExposeHeaders)
	}
	g.proxy.ServeHTTP(&addingWriter{ResponseWriter: w, own: own}, r)
}

func setList(h http.Header, name string, values []string) {
	if len(values) > 0 {
		h.Set(name, strings.Join(values, ", "))
	}
}

// An addingWriter adds headers to a response.
type addingWriter struct {
	http.ResponseWriter
	own http.Header
}

func (w *addingWriter) WriteHeader(status int) {
	for name, lines := range w.own {
		w.Header()[name] = append(w.Header()[name], lines...)
	}
	w.own = nil
	w.ResponseWriter.WriteHeader(status)
}

// match returns the rule of the most specific match: an exact path, then the
// prefix with the largest number of characters; then the first.
func (g *modelGateway) match(r *http.Request) *modelRule {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	host := hostname(r.Host)
	var best *modelRule
	longest := -1
	for i := range g.objects {
		spec := &g.objects[i].Spec
		if len(spec.Hostnames) > 0 && !slices.Contains(spec.Hostnames, host) {
			continue
		}
		for j := range spec.Rules {
			for _, m := range spec.Rules[j].Matches {
				value, score := m.Path.Value, -1
				switch m.Path.Type {
				case "Exact":
					if path == value {
						score = 1 << 20
					}
				case "PathPrefix":
					if bare := strings.TrimSuffix(value, "/"); path == bare || strings.HasPrefix(path, bare+"/") {
						score = len(value)
					}
				}
				if score > longest {
					longest, best = score, &spec.Rules[j]
				}
			}
		}
	}
	return best
}

// allows compares an Origin: scheme, host and port, where 80 and 443 are assumed,
// and a "*" is any number of labels.
func (f *modelFilter) allows(origin string) bool {
	for _, entry := range f.AllowOrigins {
		if entry == "*" {
			return true
		}
		scheme, host, port := splitOrigin(entry)
		gotScheme, gotHost, gotPort := splitOrigin(origin)
		if scheme != gotScheme || port != gotPort {
			continue
		}
		if suffix, wildcard := strings.CutPrefix(host, "*"); host == gotHost || wildcard && strings.HasSuffix(gotHost, suffix) && len(gotHost) > len(suffix) {
			return true
		}
	}
	return false
}

func splitOrigin(o string) (scheme, host, port string) {
	scheme, host, _ = strings.Cut(o, "://")
	host, port, _ = strings.Cut(host, ":")
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	return scheme, host, port
}
