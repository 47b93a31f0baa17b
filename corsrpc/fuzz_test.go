package corsrpc_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// FuzzWrap sends any request to any of the oracle's Configs: nothing panics,
// nothing is injected, nothing is allowed or run that the oracle would not.
// The lines of a header field are separated by newlines; none is no field.
func FuzzWrap(f *testing.F) {
	for seed, vector := range someOrigins {
		for _, path := range []string{getProduct, "/" + admin + "/Newer", "/img/x"} {
			f.Add(uint64(seed), "POST", path, "api.example.com", vector, "cross-site", "", "", "")
			f.Add(uint64(seed), "OPTIONS", path, "api.example.com", vector, "", "POST", "content-type,x-grpc-web", "")
		}
	}
	f.Add(uint64(1), "GET", getProduct, "", "", "none", "", "", "a=b")
	f.Add(uint64(2), "PRI", "*", "", app+"\n"+app, "", "", "", "")
	f.Fuzz(func(t *testing.T, seed uint64, method, path, host, origin, site, requestMethod, requestHeaders, cookie string) {
		config := someConfig(rand.New(rand.NewPCG(seed, 3)))
		config.OnDenied = corsrpc.LogDenied(discard)
		policy := newPolicy(t, config)
		r := newRequest(method, path)
		r.Host = host
		for name, lines := range map[string]string{
			"Origin": origin, "Sec-Fetch-Site": site, "Cookie": cookie,
			"Access-Control-Request-Method": requestMethod, "Access-Control-Request-Headers": requestHeaders,
		} {
			if lines != "" {
				r.Header[name] = strings.Split(strings.TrimPrefix(lines, "\n"), "\n")
			}
		}
		checkExchange(t, config, policy, r)
		d := policy.Evaluate(r)
		for _, text := range []string{d.Origin, d.Detail, d.Fix} {
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) || len(text) > 4096 {
				t.Errorf("not safe to print: %q", text)
			}
		}
		if path != "" && d.Procedure != "" && d.Reason != corsrpc.WrongPathPrefix {
			for rule := range policy.Rules() {
				if rule.Path == d.Procedure || rule.Procedure == d.Procedure {
					return
				}
			}
			t.Errorf("%q is the name of no rule", d.Procedure)
		}
	})
}
