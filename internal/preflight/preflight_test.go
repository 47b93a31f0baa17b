package preflight_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/field"
	"github.com/corsrpc/corsrpc-go/internal/origin"
	"github.com/corsrpc/corsrpc-go/internal/preflight"
)

const (
	listed = "https://app.example.com"
	evil   = "https://evil.test"
	host   = "api.example.com"
	own    = "https://api.example.com"
)

func (s situation) rule(t testing.TB) *preflight.Rule {
	t.Helper()
	entries := make([]origin.Entry, len(s.listed))
	for i, text := range s.listed {
		entry, err := origin.Parse(text)
		require.NoError(t, err)
		entries[i] = entry
	}
	return &preflight.Rule{
		Origins:    origin.NewSet(entries),
		Enforced:   !s.resource,
		Internal:   s.internal,
		ReportOnly: s.reportOnly,
		Hosts:      s.hosts,
	}
}

func (s situation) header() http.Header {
	header := http.Header{"Content-Type": {"application/json"}, "Cookie": {"session=1"}}
	if s.origin != nil {
		header["Origin"] = s.origin
	}
	if s.site != nil {
		header["Sec-Fetch-Site"] = s.site
	}
	return header
}

// The rows that matter, for a person to check against the design.
func TestJudgeCall(t *testing.T) {
	t.Parallel()
	lines := func(values ...string) []string { return values }
	type verdict = preflight.Verdict
	const (
		enforced = iota
		internal
		reportOnly
		resource
	)
	for _, test := range []struct {
		name         string
		kind         int
		origin, site []string
		want         verdict
	}{
		{"curl, a gRPC client", enforced, nil, nil, verdict{Kind: preflight.NonBrowser}},
		{"a page that may call", enforced, lines(listed), lines("cross-site"), verdict{Kind: preflight.Cross, Permitted: true}},
		{"a sibling's page that may call", enforced, lines(listed), lines("same-site"), verdict{Kind: preflight.Cross, Permitted: true}},
		{"a page that may call, on plain HTTP", enforced, lines(listed), nil, verdict{Kind: preflight.Cross, Permitted: true}},
		{"a page that may call, from a browser to come", enforced, lines(listed), lines("near-site"), verdict{Kind: preflight.Cross, Permitted: true}},
		{"any other page", enforced, lines(evil), lines("cross-site"), verdict{Kind: preflight.Cross, Reason: preflight.OriginNotAllowed, Refused: true}},
		{"any other page, on plain HTTP", enforced, lines(evil), nil, verdict{Kind: preflight.Cross, Reason: preflight.OriginNotAllowed, Refused: true}},
		{"a sandboxed frame", enforced, lines("null"), lines("cross-site"), verdict{Kind: preflight.Cross, Reason: preflight.OriginNotAllowed, Refused: true}},
		{"a Connect GET by <img>", enforced, nil, lines("cross-site"), verdict{Kind: preflight.Cross, Reason: preflight.OriginMissing, Refused: true}},
		{"a Connect GET by a sibling's <img>", enforced, nil, lines("same-site"), verdict{Kind: preflight.Cross, Reason: preflight.OriginMissing, Refused: true}},
		{"a Connect GET by <img> in a browser to come", enforced, nil, lines("near-site"), verdict{Kind: preflight.Cross, Reason: preflight.OriginMissing, Refused: true}},
		{"the own page reads", enforced, nil, lines("same-origin"), verdict{Kind: preflight.SameOrigin}},
		{"the own page writes", enforced, lines(own), lines("same-origin"), verdict{Kind: preflight.SameOrigin}},
		{"the own page writes, on plain HTTP", enforced, lines("http://" + host), nil, verdict{Kind: preflight.SameOrigin}},
		{"the own page's origin, marked as another's", enforced, lines(own), lines("cross-site"), verdict{Kind: preflight.Cross, Reason: preflight.OriginNotAllowed, Refused: true}},
		{"the user types the address", enforced, nil, lines("none"), verdict{Kind: preflight.SameOrigin}},
		{"an empty Origin", enforced, lines(""), nil, verdict{Kind: preflight.Cross, Reason: preflight.OriginMalformed, Refused: true}},
		{"two Origin lines, both listed", enforced, lines(listed, listed), lines("cross-site"), verdict{Kind: preflight.Cross, Reason: preflight.OriginMalformed, Refused: true}},
		{"two Origin lines, the second the own", enforced, lines(own, own), nil, verdict{Kind: preflight.Cross, Reason: preflight.OriginMalformed, Refused: true}},
		{"two Sec-Fetch-Site lines, one good", enforced, nil, lines("same-origin", "cross-site"), verdict{Kind: preflight.Cross, Reason: preflight.OriginMissing, Refused: true}},
		{"two Sec-Fetch-Site lines, both good", enforced, lines(evil), lines("none", "none"), verdict{Kind: preflight.Cross, Reason: preflight.OriginNotAllowed, Refused: true}},
		{"an empty Sec-Fetch-Site", enforced, nil, lines(""), verdict{Kind: preflight.Cross, Reason: preflight.OriginMissing, Refused: true}},
		{"a Sec-Fetch-Site in upper case", enforced, nil, lines("NONE"), verdict{Kind: preflight.Cross, Reason: preflight.OriginMissing, Refused: true}},

		{"internal: another server", internal, nil, nil, verdict{Kind: preflight.NonBrowser}},
		{"internal: the user types the address", internal, nil, lines("none"), verdict{Kind: preflight.SameOrigin}},
		{"internal: a listed page", internal, lines(listed), lines("cross-site"), verdict{Kind: preflight.Cross, Reason: preflight.InternalMethod, Refused: true}},
		{"internal: the own page reads", internal, nil, lines("same-origin"), verdict{Kind: preflight.SameOrigin, Reason: preflight.InternalMethod, Refused: true}},
		{"internal: the own page writes", internal, lines(own), lines("same-origin"), verdict{Kind: preflight.SameOrigin, Reason: preflight.InternalMethod, Refused: true}},
		{"internal: the own page writes, on plain HTTP", internal, lines(own), nil, verdict{Kind: preflight.SameOrigin, Reason: preflight.InternalMethod, Refused: true}},
		{"internal: an <img>", internal, nil, lines("cross-site"), verdict{Kind: preflight.Cross, Reason: preflight.InternalMethod, Refused: true}},
		{"internal: Origin on what the user did", internal, lines(listed), lines("none"), verdict{Kind: preflight.SameOrigin, Reason: preflight.InternalMethod, Refused: true}},

		{"report only: a listed page", reportOnly, lines(listed), lines("cross-site"), verdict{Kind: preflight.Cross, Permitted: true}},
		{"report only: any other page", reportOnly, lines(evil), lines("cross-site"), verdict{Kind: preflight.Cross, Reason: preflight.OriginNotAllowed}},
		{"report only: an <img>", reportOnly, nil, lines("cross-site"), verdict{Kind: preflight.Cross, Reason: preflight.OriginMissing}},

		{"resource: a font for a listed page", resource, lines(listed), lines("cross-site"), verdict{Kind: preflight.Cross, Permitted: true}},
		{"resource: a font for any other page", resource, lines(evil), lines("cross-site"), verdict{Kind: preflight.Cross, Reason: preflight.OriginNotAllowed}},
		{"resource: an <img>", resource, nil, lines("cross-site"), verdict{Kind: preflight.Cross, Reason: preflight.OriginMissing}},
		{"resource: a form of any other page", resource, lines(evil), nil, verdict{Kind: preflight.Cross, Reason: preflight.OriginNotAllowed}},
		{"resource: two Origin lines", resource, lines(listed, evil), nil, verdict{Kind: preflight.Cross, Reason: preflight.OriginMalformed}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := situation{
				listed: []string{listed}, host: host, origin: test.origin, site: test.site,
				internal: test.kind == internal, reportOnly: test.kind == reportOnly, resource: test.kind == resource,
			}
			assert.Equal(t, test.want, s.rule(t).JudgeCall(s.host, s.header()))
			assert.Equal(t, test.want, s.verdict(), "the oracle")
		})
	}
}

