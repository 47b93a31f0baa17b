package browsertest

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

// What a page may not do is not done: the handler does not run, whatever the page
// learns. That the same attacks reach a shop without Wrap shows that they are
// attacks.
func TestRefusals(t *testing.T) {
	browsers.ForEach(t, func(ctx context.Context, t *testing.T, e *browsers.Engine) {
		for _, over := range transports {
			t.Run(over.name, func(t *testing.T) {
				b := newBattle(ctx, t, e, over)
				// First the other site, while the user has no cookies of the API.
				for _, page := range []string{foreignPage, siblingPage} {
					t.Run("prefetching from "+page, func(t *testing.T) { b.prefetchFrom(t, page) })
				}
				t.Run("prefetching from the API's own origin", b.prefetchFromOwnOrigin)
				for _, page := range []string{siblingPage, foreignPage} {
					t.Run("from "+page, func(t *testing.T) { b.attackFrom(t, page) })
				}
				t.Run("from the storefront", func(t *testing.T) { b.callFrom(t, shopPage, reportProduct, setPrice) })
				t.Run("from the back office", func(t *testing.T) { b.callFrom(t, consolePage, setPrice, reportProduct) })
				t.Run("from the API's own origin", b.callFromOwnOrigin)
				for _, page := range []string{partnerPage, shopPage} {
					t.Run("with cookies from "+page, func(t *testing.T) { b.attackWithCookies(t, page) })
				}
				assert.Equal(t, over.tls, b.protocols["HTTP/2.0"], "whether attacks arrived over HTTP/2")
			})
		}
	})
}

// attackFrom attacks with a page that is not listed anywhere.
func (b *battle) attackFrom(t *testing.T, page string) {
	made, jobs := b.attempts(attacks, (*attack).title)
	var (
		callJobs []any
		calls    []*cell
	)
	foreign := &setting{credentials: "omit", tls: b.transport.tls}
	for _, c := range fromAnywhere() {
		calls = append(calls, b.newCell(c))
		callJobs = append(callJobs, calls[len(calls)-1].job(b.guarded.origin(apiName), foreign))
	}
	report := b.visit(t, b.pages, page, map[string]any{"attacks": jobs, "calls": callJobs})

	learn(t, made, report.Attacks)
	for _, a := range made {
		check(t, b.row(a.title()), b.from(page), func(t *testing.T) { b.checkRefused(t, page, &a) })
	}

	// From each navigation the browser comes back to the page.
	check(t, b.row(navigation.how), b.from(page), func(t *testing.T) {
		a := attempt{attack: navigation, guarded: b.newCell(cell{}), open: b.newCell(cell{})}
		b.navigate(t, page, b.guarded, a.guarded, connectGet)
		b.navigate(t, page, b.open, a.open, connectGet)
		b.checkRefused(t, page, &a)
	})
	// Paths below an unknown directory can be documentation: links to it work.
	check(t, b.row(linkToDocumentation), b.from(page), func(t *testing.T) {
		c := b.newCell(cell{})
		b.navigate(t, page, b.guarded, c, documentation)
		opened := b.guarded.outer.of(c.id)
		require.Len(t, opened, 1)
		b.checkSent(t, page, &navigation, opened[0])
		assert.Equal(t, []string{"document"}, opened[0].header["Sec-Fetch-Dest"])
		assert.Equal(t, http.StatusOK, opened[0].status)
		assert.Len(t, b.guarded.inner.of(c.id), 1, "the page is not served")
	})

	require.Len(t, report.Calls, len(calls))
	for _, c := range report.Calls {
		cell := b.cells[c.ID]
		check(t, b.row("call by "+cell.client.title), b.from(page), func(t *testing.T) {
			assert.Equal(t, cell.expect(b.engine, foreign, withheldAnswer(b.engine)), c.Seen.canonical(t, cell.call))
			b.checkCallRefused(t, cell, page)
		})
	}
}

// prefetchFrom attacks with what an unlisted page makes the browser request ahead.
func (b *battle) prefetchFrom(t *testing.T, page string) {
	made, _ := b.attempts(prefetches, (*attack).title)
	// Like an attacker, try again what does not arrive. Chromium loses some: where it has
	// cleaned up after one prefetch from another site, the next can fail, because its
	// HTTP/2 connection is closed (net::ERR_CONNECTION_CLOSED in its NetLog).
	for range 5 {
		jobs := b.missing(made)
		if len(jobs) == 0 {
			break
		}
		b.visit(t, b.pages, page, map[string]any{"attacks": jobs})
		b.awaitAll(made, 2*time.Second)
	}
	for _, a := range made {
		check(t, b.row(a.title()), b.from(page), func(t *testing.T) { b.checkRefused(t, page, &a) })
	}
}

