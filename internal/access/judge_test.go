package access_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/access"
	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/origin"
)

const (
	listed = "https://app.example.com"
	evil   = "https://evil.test"
	host   = "api.example.com"
	own    = "https://api.example.com"
)

func (s situation) rule(t testing.TB) *access.Rule {
	t.Helper()
	entries := make([]origin.Entry, len(s.listed))
	for i, text := range s.listed {
		entry, err := origin.Parse(text)
		require.NoError(t, err)
		entries[i] = entry
	}
	return &access.Rule{
		Origins:     origin.NewSet(entries),
		Credentials: s.credentials,
		Enforced:    !s.resource,
		Internal:    s.internal,
		ReportOnly:  s.reportOnly,
		Server:      &access.Server{Hosts: s.hosts, RequireHosts: s.requireHosts, RequireFetchMetadata: s.requireFetchMetadata},
	}
}

func (s situation) request(method string) *access.Request {
	header := http.Header{"Content-Type": {"application/json"}}
	for name, lines := range map[string][]string{"Origin": s.origin, "Sec-Fetch-Site": s.site, "Sec-Purpose": s.purpose, "Cookie": s.cookie} {
		if lines != nil {
			header[name] = lines
		}
	}
	return newRequest(method, s.host, header)
}

func newRequest(method, host string, header http.Header) *access.Request {
	q := access.NewRequest(&http.Request{Method: method, Host: host, Header: header})
	return &q
}

// judge returns the verdict with the kind that looks at all headers.
func judge(t testing.TB, rule *access.Rule, q *access.Request) access.Verdict {
	v := rule.Judge(q)
	kind := rule.Kind(v, q)
	if v.Kind != kind && (v.Kind != access.KindCrossOrigin || !v.Permitted) {
		require.Equal(t, kind, v.Kind, "only calls that pass by their origin are looked at less closely")
	}
	v.Kind = kind
	return v
}

