package browsertest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/browsers"
	"github.com/corsrpc/corsrpc-go/internal/library/librarytest"
)

const (
	libraryService = "acme.library.v1.LibraryService"
	adminService   = "acme.library.v1.AdminService"
)

// Pages call the bindings of proto/acme/library/v1 through gateways. What other
// pages may not do is not done, though it is where no Wrap is, and links work where
// they have to.
func TestREST(t *testing.T) {
	browsers.ForEach(t, func(ctx context.Context, t *testing.T, e *browsers.Engine) {
		for _, over := range transports {
			t.Run(over.name, func(t *testing.T) {
				b := prepareBattle(ctx, t, e, over)
				var served []*restBattle
				var targets []*target
				for _, g := range gateways {
					r := newRESTBattle(t, b, g)
					served, targets = append(served, r), append(targets, r.guardedTarget, r.openTarget)
				}
				b.begin(t, targets...)
				for _, r := range served {
					b.guarded, b.open = r.guardedTarget, r.openTarget
					t.Run(r.gateway.name, r.run)
				}
			})
		}
	})
}

// A restBattle is about one gateway.
type restBattle struct {
	*battle
	gateway                   *gateway
	policy                    *corsrpc.Policy
	config                    corsrpc.Config
	guardedTarget, openTarget *target
	guardedSpy, openSpy       *spiedGateway

	mu        sync.Mutex
	decisions map[int]corsrpc.Decision // the last one of each cell
}

func newRESTBattle(t *testing.T, b *battle, g *gateway) *restBattle {
	t.Helper()
	r := &restBattle{battle: b, gateway: g, guardedSpy: newSpiedGateway(g), openSpy: newSpiedGateway(g), decisions: map[int]corsrpc.Decision{}}
	r.config = corsrpc.Config{
		Origins:     []string{b.pages.origin(shopPage)},
		Credentials: true,
		Services:    []string{libraryService, adminService},
		REST:        g.rest,
		MaxAge:      -1,
		Overrides:   map[string]corsrpc.Override{},
		OnDecision: func(ctx context.Context, d corsrpc.Decision) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.decisions[ctx.Value(cellKey{}).(int)] = d
		},
	}
	for _, l := range links {
		r.config.Overrides[libraryService+"."+l.runs] = corsrpc.Override{Links: corsrpc.On}
	}
	var err error
	r.policy, err = corsrpc.New(r.config)
	require.NoError(t, err)
	r.guardedTarget = b.newTarget(t, r.policy.Wrap, r.guardedSpy)
	r.openTarget = b.newTarget(t, permitEverything, r.openSpy)
	return r
}

func (r *restBattle) run(t *testing.T) {
	for _, page := range []string{foreignPage, siblingPage} {
		t.Run("from "+page, func(t *testing.T) { r.attackFrom(t, page) })
	}
	t.Run("from the listed page", func(t *testing.T) { r.callFrom(t, r.pages, shopPage) })
	t.Run("from the API's own origin", func(t *testing.T) { r.callFrom(t, r.guarded.site, apiName) })
	for _, page := range []string{siblingPage, foreignPage} {
		t.Run("links from "+page, func(t *testing.T) { r.linkFrom(t, page, true) })
	}
	without := r.config
	without.Overrides = nil
	require.NoError(t, r.policy.Update(without))
	for _, page := range []string{siblingPage, foreignPage} {
		t.Run("links from "+page+", without Links", func(t *testing.T) { r.linkFrom(t, page, false) })
	}
}

// row returns a row of the gateway.
func (r *restBattle) row(suite, name string) Result {
	return Result{Suite: suite, Row: name, Server: r.gateway.name, Engine: r.engine.Name}
}

// attackFrom attacks, and makes all calls, with a page that is not listed.
func (r *restBattle) attackFrom(t *testing.T, page string) {
	attacks := make([]attack, len(r.gateway.attacks))
	for i, a := range r.gateway.attacks {
		attacks[i] = a.attack
	}
	made, jobs := r.attempts(attacks, (*attack).title)
	cells, calls := r.calls(r.guarded)
	report := r.visit(t, r.pages, page, map[string]any{"attacks": jobs, "rest": calls})
	learn(t, made, report.Attacks)
	for i, a := range made {
		known := r.gateway.attacks[i]
		check(t, r.row(SuiteBindingAttacks, known.title()), r.from(page), func(t *testing.T) {
			r.checkRefused(t, page, &a)
			assert.Equal(t, []string{known.runs}, r.openSpy.of(a.open), "what ran without Wrap")
			assert.Empty(t, r.guardedSpy.of(a.guarded), "what ran")
		})
	}
	require.Len(t, report.Rest, len(cells))
	for i, call := range librarytest.Calls {
		check(t, r.row(SuiteBindings, call.Name), "refused "+r.from(page), func(t *testing.T) {
			assert.Equal(t, restReport{ID: cells[i].id, Error: "TypeError: " + withheldAnswer(r.engine).blocked}, report.Rest[i])
			assert.Empty(t, r.guardedSpy.of(cells[i]), "what ran")
		})
	}
}

// A restReport is what a page saw of a call; see web/browsertest/rest.ts.
type restReport struct {
	ID     int
	Status int
	Header map[string]string
	Body   string
	Error  string
}

