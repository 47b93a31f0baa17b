package browsertest

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// What a page may not do is not done: the handler does not run, whatever the page
// learns. That the same attacks reach a shop without Wrap shows that they are
// attacks.
func TestRefusals(t *testing.T) {
	forEachEngine(t, func(ctx context.Context, t *testing.T, e *Engine) {
		b := newBattle(ctx, t, e)
		for _, name := range []string{siblingPage, foreignPage} {
			t.Run("from "+name, func(t *testing.T) { b.attackFrom(t, name) })
		}
		t.Run("from the storefront", func(t *testing.T) { b.callFrom(t, shopPage, reportProduct, setPrice) })
		t.Run("from the back office", func(t *testing.T) { b.callFrom(t, consolePage, setPrice, reportProduct) })
		t.Run("from the API's own origin", b.callFromOwnOrigin)
	})
}

// A battle is between pages and a shop. One browser goes from page to page.
type battle struct {
	ctx           context.Context
	engine        *Engine
	browser       *Browser
	guarded, open *target
	pages         *site
	visits        *visits
	current       *Page
	cells         []*cell // of all pages
}

// A target is a shop that is attacked.
type target struct {
	*site
	outer, inner *recorder // around and inside of what guards it
}

func newBattle(ctx context.Context, t *testing.T, e *Engine) *battle {
	t.Helper()
	b := &battle{ctx: ctx, engine: e, visits: &visits{pages: map[string]*Page{}, next: map[int]string{}}}
	b.pages = listen(t, nil, shopPage, consolePage, siblingPage, foreignPage)
	b.pages.serve(b.visits)
	policy, err := corsrpc.New(corsrpc.Config{
		Origins: []string{b.pages.origin(shopPage)},
		Audiences: map[string][]string{
			"storefront": {b.pages.origin(shopPage)},
			"backoffice": {b.pages.origin(consolePage)},
		},
		MaxAge: -1,
	})
	require.NoError(t, err)
	b.guarded = b.newTarget(t, policy.Wrap)
	b.open = b.newTarget(t, permitEverything)

	first := b.place(b.pages, siblingPage, struct{}{})
	b.browser, err = e.Open(ctx, b.pages.origin(siblingPage)+"/", nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.browser.Close()) })
	b.await(t, first)
	return b
}

func (b *battle) row(name string) Result {
	return Result{Suite: SuiteRefusals, Row: name, Engine: b.engine.Name}
}

func (b *battle) newTarget(t *testing.T, guard func(http.Handler) http.Handler) *target {
	t.Helper()
	target := &target{site: listen(t, nil, apiName), outer: newRecorder(), inner: newRecorder()}
	mux := http.NewServeMux()
	mux.Handle(cellPrefix, byCell(b.visits.sendOn(target.outer.note(guard(target.inner.note(slowShop()))))))
	mux.Handle("/", b.visits)
	target.serve(mux)
	return target
}

// permitEverything is what Wrap is compared with: a server that lets every page do
// what it likes, as far as that is a matter of CORS.
func permitEverything(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin != "" {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Set("Access-Control-Allow-Credentials", "true")
			if r.Method == http.MethodOptions {
				w.Header().Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// Visits are the pages that there are for the browser, and where it goes from the
// answers that it is navigated to.
type visits struct {
	mu    sync.Mutex
	pages map[string]*Page // by host
	next  map[int]string   // by cell
}

func (v *visits) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	page := v.pages[r.Host]
	v.mu.Unlock()
	if page == nil {
		http.NotFound(w, r)
		return
	}
	page.ServeHTTP(w, r)
}

// sendOn adds to an answer where to go from it.
func (v *visits) sendOn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		to := v.next[cellOf(r)]
		v.mu.Unlock()
		if to != "" {
			w.Header().Set("Refresh", "0; url="+to)
		}
		next.ServeHTTP(w, r)
	})
}

// place puts a page with a job where the browser will find it.
func (b *battle) place(at *site, name string, job any) *Page {
	page := NewPage(job, &http.Cookie{Name: "session", Value: "ada", Path: "/", Domain: "shop.localhost", SameSite: http.SameSiteLaxMode})
	b.visits.mu.Lock()
	defer b.visits.mu.Unlock()
	b.visits.pages[at.host(name)] = page
	return page
}

// await waits for what a page reports.
func (b *battle) await(t *testing.T, page *Page) (report jobReport) {
	t.Helper()
	b.current = page
	require.NoError(t, page.Report(b.browser, &report))
	return report
}

// visit has the browser go on to a page.
func (b *battle) visit(t *testing.T, at *site, name string, job any) jobReport {
	t.Helper()
	page := b.place(at, name, job)
	b.current.GoOn(at.origin(name) + "/")
	report := b.await(t, page)
	// The page reports them as they end, the matrix has them as they are told.
	slices.SortFunc(report.Calls, func(a, b reportedCall) int { return cmp.Compare(a.ID, b.ID) })
	return report
}