// The rows that matter, for a person to check against the design.
func TestJudgeCall(t *testing.T) {
	t.Parallel()
	lines := func(values ...string) []string { return values }
	allowed := func(kind access.Kind) access.Verdict { return access.Verdict{Kind: kind} }
	permitted := access.Verdict{Kind: access.KindCrossOrigin, Permitted: true}
	refused := func(kind access.Kind, reason access.Reason) access.Verdict {
		return access.Verdict{Kind: kind, Reason: reason, Refused: true}
	}
	reported := func(kind access.Kind, reason access.Reason) access.Verdict {
		return access.Verdict{Kind: kind, Reason: reason}
	}
	const (
		nonBrowser = access.KindNonBrowser
		same       = access.KindSameOrigin
		cross      = access.KindCrossOrigin
		notAllowed = access.ReasonOriginNotAllowed
		missing    = access.ReasonOriginMissing
		malformed  = access.ReasonOriginMalformed
		internal   = access.ReasonInternalMethod
		noCookies  = access.ReasonCredentialsNotAllowed
		wrongHost  = access.ReasonHostNotAllowed
		unmarked   = access.ReasonFetchMetadataMissing
	)
	cookies := lines("session=1")
	enforced := situation{listed: lines(listed), host: host}
	credentials, internalMethod, reportOnly, resource, twoHosts, browsersOnly := enforced, enforced, enforced, enforced, enforced, enforced
	credentials.credentials = true
	internalMethod.internal = true
	reportOnly.reportOnly = true
	resource.resource = true
	twoHosts.hosts, twoHosts.requireHosts = lines(host, "api.test:8443"), true
	browsersOnly.requireFetchMetadata = true
	internalReportOnly := internalMethod
	internalReportOnly.reportOnly = true
	everything := func(s situation) situation {
		s.requireHosts, s.requireFetchMetadata, s.hosts = true, true, lines("other.test")
		return s
	}
	for _, test := range []struct {
		name                  string
		rule                  situation
		origin, site, purpose []string
		cookie                []string
		want                  access.Verdict
	}{
		{"curl, a gRPC client", enforced, nil, nil, nil, nil, allowed(nonBrowser)},
		{"curl with cookies", enforced, nil, nil, nil, cookies, allowed(nonBrowser)},
		{"a page that may call", enforced, lines(listed), lines("cross-site"), nil, nil, permitted},
		{"a sibling's page that may call", enforced, lines(listed), lines("same-site"), nil, nil, permitted},
		{"a page that may call, on plain HTTP", enforced, lines(listed), nil, nil, nil, permitted},
		{"a page that may call, from a future browser", enforced, lines(listed), lines("near-site"), nil, nil, permitted},
		{"any other page", enforced, lines(evil), lines("cross-site"), nil, nil, refused(cross, notAllowed)},
		{"any other page, on plain HTTP", enforced, lines(evil), nil, nil, nil, refused(cross, notAllowed)},
		{"a sandboxed frame", enforced, lines("null"), lines("cross-site"), nil, nil, refused(cross, notAllowed)},
		{"a Connect GET by <img>", enforced, nil, lines("cross-site"), nil, nil, refused(cross, missing)},
		{"a Connect GET by a sibling's <img>", enforced, nil, lines("same-site"), nil, nil, refused(cross, missing)},
		{"a Connect GET by <img> in a future browser", enforced, nil, lines("near-site"), nil, nil, refused(cross, missing)},
		{"the server's own page reads", enforced, nil, lines("same-origin"), nil, nil, allowed(same)},
		{"the server's own page reads with cookies", enforced, nil, lines("same-origin"), nil, cookies, allowed(same)},
		{"the server's own page writes", enforced, lines(own), lines("same-origin"), nil, nil, allowed(same)},
		{"the server's own page writes, on plain HTTP", enforced, lines("http://" + host), nil, nil, nil, allowed(same)},
		{"the server's own page writes with cookies, on plain HTTP", enforced, lines("http://" + host), nil, nil, cookies, allowed(same)},
		{"the server's own origin, marked as another's", enforced, lines(own), lines("cross-site"), nil, nil, refused(cross, notAllowed)},
		{"the user types the address", enforced, nil, lines("none"), nil, cookies, allowed(same)},
		{"a page's speculation rules prefetch", enforced, nil, lines("none"), lines("prefetch"), cookies, refused(cross, missing)},
		{"a page's speculation rules prerender", enforced, nil, lines("none"), lines("prefetch;prerender"), cookies, refused(cross, missing)},
		{"an empty Sec-Purpose", enforced, nil, lines("none"), lines(""), nil, refused(cross, missing)},
		{"a listed page's speculation rules, which send no Origin", credentials, nil, lines("none"), lines("prefetch"), nil, refused(cross, missing)},
		{"the server's own page prefetches", enforced, nil, lines("same-origin"), lines("prefetch"), cookies, allowed(same)},
		{"Sec-Purpose alone, which browsers do not send", enforced, nil, nil, lines("prefetch"), nil, allowed(nonBrowser)},
		{"an empty Origin", enforced, lines(""), nil, nil, nil, refused(cross, malformed)},
		{"two Origin lines, both listed", enforced, lines(listed, listed), lines("cross-site"), nil, nil, refused(cross, malformed)},
		{"two Origin lines, both the server's own", enforced, lines(own, own), nil, nil, nil, refused(cross, malformed)},
		{"two Sec-Fetch-Site lines, one good", enforced, nil, lines("same-origin", "cross-site"), nil, nil, refused(cross, missing)},
		{"two Sec-Fetch-Site lines, both good", enforced, lines(evil), lines("none", "none"), nil, nil, refused(cross, notAllowed)},
		{"an empty Sec-Fetch-Site", enforced, nil, lines(""), nil, nil, refused(cross, missing)},
		{"a Sec-Fetch-Site in upper case", enforced, nil, lines("NONE"), nil, nil, refused(cross, missing)},

		{"a listed page with cookies", enforced, lines(listed), lines("cross-site"), nil, cookies, access.Verdict{Kind: cross, Reason: noCookies, Refused: true, Permitted: true}},
		{"a listed page with cookies, on plain HTTP", enforced, lines(listed), nil, nil, cookies, access.Verdict{Kind: cross, Reason: noCookies, Refused: true, Permitted: true}},
		{"a listed page with an empty cookie", enforced, lines(listed), nil, nil, lines(""), access.Verdict{Kind: cross, Reason: noCookies, Refused: true, Permitted: true}},
		{"a listed page with cookies, credentials on", credentials, lines(listed), lines("cross-site"), nil, cookies, permitted},
		{"any other page with cookies", credentials, lines(evil), lines("cross-site"), nil, cookies, refused(cross, notAllowed)},
		{"any other page with cookies, credentials off: the origin is the cause", enforced, lines(evil), nil, nil, cookies, refused(cross, notAllowed)},
		{"a listed page with cookies, only reported", reportOnly, lines(listed), nil, nil, cookies, access.Verdict{Kind: cross, Reason: noCookies, Permitted: true}},

		{"internal: another server", internalMethod, nil, nil, nil, nil, allowed(nonBrowser)},
		{"internal: the user types the address", internalMethod, nil, lines("none"), nil, nil, refused(same, internal)},
		{"internal: speculation rules", internalMethod, nil, lines("none"), lines("prefetch"), nil, refused(cross, internal)},
		{"internal: a listed page", internalMethod, lines(listed), lines("cross-site"), nil, nil, refused(cross, internal)},
		{"internal: the server's own page reads", internalMethod, nil, lines("same-origin"), nil, nil, refused(same, internal)},
		{"internal: the server's own page writes", internalMethod, lines(own), lines("same-origin"), nil, nil, refused(same, internal)},
		{"internal: the server's own page writes, on plain HTTP", internalMethod, lines(own), nil, nil, nil, refused(same, internal)},
		{"internal: an <img>", internalMethod, nil, lines("cross-site"), nil, nil, refused(cross, internal)},
		{"internal: Origin on what the user did", internalMethod, lines(listed), lines("none"), nil, nil, refused(same, internal)},
		{"internal: two Origin lines", internalMethod, lines(listed, listed), nil, nil, nil, refused(cross, internal)},

		{"report only: a listed page", reportOnly, lines(listed), lines("cross-site"), nil, nil, permitted},
		{"report only: any other page", reportOnly, lines(evil), lines("cross-site"), nil, nil, reported(cross, notAllowed)},
		{"report only: an <img>", reportOnly, nil, lines("cross-site"), nil, nil, reported(cross, missing)},

		{"resource: a font for a listed page", resource, lines(listed), lines("cross-site"), nil, nil, permitted},
		{"resource: a font for any other page", resource, lines(evil), lines("cross-site"), nil, nil, reported(cross, notAllowed)},
		{"resource: an <img>", resource, nil, lines("cross-site"), nil, cookies, reported(cross, missing)},
		{"resource: a listed page with cookies", resource, lines(listed), lines("cross-site"), nil, cookies, permitted},
		{"resource: a form of any other page", resource, lines(evil), nil, nil, cookies, reported(cross, notAllowed)},
		{"resource: two Origin lines", resource, lines(listed, evil), nil, nil, nil, reported(cross, malformed)},
		{"resource: neither host nor mark is required", everything(resource), nil, nil, nil, nil, allowed(nonBrowser)},

		{"hosts required: one of them", twoHosts, nil, nil, nil, nil, allowed(nonBrowser)},
		{"hosts required: one of them, by a listed page", twoHosts, lines(listed), nil, nil, nil, permitted},
		{"mark required: curl", browsersOnly, nil, nil, nil, nil, refused(nonBrowser, unmarked)},
		{"mark required: Origin", browsersOnly, lines(listed), nil, nil, nil, permitted},
		{"mark required: Sec-Fetch-Site", browsersOnly, nil, lines("none"), nil, nil, allowed(same)},
		{"mark required: an empty Sec-Fetch-Site", browsersOnly, nil, lines(""), nil, nil, refused(cross, missing)},
		{"hosts before marks", everything(enforced), nil, nil, nil, nil, refused(nonBrowser, wrongHost)},
		{"hosts before internal", everything(internalMethod), lines(own), nil, nil, nil, refused(cross, wrongHost)},
		{"hosts before origins", everything(enforced), lines(evil), nil, nil, nil, refused(cross, wrongHost)},
		{"hosts, for a listed page", everything(enforced), lines(listed), nil, nil, nil, access.Verdict{Kind: cross, Reason: wrongHost, Refused: true, Permitted: true}},
		{"hosts, for the server's own page", everything(enforced), nil, lines("same-origin"), nil, nil, refused(same, wrongHost)},
		{"hosts, only reported", everything(reportOnly), nil, nil, nil, nil, reported(nonBrowser, wrongHost)},
		{"hosts, only reported, but internal", everything(internalReportOnly), nil, lines("same-origin"), nil, nil, refused(same, internal)},
		{"hosts, only reported, and not marked", everything(internalReportOnly), nil, nil, nil, nil, reported(nonBrowser, wrongHost)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := test.rule
			s.origin, s.site, s.purpose, s.cookie = test.origin, test.site, test.purpose, test.cookie
			assert.Equal(t, test.want, judge(t, s.rule(t), s.request("POST")))
			assert.Equal(t, test.want, s.verdict(), "the oracle")
		})
	}
}

