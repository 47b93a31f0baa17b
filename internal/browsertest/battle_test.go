package browsertest

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/browsers"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// A battle is between pages and a shop. One browser goes from page to page.
type battle struct {
	ctx           context.Context
	engine        *browsers.Engine
	browser       *browsers.Browser
	transport     transport
	identity      *identity // nil without TLS
	guarded, open *target
	pages         *site
	visits        *visits
	current       *Page
	cells         []*cell         // of all pages
	loggedIn      bool            // whether logIn has been called
	protocols     map[string]bool // those of the attacks
}

// A transport is what pages and API are reached over.
type transport struct {
	name string
	tls  bool
}

var transports = []transport{
	{name: "HTTP"},
	{name: "HTTPS", tls: true}, // with HTTP/2
}

// A target is a shop that is attacked.
type target struct {
	*site
	outer, inner *recorder // around and inside of what guards it
}

func newBattle(ctx context.Context, t *testing.T, e *browsers.Engine, over transport) *battle {
	t.Helper()
	b := prepareBattle(ctx, t, e, over)
	policy, err := corsrpc.New(corsrpc.Config{
		Origins: []string{b.pages.origin(shopPage), b.pages.origin(partnerPage)},
		Audiences: map[string][]string{
			"storefront": {b.pages.origin(shopPage)},
			"backoffice": {b.pages.origin(consolePage)},
		},
		MaxAge: -1,
		REST:   corsrpc.RESTNone, // the library, which is linked too, is not served here
	})
	require.NoError(t, err)
	b.guarded = b.newTarget(t, policy.Wrap, attackedShop())
	b.open = b.newTarget(t, permitEverything, attackedShop())
	b.begin(t, b.guarded, b.open)
	return b
}

// prepareBattle returns a battle without targets and without a browser.
func prepareBattle(ctx context.Context, t *testing.T, e *browsers.Engine, over transport) *battle {
	t.Helper()
	b := &battle{ctx: ctx, engine: e, transport: over, visits: &visits{pages: map[string]*Page{}, next: map[int]string{}}, protocols: map[string]bool{}}
	if over.tls {
		b.identity = newIdentity(t)
	}
	b.pages = listen(t, b.identity, shopPage, consolePage, partnerPage, siblingPage, foreignPage)
	b.pages.serve(b.visits)
	return b
}

// begin opens the browser.
func (b *battle) begin(t *testing.T, targets ...*target) {
	t.Helper()
	sites := []*site{b.pages}
	for _, target := range targets {
		sites = append(sites, target.site)
	}
	// A page that the API's cookies cannot be set by.
	first := b.place(b.pages, foreignPage, struct{}{})
	var err error
	b.browser, err = b.engine.Open(b.ctx, b.pages.origin(foreignPage)+"/", browsers.Options{Trust: b.identity.trust(sites...)})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.browser.Close()) })
	b.await(t, first)
}

func (b *battle) row(name string) Result {
	return Result{Suite: SuiteRefusals, Row: name, Engine: b.engine.Name}
}

// from names a check.
func (b *battle) from(page string) string { return "from " + page + " over " + b.transport.name }

func (b *battle) newTarget(t *testing.T, guard func(http.Handler) http.Handler, attacked http.Handler) *target {
	t.Helper()
	target := &target{site: listen(t, b.identity, apiName), outer: newRecorder(), inner: newRecorder()}
	cells := byCell(b.visits.sendOn(target.outer.note(guard(target.inner.note(attacked)))))
	// A ServeMux would redirect paths that are not clean.
	target.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, cellPrefix):
			cells.ServeHTTP(w, r)
		case r.URL.Path == login:
			logIn(w, r)
		default:
			b.visits.ServeHTTP(w, r)
		}
	}))
	return target
}

// attackedShop is the shop with documentation beside the procedures, and with an
// internal method that can be called by GET: idempotency can be declared by the
// server alone.
func attackedShop() http.Handler {
	const internal = "/acme.shop.v1.WarehouseService/ReserveStock"
	mux := http.NewServeMux()
	mux.Handle("/", servers[0].handler())
	mux.Handle(internal, connect.NewUnaryHandler(internal, shop.Warehouse{}.ReserveStock,
		connect.WithIdempotency(connect.IdempotencyNoSideEffects)))
	document := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!doctype html><title>GetProduct</title>")
	}
	mux.HandleFunc(documentation, document)
	mux.HandleFunc(about, document)
	return mux
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

