package browsertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
	"github.com/corsrpc/corsrpc-go/internal/proxies/edges"
)

// What Wrap refuses to pages is refused by proxies that have the policy, before the
// shop behind them.
func TestEdgesRefuse(t *testing.T) {
	installed := edges.Installed(t)
	browsers.ForEach(t, func(ctx context.Context, t *testing.T, e *browsers.Engine) {
		b := newEdgeBattle(ctx, t, e, installed)
		// First, while the user has no cookies of the API, which the next pages set.
		b.prefetch(t, foreignPage)
		b.call(t, shopPage, callsOfBoth(), reportProduct)
		b.call(t, consolePage, callsOfBoth(), setPrice)
		b.call(t, foreignPage, fromAnywhere(), nil)
		b.attack(t, foreignPage, attacks, func(t *testing.T, a *attempt) { b.checkRefused(t, foreignPage, a) })
		b.onEach(t, "navigation", func(t *testing.T, _ string) {
			a := attempt{attack: navigation, guarded: b.newCell(cell{}), open: b.newCell(cell{})}
			b.navigate(t, foreignPage, b.guarded, a.guarded, connectGet)
			b.navigate(t, foreignPage, b.open, a.open, connectGet)
			b.checkRefused(t, foreignPage, &a)
		})
		b.attack(t, shopPage, credentialed, func(t *testing.T, a *attempt) { b.checkCookiesRefused(t, shopPage, a) })
	})
}

// An edgeBattle is a battle with several guarded shops, which are all attacked by
// the same pages. While one is checked, it is the battle's guarded one.
type edgeBattle struct {
	*battle
	edges map[string]*target
}

func newEdgeBattle(ctx context.Context, t *testing.T, e *browsers.Engine, installed []edges.Edge) *edgeBattle {
	t.Helper()
	b := &edgeBattle{prepareBattle(ctx, t, e, transports[0]), map[string]*target{}}
	policy := edges.Policy{
		Image: "../../corsrpc/corscaddy/testdata/shop.binpb",
		Text: strings.NewReplacer("SHOP", b.pages.origin(shopPage), "PARTNER", b.pages.origin(partnerPage), "CONSOLE", b.pages.origin(consolePage)).Replace(`
origins: [SHOP, PARTNER]
audiences:
  storefront: [SHOP]
  backoffice: [CONSOLE]
`),
	}
	b.open = b.newTarget(t, permitEverything, attackedShop())
	all := []*target{b.open}
	for _, edge := range installed {
		target := b.newTarget(t, func(shop http.Handler) http.Handler { return behind(t, edge, policy, shop) }, attackedShop())
		b.edges[edge.Name] = target
		all = append(all, target)
	}
	b.begin(t, all...)
	return b
}

// cellHeader carries the cell through a proxy.
const cellHeader = "X-Cell"

// behind returns a handler that sends requests to a proxy, as they are, in front of
// a handler.
func behind(t *testing.T, edge edges.Edge, policy edges.Policy, next http.Handler) http.Handler {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := strconv.Atoi(r.Header.Get(cellHeader))
		if !assert.NoError(t, err) {
			return
		}
		r.Header.Del(cellHeader)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), cellKey{}, id)))
	}))
	t.Cleanup(func() {
		upstream.CloseClientConnections()
		upstream.Close()
	})
	address, err := url.Parse(edge.Start(t, policy, upstream.URL))
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = address.Scheme, address.Host
		r.Out.Header.Set(cellHeader, strconv.Itoa(cellOf(r.In)))
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Otherwise net/http closes the request's body when the response begins. The
		// transport still looks for the end of the body then, takes that for an error,
		// and closes the connection before it has read the whole response.
		assert.NoError(t, http.NewResponseController(w).EnableFullDuplex())
		proxy.ServeHTTP(w, r)
	})
}

// onEach runs a subtest for each edge, which is the guarded one meanwhile.
func (b *edgeBattle) onEach(t *testing.T, title string, test func(t *testing.T, name string)) {
	t.Run(title, func(t *testing.T) {
		for name, target := range b.edges {
			b.guarded = target
			t.Run(name, func(t *testing.T) { test(t, name) })
		}
	})
}

// attempts returns the attempts on each edge, and what the page is to do for them. An
// attack is made once on the open shop.
func (b *edgeBattle) attempts(attacks []attack) (made map[string][]*attempt, jobs []any, of []*attempt) {
	made = map[string][]*attempt{}
	for _, a := range attacks {
		if a.engines != nil && !slices.Contains(a.engines, b.engine) {
			continue
		}
		open := b.newCell(cell{})
		jobs, of = append(jobs, b.open.job(&a, open)), append(of, new(attempt))
		for name, target := range b.edges {
			one := &attempt{attack: a, guarded: b.newCell(cell{}), open: open}
			made[name] = append(made[name], one)
			jobs, of = append(jobs, target.job(&a, one.guarded)), append(of, one)
		}
	}
	return made, jobs, of
}