// Every combination of what the design distinguishes, and of what it does not.
func TestJudgeCallAgreesWithTheOracle(t *testing.T) {
	t.Parallel()
	origins := [][]string{
		nil, {}, {""}, {listed}, {evil}, {own}, {"http://api.example.com"}, {"https://api.example.com:8443"}, {"null"}, {"*"},
		{listed, listed}, {listed, evil}, {own, own}, {"", ""}, {listed + "," + evil}, {"https://API.example.com"}, {" " + listed},
	}
	sites := [][]string{
		nil, {}, {""}, {"none"}, {"same-origin"}, {"cross-site"}, {"near-site"}, {"None"}, {"none,none"},
		{"none", "none"}, {"same-origin", "cross-site"}, {"cross-site", "same-origin"},
	}
	n := 0
	for _, list := range [][]string{nil, {listed}, {listed, own}, {"*"}} {
		for _, hosts := range [][]string{nil, {}, {"other.example.com", "api.example.com:443"}, {"other.example.com"}} {
			for _, requestHost := range []string{"API.example.com:80", "api.example.com:8443", "evil.test", ""} {
				for flags := range 64 {
					s := situation{
						listed: list, hosts: hosts, host: requestHost,
						internal: flags&1 != 0, reportOnly: flags&2 != 0, resource: flags&4 != 0,
						credentials: flags&8 != 0, requireHosts: flags&16 != 0, requireFetchMetadata: flags&32 != 0,
					}
					if s.resource && s.internal {
						continue // resources are not in schemas
					}
					rule := s.rule(t)
					for _, o := range origins {
						for i, site := range sites {
							// Of what only one step looks at, each value with half of the others.
							s.purpose, s.cookie = nil, nil
							if (flags+i)%2 == 0 {
								s.purpose = []string{"prefetch"}
							}
							if (flags/2+i)%2 == 0 {
								s.cookie = []string{"session=1"}
							}
							s.origin, s.site = o, site // also a key without lines
							method := []string{"GET", "POST", "HEAD", "OPTIONS", "DELETE"}[n%5]
							q := s.request(method)
							s.origin, s.site = present(o), present(site)
							want, got := s.verdict(), judge(t, rule, q)
							if got != want {
								require.Equal(t, want, got, "%s %+v", method, s)
							}
							if got.Refused && got.Reason == access.ReasonOK {
								require.Fail(t, "contradiction", "%+v: %s %+v", got, method, s)
							}
							n++
						}
					}
				}
			}
		}
	}
	assert.Equal(t, 4*4*4*48*len(origins)*len(sites), n)
}

