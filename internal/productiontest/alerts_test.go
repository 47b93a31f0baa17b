package productiontest

import (
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A scenario is three hours of traffic. Something happens after the second.
type scenario struct {
	name string
	// deploy returns the Config of a server that replaces the first one; nil
	// means that there is no deployment.
	deploy func(*corsrpc.Config)
	before func(*server)
	after  func(*server)
	// The labels of the alert that must fire, and after how many minutes at the
	// latest; none may fire if it is empty.
	alert, method, reason string
	within                int
}

// usual is a minute of a page, of strangers and of a client that is no browser.
func usual(s *server) {
	s.preflight(2, addItem, app, "authorization")
	s.call(30, addItem, app)
	s.call(1, addItem, evil)
	s.send(10, "POST", addItem)
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	for _, test := range []scenario{
		{name: "nothing happens", before: usual, after: usual},
		{name: "a deployment that changes nothing", deploy: func(*corsrpc.Config) {}, before: usual, after: usual},
		{name: "a deployment forgets the page", before: usual,
			deploy: func(c *corsrpc.Config) { c.Audiences["storefront"] = []string{"https://app.example.org"} },
			// The browser refuses to send the calls.
			after: func(s *server) { s.preflight(30, addItem, app, "authorization"); s.call(1, addItem, evil) },
			alert: "CorsrpcPageRefused", method: "acme.shop.v1.CartService/AddItem", within: 20},
		{name: "the same where nobody was refused before", before: func(s *server) { s.call(30, addItem, app) },
			deploy: func(c *corsrpc.Config) { c.Audiences["storefront"] = []string{"https://app.example.org"} },
			after:  func(s *server) { s.preflight(30, addItem, app, "authorization") },
			alert:  "CorsrpcPageRefused", method: "acme.shop.v1.CartService/AddItem", within: 20},
		{name: "a deployment forgets Credentials", before: func(s *server) { usual(s); s.call(40, addItem, app, "Cookie", "a=b") },
			deploy: func(c *corsrpc.Config) { c.Credentials = false },
			after:  func(s *server) { usual(s); s.call(40, addItem, app, "Cookie", "a=b") },
			alert:  "CorsrpcPageRefused", method: "acme.shop.v1.CartService/AddItem", within: 20},
		{name: "strangers flood the server", before: usual, after: func(s *server) { usual(s); s.call(300, addItem, evil) }},
		{name: "at night there are few pages", before: usual, after: func(s *server) { s.call(2, addItem, app); s.call(1, addItem, evil) }},
		{name: "a page sends a header that is not allowed", before: usual, after: func(s *server) { usual(s); s.preflight(3, addItem, app, "x-new") },
			alert: "CorsrpcPreflightBlocked", method: "acme.shop.v1.CartService/AddItem", reason: "header_not_allowed", within: 25},
		{name: "a page calls below another prefix", before: usual, after: func(s *server) { usual(s); s.preflight(3, "/api"+addItem, app, "authorization") },
			alert: "CorsrpcPreflightBlocked", method: "acme.shop.v1.CartService/AddItem", reason: "wrong_path_prefix", within: 25},
		{name: "somebody tries a header now and then", before: usual, after: func(s *server) { s.preflight(40, addItem, app, "authorization"); s.preflight(1, addItem, app, "x-new") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t)
		})
	}
}

func (test scenario) run(t *testing.T) {
	const event, end = 120, 180
	rules := rules(t)
	h := newHistory(t)
	c := config(func(c *corsrpc.Config) { c.Credentials = true })
	s, instance, traffic := newServer(t, c), "a:8080", test.before
	held := make(map[string]int) // for how many minutes an alert's expression has held
	first, last := make(map[string]int), make(map[string]int)
	for i := range end {
		if i == event {
			traffic = test.after
			if test.deploy != nil {
				test.deploy(&c)
				h.end(minute(i), instance)
				s, instance = newServer(t, c), "b:8080"
			}
		}
		traffic(s)
		h.scrape(minute(i), instance, s)
		h.record(minute(i), rules)
		h.alert(minute(i), rules, held, func(alert string) {
			if _, ok := first[alert]; !ok {
				first[alert] = i
			}
			last[alert] = i
		})
	}
	if test.alert == "" {
		assert.Empty(t, first)
		return
	}
	want := test.alert + " " + test.method + " " + test.reason
	require.Contains(t, first, want)
	assert.Len(t, first, 1)
	assert.Greater(t, first[want], event)
	assert.LessOrEqual(t, first[want], event+test.within)
	assert.GreaterOrEqual(t, last[want], event+50, "it lasts until somebody had time to look")
}

// alert evaluates the alerts, and calls fire with each that has been true for as
// long as it asks for.
func (h *history) alert(at time.Time, rules []rulefmt.Rule, held map[string]int, fire func(string)) {
	now := make(map[string]int)
	for _, rule := range rules {
		if rule.Alert == "" {
			continue
		}
		for _, s := range h.query(at, rule.Expr) {
			key := rule.Alert + " " + s.Metric.Get("rpc_method") + " " + s.Metric.Get("corsrpc_reason")
			now[key] = held[key] + 1
			if time.Duration(now[key]-1)*time.Minute >= time.Duration(rule.For) {
				fire(key)
			}
		}
	}
	clear(held)
	for key, n := range now {
		held[key] = n
	}
}