// Every combination of what the design distinguishes, and of what it does not.
func TestJudgeCallAgreesWithTheOracle(t *testing.T) {
	t.Parallel()
	origins := [][]string{
		nil, {}, {""}, {listed}, {evil}, {own}, {"http://api.example.com"}, {"https://api.example.com:8443"}, {"null"}, {"*"},
		{listed, listed}, {listed, evil}, {evil, listed}, {own, own}, {"", ""}, {listed + "," + evil}, {"https://API.example.com"}, {" " + listed},
	}
	sites := [][]string{
		nil, {}, {""}, {"none"}, {"same-origin"}, {"same-site"}, {"cross-site"}, {"near-site"}, {"None"}, {"none,none"},
		{"none", "none"}, {"same-origin", "same-origin"}, {"same-origin", "cross-site"}, {"cross-site", "same-origin"}, {"", "none"},
	}
	n := 0
	for _, list := range [][]string{nil, {listed}, {listed, own}, {"*"}} {
		for _, hosts := range [][]string{nil, {}, {"api.example.com"}, {"other.example.com", "api.example.com:443"}, {"other.example.com"}} {
			for _, requestHost := range []string{"api.example.com", "API.example.com:80", "api.example.com:8443", "evil.test", ""} {
				for flags := range 8 {
					for _, o := range origins {
						for _, site := range sites {
							s := situation{
								listed: list, hosts: hosts, host: requestHost, origin: present(o), site: present(site),
								internal: flags&1 != 0, reportOnly: flags&2 != 0, resource: flags&4 != 0,
							}
							if s.resource && s.internal {
								continue // schemas have no resources
							}
							rule, header := s.rule(t), s.header()
							if o != nil {
								header["Origin"] = o // also a key without lines
							}
							if site != nil {
								header["Sec-Fetch-Site"] = site
							}
							want := s.verdict()
							for _, method := range []string{"GET", "POST", "HEAD", "OPTIONS", "DELETE"} {
								got := rule.Judge(method, requestHost, header)
								if got != want {
									require.Equal(t, want, got, "%s %+v", method, s)
								}
								decided := want
								if decided.Permitted {
									decided.Kind = preflight.Cross
								}
								if got := rule.Decide(header["Origin"], method, requestHost, header); got != decided {
									require.Equal(t, decided, got, "Decide, %s %+v", method, s)
								}
								if got.Permitted && got.Reason != preflight.OK || got.Refused && got.Reason == preflight.OK {
									require.Fail(t, "contradiction", "%+v: %s %+v", got, method, s)
								}
							}
							n++
						}
					}
				}
			}
		}
	}
	assert.Equal(t, 4*5*5*6*len(origins)*len(sites), n)
}