func (b *battle) prefetchFromOwnOrigin(t *testing.T) {
	var jobs []any
	cells := make([]*cell, len(ownPrefetches))
	for i, a := range ownPrefetches {
		if slices.Contains(a.engines, b.engine) {
			cells[i] = b.newCell(cell{})
			jobs = append(jobs, b.guarded.job(&a.attack, cells[i]))
		} else {
			matrix.LeaveOut(b.row(a.title()))
		}
	}
	b.visit(t, b.guarded.site, apiName, map[string]any{"attacks": jobs})
	for i, a := range ownPrefetches {
		if cells[i] == nil {
			continue
		}
		check(t, b.row(a.title()), "over "+b.transport.name, func(t *testing.T) {
			arrived := b.arrivals(b.guarded, cells[i])
			require.Len(t, arrived, 1, "requests that arrived at Wrap")
			b.checkSent(t, apiName, &a.attack, arrived[0])
			status, ran := http.StatusForbidden, 0
			if a.allowed {
				status, ran = http.StatusOK, 1
			}
			assert.Equal(t, status, arrived[0].status)
			assert.Len(t, b.guarded.inner.of(cells[i].id), ran, "requests that the handler got")
		})
	}
}

// attackWithCookies attacks with a listed page that sends the user's cookies, though
// the policy does not have Credentials. Without cookies the same request is allowed.
func (b *battle) attackWithCookies(t *testing.T, page string) {
	made, jobs := b.attempts(credentialed, (*attack).titleWithCookies)
	job := map[string]any{"login": b.guarded.origin(apiName) + login, "attacks": jobs}
	learn(t, made, b.visit(t, b.pages, page, job).Attacks)
	b.loggedIn = true
	for _, a := range made {
		check(t, b.row(a.titleWithCookies()), b.from(page), func(t *testing.T) {
			b.checkReaches(t, &a)
			arrived := b.arrivals(b.guarded, a.guarded)
			require.Len(t, arrived, 1, "requests that arrived at Wrap")
			b.checkSent(t, page, &a.attack, arrived[0])
			b.checkLearnt(t, &a)
			ran := b.guarded.inner.of(a.guarded.id)
			switch {
			case a.preflighted:
				// The browser itself goes no further, without Allow-Credentials.
				assert.Equal(t, http.StatusNoContent, arrived[0].status)
				assert.Empty(t, ran, "the handler ran")
			case len(cookiesIn(arrived[0])) > 0:
				assert.Equal(t, http.StatusForbidden, arrived[0].status)
				assert.Empty(t, ran, "the handler ran with the user's cookies")
			default:
				assert.Len(t, ran, 1, "the handler did not run, though there were no cookies")
			}
		})
	}
}

// checkCallRefused checks that a call by a client came as far as Wrap, and no further.
func (b *battle) checkCallRefused(t *testing.T, c *cell, page string) {
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
	crossOrigin := &setting{page: page, api: apiName, credentials: "omit", tls: b.transport.tls}
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
		check(t, b.row(cell.call.name), b.from(page)+" by "+cell.client.title, func(t *testing.T) {
			if cell.call != allowed {
				assert.Equal(t, cell.expect(b.engine, crossOrigin, withheldAnswer(b.engine)), c.Seen.canonical(t, cell.call))
				b.checkCallRefused(t, cell, page)
				return
			}
			// Without a preflight it is a form for all that connect-go knows.
			assert.Equal(t, cell.expect(b.engine, crossOrigin, connectGoAnswer(cell.client, cell.call)), c.Seen.canonical(t, cell.call))
			assert.Len(t, b.guarded.inner.of(cell.id), 1, "calls that the handler got")
		})
	}
}

// callFromOwnOrigin makes calls from a page of the API's own origin, which may make
// all of them but the internal ones.
func (b *battle) callFromOwnOrigin(t *testing.T) {
	sameOrigin := &setting{page: apiName, credentials: "omit", tls: b.transport.tls}
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
	report := b.visit(t, b.guarded.site, apiName, map[string]any{"calls": jobs, "login": login})
	require.Len(t, report.Calls, len(jobs))
	for _, c := range report.Calls {
		cell := b.cells[c.ID]
		check(t, b.row(cell.call.name), b.from("its own origin")+" by "+cell.client.title, func(t *testing.T) {
			want, calls := connectGoAnswer(cell.client, cell.call), 1
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