// calls returns one call of each kind, and what the page is to do for it.
func (r *restBattle) calls(at *target) (cells []*cell, jobs []any) {
	for _, call := range librarytest.Calls {
		c := r.newCell(cell{})
		header := map[string]string{}
		if call.Card {
			header[r.gateway.metadata+"x-library-card"] = "7"
		}
		job := map[string]any{"id": c.id, "url": at.url(c, call.Path), "method": call.Method, "header": header, "credentials": "include"}
		if call.Body != "" {
			header["content-type"] = "application/json"
			job["body"] = call.Body
		}
		cells, jobs = append(cells, c), append(jobs, job)
	}
	return cells, jobs
}

// callFrom makes all calls from a page that may make them.
func (r *restBattle) callFrom(t *testing.T, at *site, page string) {
	cells, jobs := r.calls(r.guarded)
	report := r.visit(t, at, page, map[string]any{"rest": jobs})
	require.Len(t, report.Rest, len(cells))
	for i, call := range librarytest.Calls {
		check(t, r.row(SuiteBindings, call.Name), r.from(page), func(t *testing.T) {
			got := report.Rest[i]
			assert.Empty(t, got.Error)
			assert.Equal(t, call.Status, got.Status)
			assert.Equal(t, []string{call.Runs}, r.guardedSpy.of(cells[i]))
			if call.Response == librarytest.PNG {
				assert.Equal(t, "image/png", got.Header["content-type"])
				assert.Equal(t, "\u0089PNG", string([]rune(got.Body)[:4]), "each character is a byte")
			} else {
				assert.Equal(t, call.Response, compact(got.Body))
			}
			metadata := map[string]string{r.gateway.metadata + "x-request-id": "library-1"}
			for name, value := range call.Metadata {
				metadata[r.gateway.metadata+strings.ToLower(name)] = value
			}
			if page == apiName {
				// A page of the same origin sees every header.
				for name, value := range metadata {
					assert.Equal(t, value, got.Header[name], name)
				}
				return
			}
			assert.Equal(t, metadata, without(got.Header, "content-type", "content-length"))
			r.checkCallSent(t, &call, cells[i])
		})
	}
}

// checkCallSent checks what arrived from the listed page.
func (r *restBattle) checkCallSent(t *testing.T, call *librarytest.Call, c *cell) {
	t.Helper()
	arrived := r.guarded.outer.of(c.id)
	var asked []string
	if call.Body != "" {
		asked = append(asked, "content-type")
	}
	if call.Card {
		asked = append(asked, r.gateway.metadata+"x-library-card")
	}
	if preflighted := asked != nil || call.Method == "DELETE" || call.Method == "PATCH"; preflighted {
		if !assert.Len(t, arrived, 2, "a preflight and the call") {
			return
		}
		preflight := arrived[0]
		arrived = arrived[1:]
		assert.Equal(t, http.MethodOptions, preflight.method)
		assert.Equal(t, http.StatusNoContent, preflight.status)
		assert.Equal(t, []string{call.Method}, preflight.header["Access-Control-Request-Method"])
		assert.Equal(t, strings.Join(asked, ","), preflight.header.Get("Access-Control-Request-Headers"))
		assert.NotContains(t, preflight.header, "Cookie")
	}
	if !assert.Len(t, arrived, 1, "calls that arrived") {
		return
	}
	assert.Equal(t, call.Method, arrived[0].method)
	assert.Equal(t, []string{r.pages.origin(shopPage)}, arrived[0].header["Origin"])
	assert.ElementsMatch(t, []string{laxCookie, strictCookie}, cookiesIn(arrived[0]))
}

// linkFrom goes to GET bindings from a page that is not listed.
func (r *restBattle) linkFrom(t *testing.T, page string, works bool) {
	for _, l := range links {
		name, status := r.from(page), http.StatusOK
		if !works {
			name, status = name+", without Links", http.StatusForbidden
		}
		check(t, r.row(SuiteLinks, l.name), name, func(t *testing.T) {
			c := r.newCell(cell{})
			if l.navigates {
				r.navigate(t, page, r.guarded, c, l.path)
			} else {
				image := attack{how: "image", path: l.path}
				r.visit(t, r.pages, page, map[string]any{"attacks": []any{r.guarded.job(&image, c)}})
			}
			arrived := r.arrivals(r.guarded, c)
			require.Len(t, arrived, 1)
			assert.NotContains(t, arrived[0].header, "Origin")
			assert.NotEqual(t, "none", arrived[0].header.Get("Sec-Fetch-Site"))
			assert.Equal(t, status, arrived[0].status)
			if works {
				assert.Equal(t, []string{l.runs}, r.guardedSpy.of(c))
				return
			}
			assert.Empty(t, r.guardedSpy.of(c), "what ran")
			r.mu.Lock()
			defer r.mu.Unlock()
			assert.Equal(t, corsrpc.ReasonOriginMissing, r.decisions[c.id].Reason)
			assert.Equal(t, `set Overrides["`+libraryService+"."+l.runs+`"].Links to On`, r.decisions[c.id].Fix)
		})
	}
}

// compact removes white space from JSON, which protojson varies.
func compact(body string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(body)) != nil {
		return body
	}
	return b.String()
}