// present tells no lines from an empty list of them.
func present(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return lines
}

// The own origin is what differs least from others.
func TestJudgeCallOwnHost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		hosts        []string
		host, origin string
		own          bool
	}{
		{"the request's", nil, host, own, true},
		{"the request's, TLS ends elsewhere", nil, host + ":80", own, true},
		{"the request's at a port", nil, host + ":8443", own + ":8443", true},
		{"the request's, another port", nil, host, own + ":8443", false},
		{"the request's, unknown", nil, "", own, false},
		{"rebinding: the attacker's host is the request's", nil, "evil.test", evil, true},
		{"rebinding, with Hosts", []string{host}, "evil.test", evil, false},
		{"Hosts, whatever the request's", []string{"other.test", host}, "10.0.0.1:8080", own, true},
		{"Hosts without the request's", []string{"other.test"}, host, own, false},
		{"no Hosts at all", []string{}, host, own, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := situation{host: test.host, hosts: test.hosts, origin: []string{test.origin}}
			v := s.rule(t).JudgeCall(test.host, s.header())
			assert.Equal(t, !test.own, v.Refused)
			assert.Equal(t, test.own, v.Kind == preflight.SameOrigin)
			assert.False(t, v.Permitted, "it needs no permission")
			assert.Equal(t, s.verdict(), v, "the oracle")
		})
	}
}

// Presence counts, not validity.
func TestIsPreflight(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, method string
		header       http.Header
		want         bool
	}{
		{"both fields", "OPTIONS", http.Header{"Origin": {listed}, "Access-Control-Request-Method": {"POST"}}, true},
		{"both fields, empty", "OPTIONS", http.Header{"Origin": {""}, "Access-Control-Request-Method": {""}}, true},
		{"both fields, repeated", "OPTIONS", http.Header{"Origin": {listed, evil}, "Access-Control-Request-Method": {"GET", "POST"}}, true},
		{"headers too", "OPTIONS", http.Header{"Origin": {listed}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"x"}}, true},
		{"no Origin", "OPTIONS", http.Header{"Access-Control-Request-Method": {"POST"}}, false},
		{"no method", "OPTIONS", http.Header{"Origin": {listed}}, false},
		{"headers alone", "OPTIONS", http.Header{"Origin": {listed}, "Access-Control-Request-Headers": {"x"}}, false},
		{"keys without lines", "OPTIONS", http.Header{"Origin": {}, "Access-Control-Request-Method": {}}, false},
		{"a method's key without lines", "OPTIONS", http.Header{"Origin": {listed}, "Access-Control-Request-Method": {}}, false},
		{"neither", "OPTIONS", nil, false},
		{"another method", "POST", http.Header{"Origin": {listed}, "Access-Control-Request-Method": {"POST"}}, false},
		{"another case", "options", http.Header{"Origin": {listed}, "Access-Control-Request-Method": {"POST"}}, false},
	} {
		assert.Equal(t, test.want, preflight.IsPreflight(test.method, test.header["Origin"], test.header), test.name)
	}
}