// The API's cookies. The first two are set by pages of its site, for all of the site.
// The last one is for pages of other sites: logIn sets it.
const (
	laxCookie      = "session=ada"
	strictCookie   = "strict=ada"
	embeddedCookie = "embedded=ada"
)

const login = "/login"

// logIn sets a cookie that pages of other sites send too. In Chromium (because of
// Partitioned) and in Firefox (Total Cookie Protection) those pages have to log in
// themselves; in WebKitGTK it is enough that a page of the API's origin has.
func logIn(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Set-Cookie", embeddedCookie+"; Path=/; SameSite=None; Secure; Partitioned")
}

// keeps reports whether the browser keeps the cookie that logIn sets.
func (b *battle) keeps() bool {
	// WebKitGTK keeps no Secure cookies of plain HTTP, not those of localhost either.
	return b.engine != browsers.WebKit || b.transport.tls
}

// Visits are the pages that there are for the browser, and where it goes from the
// responses that it is navigated to.
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

// sendOn adds to a response where to go from it.
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
	page := NewPage(job,
		&http.Cookie{Name: "session", Value: "ada", Path: "/", Domain: "shop.localhost", SameSite: http.SameSiteLaxMode},
		&http.Cookie{Name: "strict", Value: "ada", Path: "/", Domain: "shop.localhost", SameSite: http.SameSiteStrictMode})
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

// visit lets the browser go on to a page.
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

// An attempt is an attack on the guarded shop and on the open one.
type attempt struct {
	attack
	guarded, open *cell
	learnt        string // what the script learns of the guarded shop's response
}

// attempts returns those attacks that the engine can make, and what the page is to
// do for them. The others are left out of the matrix.
func (b *battle) attempts(attacks []attack, title func(*attack) string) (made []attempt, jobs []any) {
	for _, a := range attacks {
		if a.engines != nil && !slices.Contains(a.engines, b.engine) {
			matrix.LeaveOut(b.row(title(&a)))
			continue
		}
		one := attempt{attack: a, guarded: b.newCell(cell{}), open: b.newCell(cell{})}
		made = append(made, one)
		jobs = append(jobs, b.guarded.job(&a, one.guarded), b.open.job(&a, one.open))
	}
	return made, jobs
}

// missing returns what a page is to do for the attempts that have not arrived.
func (b *battle) missing(made []attempt) (jobs []any) {
	for _, a := range made {
		for target, c := range b.cellsOf(&a) {
			if len(target.outer.of(c.id)) == 0 {
				jobs = append(jobs, target.job(&a.attack, c))
			}
		}
	}
	return jobs
}

// awaitAll waits until all attempts have arrived, but not for longer than that.
func (b *battle) awaitAll(made []attempt, atMost time.Duration) {
	ctx, cancel := context.WithTimeout(b.ctx, atMost)
	defer cancel()
	for _, a := range made {
		for target, c := range b.cellsOf(&a) {
			target.outer.wait(ctx, c.id)
		}
	}
}

// cellsOf returns the cells of an attempt by what is attacked.
func (b *battle) cellsOf(a *attempt) map[*target]*cell {
	return map[*target]*cell{b.guarded: a.guarded, b.open: a.open}
}

// learn notes what scripts have learnt.
func learn(t *testing.T, made []attempt, learnt []string) {
	t.Helper()
	require.Len(t, learnt, 2*len(made))
	for i := range made {
		made[i].learnt = learnt[2*i]
	}
}

// job is the attack as the page has it.
func (target *target) job(a *attack, c *cell) map[string]string {
	return map[string]string{"how": a.how, "url": target.url(c, a.path)}
}

func (target *target) url(c *cell, path string) string {
	return fmt.Sprint(target.origin(apiName), cellPrefix, c.id, cmp.Or(path, connectGet))
}

// navigate lets the whole page go to the API by a link, whose response sends it back.
func (b *battle) navigate(t *testing.T, page string, target *target, c *cell, path string) {
	t.Helper()
	b.visits.mu.Lock()
	b.visits.next[c.id] = b.pages.origin(page) + "/"
	b.visits.mu.Unlock()
	back := b.place(b.pages, page, struct{}{})
	b.current.GoOn(target.url(c, path))
	b.await(t, back)
}

// arrivals returns the requests of a cell as soon as one has a response. One that never
// arrives does not keep the browser from what comes after it.
func (b *battle) arrivals(at *target, c *cell) []exchange {
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	return at.outer.wait(ctx, c.id)
}

