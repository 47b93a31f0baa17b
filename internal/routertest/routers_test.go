package routertest

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/gorilla/mux"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
)

// A mount is a handler and where a router has it: at one path, or, if that ends
// in a slash, at everything below.
type mount struct {
	path    string
	handler http.Handler
}

// A router is one set-up of one router.
type router struct {
	name  string
	route func(*testing.T, []mount) http.Handler
}

// routers are all set-ups.
func routers() []router {
	return []router{
		{"http.ServeMux", func(_ *testing.T, mounts []mount) http.Handler { return serveMux(mounts) }},
		{"http.StripPrefix", stripPrefix},
		{"gin", withGin(func(*gin.Engine) {})},
		{"gin, RemoveExtraSlash, RedirectFixedPath", withGin(func(e *gin.Engine) { e.RemoveExtraSlash, e.RedirectFixedPath = true, true })},
		{"gin, UseRawPath", withGin(func(e *gin.Engine) { e.UseRawPath = true })},
		{"chi", withChi()},
		{"chi, CleanPath", withChi(middleware.CleanPath)},
		{"chi, StripSlashes, Mount", chiMounts},
		{"echo", withEcho},
		{"gorilla/mux", withGorilla(mux.NewRouter)},
		{"gorilla/mux, SkipClean, UseEncodedPath", withGorilla(func() *mux.Router { return mux.NewRouter().SkipClean(true).UseEncodedPath() })},
		{"fiber", withFiber},
		{"proxy to a tolerant server", proxied},
	}
}

func serveMux(mounts []mount) *http.ServeMux {
	m := http.NewServeMux()
	for _, mount := range mounts {
		m.Handle(mount.path, mount.handler)
	}
	return m
}

// stripPrefix serves the same below another path, as a gateway's server does.
func stripPrefix(_ *testing.T, mounts []mount) http.Handler {
	m := serveMux(mounts)
	m.Handle("/api/", http.StripPrefix("/api", serveMux(mounts)))
	return m
}

func withGin(configure func(*gin.Engine)) func(*testing.T, []mount) http.Handler {
	return func(_ *testing.T, mounts []mount) http.Handler {
		gin.SetMode(gin.ReleaseMode)
		engine := gin.New()
		configure(engine)
		for _, m := range mounts {
			engine.Any(wildcard(m.path, "*rest"), gin.WrapH(m.handler))
		}
		return engine
	}
}

func withChi(middlewares ...func(http.Handler) http.Handler) func(*testing.T, []mount) http.Handler {
	return func(_ *testing.T, mounts []mount) http.Handler {
		r := chi.NewRouter()
		r.Use(middlewares...)
		for _, m := range mounts {
			r.Handle(wildcard(m.path, "*"), m.handler)
		}
		return r
	}
}

func chiMounts(_ *testing.T, mounts []mount) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.StripSlashes)
	for _, m := range mounts {
		if strings.HasSuffix(m.path, "/") {
			r.Mount(m.path, m.handler)
		} else {
			r.Handle(m.path, m.handler)
		}
	}
	return r
}

func withEcho(_ *testing.T, mounts []mount) http.Handler {
	e := echo.New()
	for _, m := range mounts {
		e.Any(wildcard(m.path, "*"), echo.WrapHandler(m.handler))
	}
	return e
}

func withGorilla(newRouter func() *mux.Router) func(*testing.T, []mount) http.Handler {
	return func(_ *testing.T, mounts []mount) http.Handler {
		r := newRouter()
		for _, m := range mounts {
			if strings.HasSuffix(m.path, "/") {
				r.PathPrefix(m.path).Handler(m.handler)
			} else {
				r.Handle(m.path, m.handler)
			}
		}
		return r
	}
}

// withFiber ignores case, as fiber does unless told otherwise. It routes what
// its own parser makes of the request line.
func withFiber(_ *testing.T, mounts []mount) http.Handler {
	app := fiber.New(fiber.Config{UnescapePath: true, DisableStartupMessage: true})
	for _, m := range mounts {
		app.All(wildcard(m.path, "*"), adaptor.HTTPHandler(m.handler))
	}
	return adaptor.FiberApp(app)
}

// proxied is httputil.ReverseProxy before a server that takes a path for what
// it means, as servers on case-insensitive file systems and servlet containers
// do.
func proxied(t *testing.T, mounts []mount) http.Handler {
	upstream := httptest.NewServer(tolerant(mounts))
	t.Cleanup(upstream.Close)
	target, err := url.Parse(upstream.URL)
	require.NoError(t, err)
	return &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
}

func tolerant(mounts []mount) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		decoded, err := url.PathUnescape(r.URL.Path)
		if err != nil {
			decoded = r.URL.Path
		}
		segments := strings.Split(strings.ReplaceAll(decoded, `\`, "/"), "/")
		for i := range segments {
			segments[i], _, _ = strings.Cut(segments[i], ";")
		}
		clean := path.Clean("/" + strings.Join(segments, "/"))
		for _, m := range mounts {
			// What it finds, its handler gets to see as it was registered.
			if n := len(m.path); len(clean) >= n && strings.EqualFold(clean[:n], m.path) && (len(clean) == n || m.path[n-1] == '/') {
				r.URL.Path, r.URL.RawPath = m.path+canonical(clean[n:]), ""
				m.handler.ServeHTTP(w, r)
				return
			}
		}
		http.NotFound(w, r)
	})
}

// wildcard returns a pattern of the router for a mount's path.
func wildcard(path, rest string) string {
	if strings.HasSuffix(path, "/") {
		return path + rest
	}
	return path
}