// present tells no lines from an empty list of them.
func present(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return lines
}

// The server's own origin differs least from others.
func TestJudgeCallOwnHost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		hosts        []string
		host, origin string
		own          bool
	}{
		{"the request's", nil, host, own, true},
		{"the request's, TLS ends at a proxy", nil, host + ":80", own, true},
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
			v := s.rule(t).JudgeCall(s.request("POST"))
			assert.Equal(t, !test.own, v.Refused)
			assert.Equal(t, test.own, v.Kind == access.KindSameOrigin)
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
		{"both headers", "OPTIONS", http.Header{"Origin": {listed}, "Access-Control-Request-Method": {"POST"}}, true},
		{"both headers, empty", "OPTIONS", http.Header{"Origin": {""}, "Access-Control-Request-Method": {""}}, true},
		{"both headers, repeated", "OPTIONS", http.Header{"Origin": {listed, evil}, "Access-Control-Request-Method": {"GET", "POST"}}, true},
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
		assert.Equal(t, test.want, newRequest(test.method, host, test.header).IsPreflight(), test.name)
	}
}

// A preflight is allowed by origin alone, and refused on every kind of rule.
func TestJudgePreflight(t *testing.T) {
	t.Parallel()
	permitted := access.Verdict{Kind: access.KindPreflight, Permitted: true}
	refused := func(reason access.Reason) access.Verdict {
		return access.Verdict{Kind: access.KindPreflight, Reason: reason, Refused: true}
	}
	for _, test := range []struct {
		name   string
		list   []string
		origin []string
		want   access.Verdict
	}{
		{"a listed origin", []string{listed}, []string{listed}, permitted},
		{"any origin", []string{"*"}, []string{evil}, permitted},
		{"any origin: null", []string{"*"}, []string{"null"}, permitted},
		{"another origin", []string{listed}, []string{evil}, refused(access.ReasonOriginNotAllowed)},
		{"null", []string{listed}, []string{"null"}, refused(access.ReasonOriginNotAllowed)},
		{"a star", []string{listed}, []string{"*"}, refused(access.ReasonOriginNotAllowed)},
		{"the server's own origin, for which browsers send none", []string{listed}, []string{own}, refused(access.ReasonOriginNotAllowed)},
		{"an empty origin", []string{listed}, []string{""}, refused(access.ReasonOriginMalformed)},
		{"any origin: an empty one", []string{"*"}, []string{""}, refused(access.ReasonOriginMalformed)},
		{"two lines", []string{listed}, []string{listed, listed}, refused(access.ReasonOriginMalformed)},
		{"any origin: two lines", []string{"*"}, []string{listed, evil}, refused(access.ReasonOriginMalformed)},
		{"nobody listed", nil, []string{listed}, refused(access.ReasonOriginNotAllowed)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for flags := range 64 {
				s := situation{
					listed: test.list, host: host, hosts: []string{"other.test"}, origin: test.origin,
					internal: flags&1 != 0, reportOnly: flags&2 != 0, resource: flags&4 != 0,
					credentials: flags&8 != 0, requireHosts: flags&16 != 0, requireFetchMetadata: flags&32 != 0,
				}
				want := s.preflight()
				if !s.internal && (!s.requireHosts || s.resource) {
					require.Equal(t, test.want, want, "the oracle")
				}
				rule := s.rule(t)
				for _, site := range [][]string{nil, {"none"}, {"same-origin"}, {"same-site"}, {"cross-site"}} {
					for _, method := range [][]string{{"POST"}, {""}, {"GET", "POST"}, {strings.Repeat("x", 1<<10)}} {
						for _, headers := range [][]string{nil, {""}, {"x-other"}, {"@"}, {strings.Repeat(",", 1<<16)}} {
							q := s.request("OPTIONS")
							q.Header["Access-Control-Request-Method"], q.Header["Access-Control-Request-Headers"] = method, headers
							q.Header["Cookie"], q.Header["Sec-Purpose"] = headers, headers // browsers send neither
							if site != nil {
								q.Header["Sec-Fetch-Site"] = site
							}
							if got := rule.Judge(q); got != want {
								require.Equal(t, want, got, "%+v %v", s, q.Header)
							}
						}
					}
				}
			}
		})
	}
}