// A preflight is answered by origin alone; a refused one is refused on every
// kind of rule.
func TestJudgePreflight(t *testing.T) {
	t.Parallel()
	permitted := preflight.Verdict{Kind: preflight.Preflight, Permitted: true}
	refused := func(reason preflight.Reason) preflight.Verdict {
		return preflight.Verdict{Kind: preflight.Preflight, Reason: reason, Refused: true}
	}
	for _, test := range []struct {
		name   string
		list   []string
		origin []string
		want   preflight.Verdict
	}{
		{"a listed origin", []string{listed}, []string{listed}, permitted},
		{"any origin", []string{"*"}, []string{evil}, permitted},
		{"any origin: null", []string{"*"}, []string{"null"}, permitted},
		{"another origin", []string{listed}, []string{evil}, refused(preflight.OriginNotAllowed)},
		{"null", []string{listed}, []string{"null"}, refused(preflight.OriginNotAllowed)},
		{"a star", []string{listed}, []string{"*"}, refused(preflight.OriginNotAllowed)},
		{"the own origin, for which browsers send none", []string{listed}, []string{own}, refused(preflight.OriginNotAllowed)},
		{"an empty origin", []string{listed}, []string{""}, refused(preflight.OriginMalformed)},
		{"any origin: an empty one", []string{"*"}, []string{""}, refused(preflight.OriginMalformed)},
		{"two lines", []string{listed}, []string{listed, listed}, refused(preflight.OriginMalformed)},
		{"any origin: two lines", []string{"*"}, []string{listed, evil}, refused(preflight.OriginMalformed)},
		{"nobody listed", nil, []string{listed}, refused(preflight.OriginNotAllowed)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for flags := range 8 {
				s := situation{listed: test.list, host: host, internal: flags&1 != 0, reportOnly: flags&2 != 0, resource: flags&4 != 0}
				rule, want := s.rule(t), test.want
				if s.internal {
					want = refused(preflight.InternalMethod)
				}
				for _, site := range [][]string{nil, {"none"}, {"same-origin"}, {"same-site"}, {"cross-site"}} {
					for _, method := range [][]string{{"POST"}, {""}, {"PURGE"}, {"GET", "POST"}, {strings.Repeat("x", 1<<10)}} {
						for _, headers := range [][]string{nil, {""}, {"content-type"}, {"x-other"}, {"@"}, {strings.Repeat(",", 1<<16)}} {
							header := http.Header{"Origin": test.origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
							if site != nil {
								header["Sec-Fetch-Site"] = site
							}
							if got := rule.Judge("OPTIONS", host, header); got != want {
								require.Equal(t, want, got, "%+v %v", s, header)
							}
							if got := rule.Decide(test.origin, "OPTIONS", host, header); got != want {
								require.Equal(t, want, got, "Decide, %+v %v", s, header)
							}
						}
					}
				}
			}
		})
	}
}

