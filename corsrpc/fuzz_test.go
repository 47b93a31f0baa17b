package corsrpc_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// FuzzWrap sends any request to any of the oracle's Configs: nothing panics,
// nothing is injected, nothing is allowed or run that the oracle would not
// allow. The lines of a header are separated by newlines; an empty text is no
// header.
func FuzzWrap(f *testing.F) {
	for seed, vector := range someOrigins {
		for _, target := range []string{getProduct, "/" + admin + "/Newer", "/img/x"} {
			f.Add(uint64(seed), "POST", target, "api.example.com", vector, "cross-site", "", "", "", "", "")
			f.Add(uint64(seed), "OPTIONS", target, "api.example.com", vector, "", "", "", "POST", "content-type,x-grpc-web", "")
		}
	}
	for seed, spell := range someSpellings {
		f.Add(uint64(seed), "POST", spell(getProduct), "api.example.com", evil, "cross-site", "", "", "", "", "")
		f.Add(uint64(seed), "GET", "/docs"+spell(purgeCarts), "api.example.com", "", "cross-site", "", "navigate", "", "", "session=1")
		f.Add(uint64(seed), "OPTIONS", spell(addItem), "evil.test", app, "", "", "", "PUT", "", "")
	}
	for seed, target := range someTargets {
		f.Add(uint64(seed), "GET", target, "api.example.com", app, "", "", "", "", "", "session=1")
	}
	f.Add(uint64(1), "GET", getProduct, "", "", "none", "", "", "", "", "a=b")
	f.Add(uint64(1), "GET", getProduct, "", "", "none", "prefetch", "navigate", "", "", "a=b")
	f.Add(uint64(2), "PRI", "*", "", app+"\n"+app, "", "", "", "", "", "")
	f.Fuzz(func(t *testing.T, seed uint64, method, target, host, origin, site, purpose, mode, requestMethod, requestHeaders, cookie string) {
		config := someConfig(rand.New(rand.NewPCG(seed, 3)))
		config.OnDecision = corsrpc.LogDenied(discard)
		policy := newPolicy(t, config)
		r := newRequest(method, "")
		r.URL = targetURL(target)
		r.Host = host
		for name, lines := range map[string]string{
			"Origin": origin, "Sec-Fetch-Site": site, "Sec-Purpose": purpose, "Sec-Fetch-Mode": mode, "Cookie": cookie,
			"Access-Control-Request-Method": requestMethod, "Access-Control-Request-Headers": requestHeaders,
		} {
			if lines != "" {
				r.Header[name] = strings.Split(strings.TrimPrefix(lines, "\n"), "\n")
			}
		}
		if mode == "navigate" {
			r.Header.Set("Sec-Fetch-Dest", "document")
		}
		checkExchange(t, config, naiveRules(config), policy, r)
		d := policy.Evaluate(r)
		for _, text := range []string{d.Origin, d.Detail, d.Fix} {
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) || len(text) > 4096 {
				t.Errorf("not safe to print: %q", text)
			}
		}
		if d.Path == "" && d.Procedure == "" {
			return
		}
		for rule := range policy.Rules() {
			if rule.Path == d.Path && rule.Procedure == d.Procedure {
				return
			}
		}
		t.Errorf("%q and %q are of no rule", d.Path, d.Procedure)
	})
}