// newCell returns a cell with a number of its own.
func (b *battle) newCell(c cell) *cell {
	c.id = len(b.cells)
	b.cells = append(b.cells, &c)
	return &c
}

// A Connect GET of the shop's, and the URL of a form.
const connectGet = "/acme.shop.v1.CatalogService/GetProduct?connect=v1&encoding=json&message=%7B%22productId%22%3A%22teapot%22%7D"

func (target *target) url(c *cell) string {
	return fmt.Sprint(target.origin(apiName), cellPrefix, c.id, connectGet)
}

// attackFrom attacks with a page that no list has.
func (b *battle) attackFrom(t *testing.T, page string) {
	type pair struct{ guarded, open *cell }
	var (
		attackJobs, callJobs []any
		cells                = make([]pair, len(attacks))
		calls                []*cell
	)
	for i, a := range attacks {
		cells[i] = pair{b.newCell(cell{}), b.newCell(cell{})}
		attackJobs = append(attackJobs,
			map[string]string{"how": a.how, "url": b.guarded.url(cells[i].guarded)},
			map[string]string{"how": a.how, "url": b.open.url(cells[i].open)})
	}
	foreign := &setting{credentials: "omit"}
	for _, c := range fromAnywhere() {
		calls = append(calls, b.newCell(c))
		callJobs = append(callJobs, calls[len(calls)-1].job(b.guarded.origin(apiName), foreign))
	}
	report := b.visit(t, b.pages, page, map[string]any{"attacks": attackJobs, "calls": callJobs})

	require.Len(t, report.Attacks, 2*len(attacks))
	for i, a := range attacks {
		check(t, b.row(a.how), "from "+page, func(t *testing.T) {
			b.checkAttack(t, page, a, cells[i].guarded, cells[i].open)
			switch learnt := report.Attacks[2*i]; a.script {
			case "":
			case blockedFetch:
				assert.Equal(t, "TypeError: "+withheldAnswer(b.engine).blocked, learnt)
			default:
				assert.Equal(t, a.script, learnt)
			}
		})
	}

	// From each navigation the browser comes back to the page.
	check(t, b.row(navigation.how), "from "+page, func(t *testing.T) {
		guarded, open := b.newCell(cell{}), b.newCell(cell{})
		b.navigate(t, page, b.guarded, guarded)
		b.navigate(t, page, b.open, open)
		b.checkAttack(t, page, navigation, guarded, open)
	})

	require.Len(t, report.Calls, len(calls))
	for _, c := range report.Calls {
		cell := b.cells[c.ID]
		check(t, b.row("call by "+cell.client.title), "from "+page, func(t *testing.T) {
			assert.Equal(t, cell.expect(b.engine, foreign, withheldAnswer(b.engine)), c.Seen.canonical(t, cell.call))
			b.checkRefused(t, cell, page)
		})
	}
}

// navigate has the whole page go to a Connect GET, whose answer sends it back.
func (b *battle) navigate(t *testing.T, page string, target *target, c *cell) {
	t.Helper()
	b.visits.mu.Lock()
	b.visits.next[c.id] = b.pages.origin(page) + "/"
	b.visits.mu.Unlock()
	back := b.place(b.pages, page, struct{}{})
	b.current.GoOn(target.url(c))
	b.await(t, back)
}

// checkAttack checks that an attack was one, and that Wrap refused it.
func (b *battle) checkAttack(t *testing.T, page string, a attack, guarded, open *cell) {
	t.Helper()
	arrived := b.open.outer.wait(b.ctx, open.id)
	require.NotEmpty(t, arrived, "the attack does not reach the server without Wrap")
	assert.NotEmpty(t, b.open.inner.of(open.id), "the attack does not reach the handler without Wrap")
	if a.method == http.MethodGet && !a.preflighted {
		assert.Equal(t, http.StatusOK, arrived[0].status, "the procedure does not run without Wrap")
	}

	refused := b.guarded.outer.wait(b.ctx, guarded.id)
	require.NotEmpty(t, refused, "the attack does not reach Wrap")
	assert.Empty(t, b.guarded.inner.of(guarded.id), "the handler ran")
	for _, e := range refused {
		assert.Equal(t, http.StatusForbidden, e.status)
		if a.preflighted {
			assert.Equal(t, http.MethodOptions, e.method)
			assert.Equal(t, a.method, e.header.Get("Access-Control-Request-Method"))
		} else {
			assert.Equal(t, a.method, e.method)
		}
		site := "cross-site"
		if page == siblingPage {
			site = "same-site"
		}
		if a.origin == "null" {
			site = "cross-site"
		}
		if b.engine == chromium && a.how == "WebSocket" {
			assert.NotContains(t, e.header, "Sec-Fetch-Site", "Chromium marks WebSockets now")
		} else {
			assert.Equal(t, []string{site}, e.header["Sec-Fetch-Site"])
			assert.Equal(t, []string{a.mode}, e.header["Sec-Fetch-Mode"])
		}
		switch a.origin {
		case "":
			assert.NotContains(t, e.header, "Origin")
		case "page":
			assert.Equal(t, []string{b.pages.origin(page)}, e.header["Origin"])
		default:
			assert.Equal(t, []string{a.origin}, e.header["Origin"])
		}
		// The cookie is Lax: it comes with a navigation from anywhere.
		if a.cookie && (page == siblingPage || a.how == navigation.how) {
			assert.Equal(t, []string{sessionCookie}, e.header["Cookie"])
		} else {
			assert.NotContains(t, e.header, "Cookie")
		}
	}
}