// The host is compared as browsers and programs write it.
func TestRequireHosts(t *testing.T) {
	t.Parallel()
	for host, own := range map[string]bool{
		"api.example.com": true, "API.Example.com": true, "api.example.com:443": true, "api.example.com:80": true,
		"api.example.com:8443": false, "api.example.com.": false, "": false, "evil.test": false, "api.example.com.evil.test": false,
		"other.example.com:8443": true, "Other.example.com:8443": true, "other.example.com": false, "other.example.com:443": false,
		"xapi.example.com": false, "api.example.com@evil.test": false, "[::1]": true, "[::1]:80": true, "::1": false,
	} {
		s := situation{listed: []string{listed}, hosts: []string{"api.example.com", "other.example.com:8443", "[::1]"}, requireHosts: true, host: host, origin: []string{listed}}
		call := s.rule(t).Judge(s.request("GET"))
		q := s.request("OPTIONS")
		q.Header["Access-Control-Request-Method"] = []string{"GET"}
		preflight := s.rule(t).Judge(q)
		assert.Equal(t, !own, call.Refused, host)
		assert.Equal(t, !own, preflight.Refused, host)
		assert.Equal(t, own, s.forOwnHost(), "%s: the oracle", host)
	}
	assert.False(t, (&access.Server{}).Requires())
	assert.True(t, (&access.Server{RequireHosts: true}).Requires())
	assert.True(t, (&access.Server{RequireFetchMetadata: true}).Requires())
}