// What a browser makes of the answer to a preflight: the steps of Fetch's
// "CORS-preflight fetch", against lists that were written out.
func TestBrowserPreflight(t *testing.T) {
	t.Parallel()
	rule := situation{listed: []string{listed}}.rule(t)
	rule.Methods = []string{"PATCH", "PUT"}
	rule.RequestHeaders = field.NewSet([]string{"Authorization", "Content-Type", "X-Tenant-Id"})
	long := strings.Repeat("X", 65)
	for _, test := range []struct {
		name             string
		methods, headers []string
		want             preflight.Reason
		fault            string
	}{
		{"a listed method", []string{"PUT"}, nil, preflight.OK, ""},
		{"a listed method that Fetch does not upper-case", []string{"PATCH"}, nil, preflight.OK, ""},
		{"the same in lower case", []string{"patch"}, nil, preflight.MethodNotAllowed, "patch"},
		{"GET, which is safelisted", []string{"GET"}, nil, preflight.OK, ""},
		{"HEAD, which is safelisted", []string{"HEAD"}, nil, preflight.OK, ""},
		{"POST, which is safelisted", []string{"POST"}, nil, preflight.OK, ""},
		{"a safelisted one in lower case", []string{"post"}, nil, preflight.MethodNotAllowed, "post"},
		{"another method", []string{"DELETE"}, nil, preflight.MethodNotAllowed, "DELETE"},
		{"OPTIONS, which is not safelisted", []string{"OPTIONS"}, nil, preflight.MethodNotAllowed, "OPTIONS"},
		{"a star, which is a method in a request", []string{"*"}, nil, preflight.MethodNotAllowed, "*"},
		{"no method", []string{""}, nil, preflight.MethodNotAllowed, ""},
		{"two lines", []string{"PUT", "PUT"}, nil, preflight.MethodNotAllowed, ""},
		{"a list", []string{"PUT,PATCH"}, nil, preflight.MethodNotAllowed, ""},
		{"no token", []string{"P UT"}, nil, preflight.MethodNotAllowed, ""},
		{"CR LF", []string{"PUT\r\nX: y"}, nil, preflight.MethodNotAllowed, ""},
		{"64 letters", []string{long[:64]}, nil, preflight.MethodNotAllowed, long[:64]},
		{"65 letters", []string{long}, nil, preflight.MethodNotAllowed, ""},
		{"a megabyte", []string{strings.Repeat("X", 1<<20)}, nil, preflight.MethodNotAllowed, ""},

		{"a listed header", []string{"POST"}, []string{"content-type"}, preflight.OK, ""},
		{"all listed headers", []string{"POST"}, []string{"authorization,content-type,x-tenant-id"}, preflight.OK, ""},
		{"Authorization, listed by name", []string{"POST"}, []string{"authorization"}, preflight.OK, ""},
		{"headers by hand", []string{"POST"}, []string{"Content-Type , X-TENANT-ID", "authorization"}, preflight.OK, ""},
		{"an empty list", []string{"POST"}, []string{""}, preflight.OK, ""},
		{"another header", []string{"POST"}, []string{"content-type,x-other"}, preflight.HeaderNotAllowed, "x-other"},
		{"the first of two others", []string{"POST"}, []string{"x-a,x-b"}, preflight.HeaderNotAllowed, "x-a"},
		{"a star", []string{"POST"}, []string{"*"}, preflight.HeaderNotAllowed, "*"},
		{"no name", []string{"POST"}, []string{"content-type,x y"}, preflight.HeadersMalformed, "x y"},
		{"NUL", []string{"POST"}, []string{"\x00"}, preflight.HeadersMalformed, "\x00"},
		{"a megabyte of commas", []string{"POST"}, []string{strings.Repeat(",", 1<<20)}, preflight.HeaderNotAllowed, ""},
		{"a hundred thousand names", []string{"POST"}, []string{strings.Repeat("x-a,", 100_000)}, preflight.HeaderNotAllowed, ""},
		{"method before header", []string{"DELETE"}, []string{"x-other"}, preflight.MethodNotAllowed, "DELETE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{"Origin": {listed}, "Access-Control-Request-Method": test.methods}
			if test.headers != nil {
				header["Access-Control-Request-Headers"] = test.headers
			}
			verdict := rule.Judge("OPTIONS", host, header)
			require.True(t, verdict.Permitted)
			reason, fault := rule.Browser(verdict, header)
			assert.Equal(t, test.want, reason)
			assert.Equal(t, test.fault, fault)
		})
	}
}

// Authorization is a name like others, and none is allowed unless it is
// listed.
func TestBrowserPreflightWithoutLists(t *testing.T) {
	t.Parallel()
	rule := situation{listed: []string{"*"}}.rule(t)
	for name, want := range map[string]preflight.Reason{"": preflight.OK, "authorization": preflight.HeaderNotAllowed, "content-type": preflight.HeaderNotAllowed} {
		header := http.Header{"Origin": {evil}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {name}}
		reason, fault := rule.Browser(rule.Judge("OPTIONS", host, header), header)
		assert.Equal(t, want, reason, name)
		assert.Equal(t, name, fault)
	}
	header := http.Header{"Origin": {evil}, "Access-Control-Request-Method": {"PUT"}}
	reason, fault := rule.Browser(rule.Judge("OPTIONS", host, header), header)
	assert.Equal(t, preflight.MethodNotAllowed, reason)
	assert.Equal(t, "PUT", fault)
}

