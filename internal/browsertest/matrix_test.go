package browsertest

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

func TestMatrix(t *testing.T) {
	browsers.ForEach(t, func(ctx context.Context, t *testing.T, e *browsers.Engine) {
		for _, served := range servers {
			for _, s := range served.settings {
				t.Run(served.name+"/"+s.name, func(t *testing.T) {
					var cells []*cell
					for _, c := range served.clients {
						for _, k := range served.callsOf(s, c) {
							cells = append(cells, &cell{id: len(cells), client: c, call: k})
						}
					}
					run := runCells(ctx, t, e, served, s, cells)
					for _, c := range cells {
						row := Result{Suite: SuiteCalls, Row: c.title, Server: served.name, Setting: s.title, Engine: e.Name}
						check(t, row, c.call.name, func(t *testing.T) {
							assert.Equal(t, run.expect(c), run.got[c.id])
							// A client that keeps time may give up before anything arrives.
							if c.deadline != missedDeadline || !c.keepsTime {
								run.checkExchanges(t, c)
							}
						})
					}
				})
			}
		}
	})
}

// A run is what came of the cells.
type run struct {
	engine       *browsers.Engine
	server       *server
	setting      *setting
	page, base   string // the origins of the page and of the server
	got          map[int]seen
	outer, inner *recorder // around Wrap, and inside of it
}

// runCells lets the browser make the calls, from a page, to the shop behind Wrap.
func runCells(ctx context.Context, t *testing.T, e *browsers.Engine, served *server, s *setting, cells []*cell) *run {
	t.Helper()
	r := &run{engine: e, server: served, setting: s, got: map[int]seen{}, outer: newRecorder(), inner: newRecorder()}
	var id *identity
	if s.tls {
		id = newIdentity(t)
	}

	pageSite := listen(t, id, s.page)
	r.page = pageSite.origin(s.page)
	sites, base := []*site{pageSite}, r.page
	if !s.sameOrigin() {
		apiSite := listen(t, id, s.api)
		sites, base = append(sites, apiSite), apiSite.origin(s.api)
	}
	resolve := func(entries []string) []string {
		origins := make([]string, len(entries))
		for i, entry := range entries {
			origins[i] = strings.NewReplacer("{page}", r.page, "{port}", pageSite.port).Replace(entry)
		}
		return origins
	}
	origins := resolve(s.origins)
	r.base = base
	policy, err := corsrpc.New(corsrpc.Config{
		Origins:     origins,
		Credentials: s.credentials == "include",
		Audiences:   map[string][]string{"storefront": origins, "backoffice": {}},
		ExplainTo:   resolve(s.explainTo),
		// No browser is to answer a preflight from its cache: what they keep, and
		// for how long, differs.
		MaxAge: -1,
		REST:   corsrpc.RESTNone, // the library, which is linked too, is not served here
	})
	require.NoError(t, err)
	shop := r.inner.note(authenticate(s.cookie, served.handler()))
	wrapped := policy.Wrap(shop)
	if s.wrap != nil {
		wrapped = s.wrap(r.page, shop)
	}
	job := make([]map[string]any, len(cells))
	for i, c := range cells {
		job[i] = c.job(base, s)
	}
	page := NewPage(map[string]any{"calls": job}, &http.Cookie{
		Name: "session", Value: "ada", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.Handle(cellPrefix, byCell(r.outer.note(inCells(cells, wrapped))))
	for _, site := range sites {
		site.serve(mux)
	}
	b, err := e.Open(ctx, r.page+"/", browsers.Options{Trust: id.trust(sites...)})
	require.NoError(t, err)
	defer func() { assert.NoError(t, b.Close()) }()
	var report jobReport
	err = page.Report(b, &report)
	if served.throws != "" {
		require.ErrorContains(t, err, served.throws)
		return r
	}
	require.NoError(t, err, "%s", b.Output())
	for _, c := range report.Calls {
		r.got[c.ID] = c.Seen.canonical(t, cells[c.ID].call)
	}
	require.Len(t, r.got, len(cells), "the page did not report of every call")
	return r
}

// expect returns what the page is to see.
func (r *run) expect(c *cell) seen {
	a := r.server.answer(c.client, c.call)
	if c.unpermitted && c.plain != nil {
		a = withheldAnswer(r.engine)
	}
	return c.expect(r.engine, r.setting, a)
}

// checkExchanges compares what passed between the browser and the handler with
// what the client is known to send.
func (r *run) checkExchanges(t *testing.T, c *cell) {
	t.Helper()
	outer, inner := r.outer.of(c.id), r.inner.of(c.id)
	method := http.MethodPost
	if c.get && c.viaGet() {
		method = http.MethodGet
	}
	if requested := c.preflights(c.call); requested != "" && !r.setting.sameOrigin() {
		if !assert.NotEmpty(t, outer) {
			return
		}
		preflight := outer[0]
		outer = outer[1:]
		assert.Equal(t, http.MethodOptions, preflight.method)
		assert.Equal(t, http.StatusNoContent, preflight.status)
		assert.Equal(t, []string{r.page}, preflight.header["Origin"])
		assert.Equal(t, []string{method}, preflight.header["Access-Control-Request-Method"])
		assert.Equal(t, []string{requested}, preflight.header["Access-Control-Request-Headers"])
		assert.NotContains(t, preflight.header, "Cookie")
		assert.NotContains(t, preflight.header, "Authorization")
	}
	if !assert.Len(t, outer, 1, "calls that arrived") || !assert.Len(t, inner, 1, "calls that the handler got") {
		return
	}
	sent := outer[0]
	assert.Equal(t, method, sent.method)
	assert.Equal(t, method, inner[0].method)
	proto := "HTTP/1.1"
	if r.setting.tls {
		proto = "HTTP/2.0"
	}
	assert.Equal(t, proto, sent.proto)
	assert.Equal(t, "/"+c.fullName(c.procedure), sent.path)
	if r.setting.sameOrigin() {
		assert.Equal(t, []string{"same-origin"}, sent.header["Sec-Fetch-Site"])
	} else {
		assert.Equal(t, []string{r.page}, sent.header["Origin"])
	}
	if r.setting.cookie {
		assert.Equal(t, []string{sessionCookie}, sent.header["Cookie"])
	} else {
		assert.NotContains(t, sent.header, "Cookie")
	}
	for name, value := range c.metadata {
		assert.Equal(t, value, sent.header.Get(name), name)
	}
	if c.deadline == farDeadline {
		// Google's client sends what is left of it.
		assert.Regexp(t, `^(60000|59\d{3})m?$`, sent.header.Get(c.timeout))
	}
}