// What a browser makes of the response to a preflight: the steps of Fetch's
// "CORS-preflight fetch", with lists that are written out here.
func TestBrowserPreflight(t *testing.T) {
	t.Parallel()
	rule := situation{listed: []string{listed}}.rule(t)
	rule.Methods = []string{"PATCH", "PUT"}
	rule.RequestHeaders = headername.NewSet([]string{"Authorization", "Content-Type", "X-Tenant-Id"})
	long := strings.Repeat("X", 65)
	for _, test := range []struct {
		name             string
		methods, headers []string
		want             access.Reason
		fault            string
	}{
		{"a listed method", []string{"PUT"}, nil, access.ReasonOK, ""},
		{"a listed method that Fetch does not upper-case", []string{"PATCH"}, nil, access.ReasonOK, ""},
		{"the same in lower case", []string{"patch"}, nil, access.ReasonMethodNotAllowed, "patch"},
		{"GET, which is safelisted", []string{"GET"}, nil, access.ReasonOK, ""},
		{"HEAD, which is safelisted", []string{"HEAD"}, nil, access.ReasonOK, ""},
		{"POST, which is safelisted", []string{"POST"}, nil, access.ReasonOK, ""},
		{"a safelisted one in lower case", []string{"post"}, nil, access.ReasonMethodNotAllowed, "post"},
		{"another method", []string{"DELETE"}, nil, access.ReasonMethodNotAllowed, "DELETE"},
		{"OPTIONS, which is not safelisted", []string{"OPTIONS"}, nil, access.ReasonMethodNotAllowed, "OPTIONS"},
		{"a star, which is a method in a request", []string{"*"}, nil, access.ReasonMethodNotAllowed, "*"},
		{"no method", []string{""}, nil, access.ReasonMethodNotAllowed, ""},
		{"two lines", []string{"PUT", "PUT"}, nil, access.ReasonMethodNotAllowed, ""},
		{"a list", []string{"PUT,PATCH"}, nil, access.ReasonMethodNotAllowed, ""},
		{"not a token", []string{"P UT"}, nil, access.ReasonMethodNotAllowed, ""},
		{"CR LF", []string{"PUT\r\nX: y"}, nil, access.ReasonMethodNotAllowed, ""},
		{"64 letters", []string{long[:64]}, nil, access.ReasonMethodNotAllowed, long[:64]},
		{"65 letters", []string{long}, nil, access.ReasonMethodNotAllowed, ""},
		{"a megabyte", []string{strings.Repeat("X", 1<<20)}, nil, access.ReasonMethodNotAllowed, ""},

		{"a listed header", []string{"POST"}, []string{"content-type"}, access.ReasonOK, ""},
		{"all listed headers", []string{"POST"}, []string{"authorization,content-type,x-tenant-id"}, access.ReasonOK, ""},
		{"Authorization, listed by name", []string{"POST"}, []string{"authorization"}, access.ReasonOK, ""},
		{"headers by hand", []string{"POST"}, []string{"Content-Type , X-TENANT-ID", "authorization"}, access.ReasonOK, ""},
		{"an empty list", []string{"POST"}, []string{""}, access.ReasonOK, ""},
		{"another header", []string{"POST"}, []string{"content-type,x-other"}, access.ReasonHeaderNotAllowed, "x-other"},
		{"the first of two others", []string{"POST"}, []string{"x-a,x-b"}, access.ReasonHeaderNotAllowed, "x-a"},
		{"a star", []string{"POST"}, []string{"*"}, access.ReasonHeaderNotAllowed, "*"},
		{"not a name", []string{"POST"}, []string{"content-type,x y"}, access.ReasonHeadersMalformed, "x y"},
		{"NUL", []string{"POST"}, []string{"\x00"}, access.ReasonHeadersMalformed, "\x00"},
		{"a megabyte of commas", []string{"POST"}, []string{strings.Repeat(",", 1<<20)}, access.ReasonHeaderNotAllowed, ""},
		{"a hundred thousand names", []string{"POST"}, []string{strings.Repeat("x-a,", 100_000)}, access.ReasonHeaderNotAllowed, ""},
		{"method before header", []string{"DELETE"}, []string{"x-other"}, access.ReasonMethodNotAllowed, "DELETE"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{"Origin": {listed}, "Access-Control-Request-Method": test.methods}
			if test.headers != nil {
				header["Access-Control-Request-Headers"] = test.headers
			}
			q := newRequest("OPTIONS", host, header)
			verdict := rule.Judge(q)
			require.True(t, verdict.Permitted)
			reason, fault := rule.Browser(verdict, q)
			assert.Equal(t, test.want, reason)
			assert.Equal(t, test.fault, fault)
		})
	}
}

// Authorization is a name like any other: it is allowed only if it is listed.
func TestBrowserPreflightWithoutLists(t *testing.T) {
	t.Parallel()
	rule := situation{listed: []string{"*"}}.rule(t)
	for name, want := range map[string]access.Reason{"": access.ReasonOK, "authorization": access.ReasonHeaderNotAllowed, "content-type": access.ReasonHeaderNotAllowed} {
		header := http.Header{"Origin": {evil}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {name}}
		q := newRequest("OPTIONS", host, header)
		reason, fault := rule.Browser(rule.Judge(q), q)
		assert.Equal(t, want, reason, name)
		assert.Equal(t, name, fault)
	}
	header := http.Header{"Origin": {evil}, "Access-Control-Request-Method": {"PUT"}}
	q := newRequest("OPTIONS", host, header)
	reason, fault := rule.Browser(rule.Judge(q), q)
	assert.Equal(t, access.ReasonMethodNotAllowed, reason)
	assert.Equal(t, "PUT", fault)
}

// A verdict's own reason stands, whatever a browser would find next.
func TestBrowserKeepsTheVerdictsReason(t *testing.T) {
	t.Parallel()
	for _, internal := range []bool{false, true} {
		rule := situation{listed: []string{listed}, internal: internal}.rule(t)
		for _, o := range [][]string{{evil}, {""}, {listed, listed}} {
			header := http.Header{"Origin": o, "Access-Control-Request-Method": {"PURGE"}, "Access-Control-Request-Headers": {"@"}, "Cookie": {"a=b"}}
			for _, method := range []string{"OPTIONS", "POST"} {
				q := newRequest(method, host, header)
				verdict := rule.Judge(q)
				require.NotEqual(t, access.ReasonOK, verdict.Reason)
				reason, fault := rule.Browser(verdict, q)
				assert.Equal(t, verdict.Reason, reason)
				assert.Empty(t, fault)
			}
		}
	}
}