// A verdict's own reason stands: what a browser would find next does not hide
// it.
func TestBrowserKeepsTheVerdictsReason(t *testing.T) {
	t.Parallel()
	for _, internal := range []bool{false, true} {
		rule := situation{listed: []string{listed}, internal: internal}.rule(t)
		for _, o := range [][]string{{evil}, {""}, {listed, listed}} {
			header := http.Header{"Origin": o, "Access-Control-Request-Method": {"PURGE"}, "Access-Control-Request-Headers": {"@"}, "Cookie": {"a=b"}}
			for _, method := range []string{"OPTIONS", "POST"} {
				verdict := rule.Judge(method, host, header)
				require.NotEqual(t, preflight.OK, verdict.Reason)
				reason, fault := rule.Browser(verdict, header)
				assert.Equal(t, verdict.Reason, reason)
				assert.Empty(t, fault)
			}
		}
	}
}

// A browser that sends cookies across origins demands Allow-Credentials.
func TestBrowserCall(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		credentials bool
		header      http.Header
		want        preflight.Reason
	}{
		{"no cookies", false, http.Header{"Origin": {listed}}, preflight.OK},
		{"no cookies where they may be", true, http.Header{"Origin": {listed}}, preflight.OK},
		{"cookies where they may be", true, http.Header{"Origin": {listed}, "Cookie": {"a=b"}}, preflight.OK},
		{"cookies", false, http.Header{"Origin": {listed}, "Cookie": {"a=b"}}, preflight.CredentialsNotAllowed},
		{"cookies, marked as cross-site", false, http.Header{"Origin": {listed}, "Cookie": {"a=b"}, "Sec-Fetch-Site": {"cross-site"}}, preflight.CredentialsNotAllowed},
		{"cookies of a form", false, http.Header{"Origin": {listed}, "Cookie": {"a=b"}, "Sec-Fetch-Mode": {"navigate"}}, preflight.OK},
		{"cookies of a script", false, http.Header{"Origin": {listed}, "Cookie": {"a=b"}, "Sec-Fetch-Mode": {"cors"}}, preflight.CredentialsNotAllowed},
		{"cookies of the own page, though listed", false, http.Header{"Origin": {listed}, "Cookie": {"a=b"}, "Sec-Fetch-Site": {"same-origin"}}, preflight.OK},
		{"cookies of the own page", false, http.Header{"Origin": {own}, "Cookie": {"a=b"}}, preflight.OK},
		{"cookies of no browser", false, http.Header{"Cookie": {"a=b"}}, preflight.OK},
		{"Authorization, which is no credential to CORS", false, http.Header{"Origin": {listed}, "Authorization": {"Bearer x"}}, preflight.OK},
		{"a preflight's fields on a call", false, http.Header{"Origin": {listed}, "Access-Control-Request-Method": {"PURGE"}, "Access-Control-Request-Headers": {"x"}}, preflight.OK},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rule := situation{listed: []string{listed}}.rule(t)
			rule.Credentials = test.credentials
			reason, fault := rule.Browser(rule.Judge("POST", host, test.header), test.header)
			assert.Equal(t, test.want, reason)
			assert.Empty(t, fault)
		})
	}
}