// checkRefused checks that a call by a client came as far as Wrap, and no further.
func (b *battle) checkRefused(t *testing.T, c *cell, page string) {
	t.Helper()
	refused := b.guarded.outer.of(c.id)
	if !assert.Len(t, refused, 1, "requests that arrived") {
		return
	}
	assert.Equal(t, http.StatusForbidden, refused[0].status)
	assert.Equal(t, []string{b.pages.origin(page)}, refused[0].header["Origin"])
	method := http.MethodOptions
	switch {
	case c.get && c.viaGet():
		method = http.MethodGet
	case c.client == googleWithoutPreflight:
		method = http.MethodPost
	}
	assert.Equal(t, method, refused[0].method)
	assert.Empty(t, b.guarded.inner.of(c.id), "the handler ran")
}

// callFrom makes calls from a page that may make one of them, with each client.
func (b *battle) callFrom(t *testing.T, page string, allowed *call, refused ...*call) {
	refused = append(refused, purgeCarts, reserveStock, unknownMethod)
	crossOrigin := &setting{page: page, api: apiName, credentials: "omit"}
	var jobs []any
	add := func(c *client, k *call) {
		jobs = append(jobs, b.newCell(cell{client: c, call: k}).job(b.guarded.origin(apiName), crossOrigin))
	}
	for _, c := range clients {
		add(c, allowed)
		if !c.unsupported {
			for _, k := range refused {
				add(c, k)
			}
		}
	}
	add(googleWithoutPreflight, allowed)
	add(googleWithoutPreflight, purgeCarts)

	report := b.visit(t, b.pages, page, map[string]any{"calls": jobs})
	require.Len(t, report.Calls, len(jobs))
	for _, c := range report.Calls {
		cell := b.cells[c.ID]
		check(t, b.row(cell.call.name), "from "+page+" by "+cell.client.title, func(t *testing.T) {
			if cell.call != allowed {
				assert.Equal(t, cell.expect(b.engine, crossOrigin, withheldAnswer(b.engine)), c.Seen.canonical(t, cell.call))
				b.checkRefused(t, cell, page)
				return
			}
			// Without a preflight it is a form for all that connect-go knows.
			assert.Equal(t, cell.expect(b.engine, crossOrigin, answerOf(cell.client, cell.call)), c.Seen.canonical(t, cell.call))
			assert.Len(t, b.guarded.inner.of(cell.id), 1, "calls that the handler got")
		})
	}
}

// callFromOwnOrigin makes calls from a page of the API's own origin, which may make
// all of them but the internal ones.
func (b *battle) callFromOwnOrigin(t *testing.T) {
	sameOrigin := &setting{page: apiName, credentials: "omit"}
	refusal := answer{
		status: http.StatusForbidden,
		header: fields(
			"content-type", "text/plain; charset=utf-8",
			"content-length", aLength,
			"cache-control", "no-store",
			"x-content-type-options", "nosniff"),
		text: "corsrpc: internal method\n",
	}
	var jobs []any
	for _, c := range clients {
		for _, k := range []*call{setPrice, reportProduct, purgeCarts, reserveStock, unknownMethod} {
			jobs = append(jobs, b.newCell(cell{client: c, call: k}).job(b.guarded.origin(apiName), sameOrigin))
		}
	}
	report := b.visit(t, b.guarded.site, apiName, map[string]any{"calls": jobs})
	require.Len(t, report.Calls, len(jobs))
	for _, c := range report.Calls {
		cell := b.cells[c.ID]
		check(t, b.row(cell.call.name), "from its own origin by "+cell.client.title, func(t *testing.T) {
			want, calls := answerOf(cell.client, cell.call), 1
			switch cell.call {
			case purgeCarts, reserveStock, unknownMethod:
				want, calls = refusal, 0
			}
			assert.Equal(t, cell.expect(b.engine, sameOrigin, want), c.Seen.canonical(t, cell.call))
			assert.Len(t, b.guarded.outer.of(cell.id), 1, "requests that arrived")
			assert.Len(t, b.guarded.inner.of(cell.id), calls, "calls that the handler got")
		})
	}
}