// A browser that sends cookies across origins demands Allow-Credentials. Where
// the rule is enforced, such calls do not even reach the handler.
func TestBrowserCall(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name               string
		credentials        bool
		header             http.Header
		enforced, resource access.Reason
	}{
		{"no cookies", false, http.Header{"Origin": {listed}}, access.ReasonOK, access.ReasonOK},
		{"no cookies, credentials on", true, http.Header{"Origin": {listed}}, access.ReasonOK, access.ReasonOK},
		{"cookies, credentials on", true, http.Header{"Origin": {listed}, "Cookie": {"a=b"}}, access.ReasonOK, access.ReasonOK},
		{"cookies", false, http.Header{"Origin": {listed}, "Cookie": {"a=b"}}, access.ReasonCredentialsNotAllowed, access.ReasonCredentialsNotAllowed},
		{"cookies, marked as cross-site", false, http.Header{"Origin": {listed}, "Cookie": {"a=b"}, "Sec-Fetch-Site": {"cross-site"}}, access.ReasonCredentialsNotAllowed, access.ReasonCredentialsNotAllowed},
		{"cookies of a form", false, http.Header{"Origin": {listed}, "Cookie": {"a=b"}, "Sec-Fetch-Mode": {"navigate"}}, access.ReasonCredentialsNotAllowed, access.ReasonOK},
		{"cookies of a beacon", false, http.Header{"Origin": {listed}, "Cookie": {"a=b"}, "Sec-Fetch-Mode": {"no-cors"}}, access.ReasonCredentialsNotAllowed, access.ReasonOK},
		{"cookies of a WebSocket handshake", false, http.Header{"Origin": {listed}, "Cookie": {"a=b"}, "Sec-Fetch-Mode": {"websocket"}}, access.ReasonCredentialsNotAllowed, access.ReasonOK},
		{"cookies of a script", false, http.Header{"Origin": {listed}, "Cookie": {"a=b"}, "Sec-Fetch-Mode": {"cors"}}, access.ReasonCredentialsNotAllowed, access.ReasonCredentialsNotAllowed},
		{"cookies of the server's own page, though listed", false, http.Header{"Origin": {listed}, "Cookie": {"a=b"}, "Sec-Fetch-Site": {"same-origin"}}, access.ReasonOK, access.ReasonOK},
		{"cookies of the server's own page", false, http.Header{"Origin": {own}, "Cookie": {"a=b"}}, access.ReasonOK, access.ReasonOK},
		{"cookies of a program", false, http.Header{"Cookie": {"a=b"}}, access.ReasonOK, access.ReasonOK},
		{"Authorization, which a script sets itself", false, http.Header{"Origin": {listed}, "Authorization": {"Bearer x"}}, access.ReasonOK, access.ReasonOK},
		{"a preflight's headers on a call", false, http.Header{"Origin": {listed}, "Access-Control-Request-Method": {"PURGE"}, "Access-Control-Request-Headers": {"x"}}, access.ReasonOK, access.ReasonOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, resource := range []bool{false, true} {
				want := test.enforced
				if resource {
					want = test.resource
				}
				rule := situation{listed: []string{listed}, credentials: test.credentials, resource: resource}.rule(t)
				q := newRequest("POST", host, test.header)
				verdict := rule.Judge(q)
				reason, fault := rule.Browser(verdict, q)
				assert.Equal(t, want, reason, "resource: %t", resource)
				assert.Equal(t, !resource && want != access.ReasonOK, verdict.Refused)
				assert.Empty(t, fault)
			}
		})
	}
}