// What is shown to no script asks for no permission, so where the rule lets it
// pass there is nothing to report.
func TestBrowserOfWhatAsksForNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, method string
		header       http.Header
		resource     preflight.Reason // of a rule that is not enforced
		enforced     preflight.Reason
	}{
		{"an image with cookies", "GET", http.Header{"Cookie": {"a=b"}, "Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}}, preflight.OK, preflight.OriginMissing},
		{"an image, in a browser that does not tell the mode", "GET", http.Header{"Sec-Fetch-Site": {"cross-site"}}, preflight.OK, preflight.OriginMissing},
		{"a form", "POST", http.Header{"Origin": {evil}, "Sec-Fetch-Mode": {"navigate"}}, preflight.OK, preflight.OriginNotAllowed},
		{"a beacon", "POST", http.Header{"Origin": {evil}, "Sec-Fetch-Mode": {"no-cors"}}, preflight.OK, preflight.OriginNotAllowed},
		{"a script", "POST", http.Header{"Origin": {evil}, "Sec-Fetch-Mode": {"cors"}}, preflight.OriginNotAllowed, preflight.OriginNotAllowed},
		{"a script, in a browser that does not tell the mode", "POST", http.Header{"Origin": {evil}}, preflight.OriginNotAllowed, preflight.OriginNotAllowed},
		{"two modes", "POST", http.Header{"Origin": {evil}, "Sec-Fetch-Mode": {"cors", "cors"}}, preflight.OK, preflight.OriginNotAllowed},
		{"a preflight, whatever its mode", "OPTIONS", http.Header{"Origin": {evil}, "Access-Control-Request-Method": {"PUT"}, "Sec-Fetch-Mode": {"no-cors"}}, preflight.OriginNotAllowed, preflight.OriginNotAllowed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, resource := range []bool{true, false} {
				rule := situation{listed: []string{listed}, resource: resource}.rule(t)
				want := test.enforced
				if resource {
					want = test.resource
				}
				reason, fault := rule.Browser(rule.Judge(test.method, host, test.header), test.header)
				assert.Equal(t, want, reason, "resource: %t", resource)
				assert.Empty(t, fault)
			}
		})
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	assert.Equal(t, int(preflight.HTTP2Preface)+1, preflight.Reasons, "the last one, and all before it")
	assert.Zero(t, preflight.OK)
	assert.Zero(t, preflight.Ungoverned)
}

// Judging allocates nothing, whatever a request carries.
func TestJudgeDoesNotAllocate(t *testing.T) {
	rule := situation{listed: []string{listed, "https://*.example.com:*"}}.rule(t)
	rule.Methods = []string{"PUT"}
	rule.RequestHeaders = field.NewSet([]string{"Authorization", "Content-Type"})
	megabyte := strings.Repeat("a.", 1<<19)
	for name, header := range map[string]http.Header{
		"nothing":           {},
		"a listed origin":   {"Origin": {listed}},
		"a pattern's":       {"Origin": {"https://a.example.com:8443"}},
		"another":           {"Origin": {evil}, "Sec-Fetch-Site": {"cross-site"}},
		"the own":           {"Origin": {own}},
		"an image":          {"Sec-Fetch-Site": {"cross-site"}},
		"a preflight":       {"Origin": {listed}, "Access-Control-Request-Method": {"PUT"}, "Access-Control-Request-Headers": {"authorization,content-type"}},
		"a refused one":     {"Origin": {evil}, "Access-Control-Request-Method": {"PUT"}},
		"a hostile origin":  {"Origin": {"https://" + megabyte + "example.com"}, "Sec-Fetch-Site": {megabyte}},
		"hostile lists":     {"Origin": {listed}, "Access-Control-Request-Method": {megabyte}, "Access-Control-Request-Headers": {megabyte}},
		"many lines":        {"Origin": make([]string, 1<<16), "Access-Control-Request-Method": make([]string, 1<<16), "Sec-Fetch-Site": make([]string, 1<<16)},
		"many header lines": {"Origin": {listed}, "Access-Control-Request-Method": {"PUT"}, "Access-Control-Request-Headers": make([]string, 1<<16)},
	} {
		for _, method := range []string{"GET", "OPTIONS"} {
			assert.Zero(t, testing.AllocsPerRun(10, func() {
				rule.Browser(rule.Judge(method, host, header), header)
			}), "%s %s", method, name)
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	rule := situation{listed: []string{listed}}.rule(b)
	rule.RequestHeaders = field.NewSet([]string{"Authorization", "Content-Type"})
	for _, request := range []struct {
		name, method string
		header       http.Header
	}{
		{"no browser", "POST", http.Header{}},
		{"call", "POST", http.Header{"Origin": {listed}, "Sec-Fetch-Site": {"cross-site"}}},
		{"call refused", "POST", http.Header{"Origin": {evil}, "Sec-Fetch-Site": {"cross-site"}}},
		{"preflight", "OPTIONS", http.Header{"Origin": {listed}, "Access-Control-Request-Method": {"POST"}}},
		{"preflight refused", "OPTIONS", http.Header{"Origin": {evil}, "Access-Control-Request-Method": {"POST"}}},
		{"preflight of 1 MiB", "OPTIONS", http.Header{"Origin": {listed}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {strings.Repeat(",", 1<<20)}}},
	} {
		b.Run(request.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rule.Judge(request.method, host, request.header)
			}
		})
	}
}