// checkReaches checks that an attack reaches the handler of the open shop.
func (b *battle) checkReaches(t *testing.T, a *attempt) {
	t.Helper()
	arrived := b.arrivals(b.open, a.open)
	require.NotEmpty(t, arrived, "the attack does not reach the server without Wrap")
	assert.NotEmpty(t, b.open.inner.of(a.open.id), "the attack does not reach the handler without Wrap")
	if a.method == http.MethodGet && !a.preflighted {
		assert.Equal(t, http.StatusOK, arrived[0].status, "the procedure does not run without Wrap")
	}
}

// checkRefused checks that an attack was one, and that Wrap refused it.
func (b *battle) checkRefused(t *testing.T, page string, a *attempt) {
	t.Helper()
	b.checkReaches(t, a)
	refused := b.arrivals(b.guarded, a.guarded)
	require.NotEmpty(t, refused, "the attack does not reach Wrap")
	assert.Empty(t, b.guarded.inner.of(a.guarded.id), "the handler ran")
	for _, e := range refused {
		assert.Equal(t, http.StatusForbidden, e.status)
		b.checkSent(t, page, &a.attack, e)
	}
	b.checkLearnt(t, a)
}

// checkLearnt checks what a script learns of the guarded shop's response.
func (b *battle) checkLearnt(t *testing.T, a *attempt) {
	t.Helper()
	switch a.script {
	case "":
	case blockedFetch:
		assert.Equal(t, "TypeError: "+withheldAnswer(b.engine).blocked, a.learnt)
	default:
		assert.Equal(t, a.script, a.learnt)
	}
}

// checkSent checks that a request is the one that the attack consists of.
func (b *battle) checkSent(t *testing.T, page string, a *attack, e exchange) {
	t.Helper()
	if a.preflighted {
		assert.Equal(t, http.MethodOptions, e.method)
		assert.Equal(t, a.method, e.header.Get("Access-Control-Request-Method"))
	} else {
		assert.Equal(t, a.method, e.method)
	}
	switch {
	case !b.transport.tls || a.mode == "websocket":
		assert.Equal(t, "HTTP/1.1", e.proto)
	case b.engine != browsers.WebKit:
		assert.Equal(t, "HTTP/2.0", e.proto)
	default:
		// WebKitGTK opens a few connections for HTTP/1.1.
		assert.Contains(t, []string{"HTTP/2.0", "HTTP/1.1"}, e.proto)
	}
	b.protocols[e.proto] = true
	if b.engine == browsers.Chromium && a.mode == "websocket" {
		assert.NotContains(t, e.header, "Sec-Fetch-Site", "Chromium marks WebSockets now")
	} else {
		assert.Equal(t, []string{a.siteFrom(page)}, e.header["Sec-Fetch-Site"])
		assert.Equal(t, []string{a.mode}, e.header["Sec-Fetch-Mode"])
	}
	assert.Equal(t, a.purpose, e.header.Get("Sec-Purpose"))
	switch a.origin {
	case "":
		assert.NotContains(t, e.header, "Origin")
	case "page":
		assert.Equal(t, []string{b.pages.origin(page)}, e.header["Origin"])
	default:
		assert.Equal(t, []string{a.origin}, e.header["Origin"])
	}
	assert.ElementsMatch(t, b.cookiesFrom(page, a), cookiesIn(e))
}

// siteFrom returns Sec-Fetch-Site.
func (a *attack) siteFrom(page string) string {
	switch {
	case a.site != "":
		return a.site
	case page == apiName:
		return "same-origin"
	case ofTheSite(page) && a.origin != "null":
		return "same-site"
	default:
		return "cross-site"
	}
}

// ofTheSite reports whether a page is of the API's site.
func ofTheSite(page string) bool { return strings.HasSuffix(page, ".shop.localhost") }

// cookiesFrom returns the API's cookies that an attack carries.
func (b *battle) cookiesFrom(page string, a *attack) []string {
	switch {
	case !a.cookie || a.preflighted:
		return nil
	case ofTheSite(page) && b.loggedIn && b.keeps():
		return []string{laxCookie, strictCookie, embeddedCookie}
	case ofTheSite(page):
		return []string{laxCookie, strictCookie}
	case a.how == navigation.how:
		return []string{laxCookie}
	case page == partnerPage && b.loggedIn && b.keeps():
		return []string{embeddedCookie}
	default:
		return nil
	}
}

// cookiesIn returns what a request has in Cookie.
func cookiesIn(e exchange) []string {
	if value := e.header.Get("Cookie"); value != "" {
		return strings.Split(value, "; ")
	}
	return nil
}