// What no script can read needs no permission, so where the rule lets it pass
// there is nothing to report.
func TestBrowserOfWhatAsksForNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, method string
		header       http.Header
		resource     access.Reason // of a rule that is not enforced
		enforced     access.Reason
	}{
		{"an image with cookies", "GET", http.Header{"Cookie": {"a=b"}, "Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}}, access.ReasonOK, access.ReasonOriginMissing},
		{"an image, in a browser that does not send the mode", "GET", http.Header{"Sec-Fetch-Site": {"cross-site"}}, access.ReasonOK, access.ReasonOriginMissing},
		{"a form", "POST", http.Header{"Origin": {evil}, "Sec-Fetch-Mode": {"navigate"}}, access.ReasonOK, access.ReasonOriginNotAllowed},
		{"a beacon", "POST", http.Header{"Origin": {evil}, "Sec-Fetch-Mode": {"no-cors"}}, access.ReasonOK, access.ReasonOriginNotAllowed},
		{"a script", "POST", http.Header{"Origin": {evil}, "Sec-Fetch-Mode": {"cors"}}, access.ReasonOriginNotAllowed, access.ReasonOriginNotAllowed},
		{"a script, in a browser that does not send the mode", "POST", http.Header{"Origin": {evil}}, access.ReasonOriginNotAllowed, access.ReasonOriginNotAllowed},
		{"two modes", "POST", http.Header{"Origin": {evil}, "Sec-Fetch-Mode": {"cors", "cors"}}, access.ReasonOK, access.ReasonOriginNotAllowed},
		{"a preflight, whatever its mode", "OPTIONS", http.Header{"Origin": {evil}, "Access-Control-Request-Method": {"PUT"}, "Sec-Fetch-Mode": {"no-cors"}}, access.ReasonOriginNotAllowed, access.ReasonOriginNotAllowed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, resource := range []bool{true, false} {
				rule := situation{listed: []string{listed}, resource: resource}.rule(t)
				want := test.enforced
				if resource {
					want = test.resource
				}
				q := newRequest(test.method, host, test.header)
				reason, fault := rule.Browser(rule.Judge(q), q)
				assert.Equal(t, want, reason, "resource: %t", resource)
				assert.Empty(t, fault)
			}
		})
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	require.Len(t, access.Reasons, int(access.ReasonHTTP2Preface)+1, "the last one, and all before it")
	codes := make(map[string]bool)
	for reason, row := range access.Reasons {
		assert.NotEmpty(t, row.Text, reason)
		assert.Regexp(t, "^[a-z0-9_]+$", row.Code)
		assert.False(t, codes[row.Code], "%s is the code of one reason", row.Code)
		codes[row.Code] = true
	}
	assert.Zero(t, access.ReasonOK)
	assert.Zero(t, access.KindUngoverned)
}

// Judging allocates nothing, whatever a request carries.
func TestJudgeDoesNotAllocate(t *testing.T) {
	rule := situation{listed: []string{listed, "https://*.example.com:*"}}.rule(t)
	rule.Methods = []string{"PUT"}
	rule.RequestHeaders = headername.NewSet([]string{"Authorization", "Content-Type"})
	megabyte := strings.Repeat("a.", 1<<19)
	for name, header := range map[string]http.Header{
		"nothing":           {},
		"a listed origin":   {"Origin": {listed}},
		"a pattern's":       {"Origin": {"https://a.example.com:8443"}},
		"another":           {"Origin": {evil}, "Sec-Fetch-Site": {"cross-site"}},
		"the server's own":  {"Origin": {own}},
		"an image":          {"Sec-Fetch-Site": {"cross-site"}},
		"a preflight":       {"Origin": {listed}, "Access-Control-Request-Method": {"PUT"}, "Access-Control-Request-Headers": {"authorization,content-type"}},
		"a refused one":     {"Origin": {evil}, "Access-Control-Request-Method": {"PUT"}},
		"a hostile origin":  {"Origin": {"https://" + megabyte + "example.com"}, "Sec-Fetch-Site": {megabyte}},
		"hostile lists":     {"Origin": {listed}, "Access-Control-Request-Method": {megabyte}, "Access-Control-Request-Headers": {megabyte}},
		"many lines":        {"Origin": make([]string, 1<<16), "Access-Control-Request-Method": make([]string, 1<<16), "Sec-Fetch-Site": make([]string, 1<<16)},
		"many header lines": {"Origin": {listed}, "Access-Control-Request-Method": {"PUT"}, "Access-Control-Request-Headers": make([]string, 1<<16)},
	} {
		for _, method := range []string{"GET", "OPTIONS"} {
			request := &http.Request{Method: method, Host: host, Header: header}
			assert.Zero(t, testing.AllocsPerRun(10, func() {
				q := access.NewRequest(request)
				rule.Browser(rule.Judge(&q), &q)
			}), "%s %s", method, name)
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	rule := situation{listed: []string{listed}}.rule(b)
	rule.RequestHeaders = headername.NewSet([]string{"Authorization", "Content-Type"})
	for _, request := range []struct {
		name, method string
		header       http.Header
	}{
		{"program", "POST", http.Header{}},
		{"call", "POST", http.Header{"Origin": {listed}, "Sec-Fetch-Site": {"cross-site"}}},
		{"call refused", "POST", http.Header{"Origin": {evil}, "Sec-Fetch-Site": {"cross-site"}}},
		{"preflight", "OPTIONS", http.Header{"Origin": {listed}, "Access-Control-Request-Method": {"POST"}}},
		{"preflight refused", "OPTIONS", http.Header{"Origin": {evil}, "Access-Control-Request-Method": {"POST"}}},
		{"preflight of 1 MiB", "OPTIONS", http.Header{"Origin": {listed}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {strings.Repeat(",", 1<<20)}}},
	} {
		b.Run(request.name, func(b *testing.B) {
			q := newRequest(request.method, host, request.header)
			b.ReportAllocs()
			for b.Loop() {
				rule.Judge(q)
			}
		})
	}
}