// attack attacks all edges from a page.
func (b *edgeBattle) attack(t *testing.T, page string, attacks []attack, check func(*testing.T, *attempt)) {
	t.Helper()
	made, jobs, of := b.attempts(attacks)
	report := b.visit(t, b.pages, page, map[string]any{"attacks": jobs})
	require.Len(t, report.Attacks, len(of))
	for i, learnt := range report.Attacks {
		of[i].learnt = learnt
	}
	b.onEach(t, "attacks from "+page, func(t *testing.T, name string) {
		for _, a := range made[name] {
			t.Run(a.title(), func(t *testing.T) { check(t, a) })
		}
	})
}

// prefetch is attack with what the page makes the browser request ahead, some of
// which Chromium loses: see prefetchFrom.
func (b *edgeBattle) prefetch(t *testing.T, page string) {
	made, _, _ := b.attempts(prefetches)
	for range 5 {
		var jobs []any
		asked := map[int]bool{} // cells of the open shop
		for name, all := range made {
			for _, a := range all {
				if len(b.edges[name].outer.of(a.guarded.id)) == 0 {
					jobs = append(jobs, b.edges[name].job(&a.attack, a.guarded))
				}
				if !asked[a.open.id] && len(b.open.outer.of(a.open.id)) == 0 {
					asked[a.open.id] = true
					jobs = append(jobs, b.open.job(&a.attack, a.open))
				}
			}
		}
		if len(jobs) == 0 {
			break
		}
		b.visit(t, b.pages, page, map[string]any{"attacks": jobs})
		for name, target := range b.edges {
			b.guarded = target
			attempts := make([]attempt, len(made[name]))
			for i, a := range made[name] {
				attempts[i] = *a
			}
			b.awaitAll(attempts, 2*time.Second)
		}
	}
	b.onEach(t, "prefetches from "+page, func(t *testing.T, name string) {
		for _, a := range made[name] {
			t.Run(a.title(), func(t *testing.T) { b.checkRefused(t, page, a) })
		}
	})
}

// checkCookiesRefused checks an attempt with the user's cookies, by a page that is
// listed without Credentials.
func (b *edgeBattle) checkCookiesRefused(t *testing.T, page string, a *attempt) {
	b.checkReaches(t, a)
	arrived := b.arrivals(b.guarded, a.guarded)
	require.Len(t, arrived, 1, "requests that arrived")
	b.checkSent(t, page, &a.attack, arrived[0])
	b.checkLearnt(t, a)
	status := http.StatusForbidden
	if a.preflighted {
		status = http.StatusNoContent // and the browser goes no further
	}
	assert.Equal(t, status, arrived[0].status)
	assert.Empty(t, b.guarded.inner.of(a.guarded.id), "the handler ran")
}

// callsOfBoth are the calls that both pages try. Each may call one of the methods
// at most.
func callsOfBoth() (all []cell) {
	for _, c := range []*client{clientWithID("connect-json"), clientWithID("connect-grpc-web"), clientWithID("improbable")} {
		for _, k := range []*call{setPrice, reportProduct, purgeCarts, reserveStock, unknownMethod} {
			all = append(all, cell{client: c, call: k})
		}
	}
	return all
}

// call makes calls from a page that may make one of them, or none.
func (b *edgeBattle) call(t *testing.T, page string, calls []cell, allowed *call) {
	t.Helper()
	crossOrigin := &setting{page: page, api: apiName, credentials: "omit"}
	of := map[string][]*cell{}
	var jobs []any
	for name, target := range b.edges {
		for _, c := range calls {
			one := b.newCell(c)
			of[name] = append(of[name], one)
			jobs = append(jobs, one.job(target.origin(apiName), crossOrigin))
		}
	}
	report := b.visit(t, b.pages, page, map[string]any{"calls": jobs})
	require.Len(t, report.Calls, len(jobs))
	saw := map[int]seen{}
	for _, c := range report.Calls {
		saw[c.ID] = c.Seen.canonical(t, b.cells[c.ID].call)
	}
	b.onEach(t, "calls from "+page, func(t *testing.T, name string) {
		for _, c := range of[name] {
			t.Run(c.call.name+" by "+c.client.title, func(t *testing.T) {
				if c.call != allowed {
					assert.Equal(t, c.expect(b.engine, crossOrigin, withheldAnswer(b.engine)), saw[c.id])
					b.checkCallRefused(t, c, page)
					return
				}
				assert.Equal(t, c.expect(b.engine, crossOrigin, connectGoAnswer(c.client, c.call)), saw[c.id])
				assert.Len(t, b.guarded.inner.of(c.id), 1, "calls that the handler got")
			})
		}
	})
}
