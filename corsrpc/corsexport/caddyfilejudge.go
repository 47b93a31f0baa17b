package corsexport

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/access"
)

// request prints what is asked of a request's headers. Letters stand for facts,
// so that several of them can be one key.
func (c *caddyfile) request() {
	if !c.options.BehindGate {
		c.comment("A connection that becomes HTTP/2 would go on past the policy.")
		c.match("preface", "method", "PRI")
		c.route("preface")
		c.refuse(access.ReasonHTTP2Preface)
		c.end()
		c.put("@"+c.name("h2c"), "{")
		for _, word := range []string{"h2c", "h2C", "H2c", "H2C"} {
			c.put("header", "Upgrade", "*"+word+"*")
		}
		c.end()
		for _, name := range []string{"Upgrade", "HTTP2-Settings"} {
			c.put("request_header", "@"+c.name("h2c"), "-"+name)
		}
	}
	c.comment("The path without its query, and not decoded. The other form is for proxies.")
	c.mapTo("path", "{orig_uri}", line(re(`^(/[^?]*)`), "$1"), line(re(`^[A-Za-z][0-9A-Za-z+.-]*:(?://[^/?#]*)?([^?]*)`), "$1"), line("default", "{orig_uri}"))
	c.set("path", c.m("path"))
	c.mapTo("site", "{header.Sec-Fetch-Site}", line("same-origin", "s"), line("none", "n"), line("default", "x"))
	c.mapTo("read", "{method}", line("GET", "r"), line("HEAD", "r"))

	c.comment("What the request says about where it comes from.")
	for _, header := range []struct{ name, header, value string }{
		{"origin", "Origin", "o"}, {"cookie", "Cookie", "c"}, {"purpose", "Sec-Purpose", "p"}, {"site", "Sec-Fetch-Site", c.m("site")},
	} {
		c.match(header.name, "header", header.header, "*")
		c.set(header.name, header.value, header.name)
	}
	c.put("@"+c.name("pre"), "{")
	c.put("method", "OPTIONS")
	c.put("header", "Origin", "*")
	c.put("header", "Access-Control-Request-Method", "*")
	c.end()
	c.set("pre", "1", "pre")
}

// hostMaps prints comparisons with the host of the request, and what the request
// says, as one letter.
func (c *caddyfile) hostMaps() {
	self := "self"
	switch {
	case c.plan.hosts == nil:
	case len(c.plan.hosts) == 0:
		self = "x"
	default:
		self = c.m("self")
		c.mapTo("self", "{header.Origin}", line(re("^https?://"+c.hostExpression()+defaultPort+"$"), "p"), line("default", "x"))
	}
	if c.requireHosts {
		c.mapTo("badh", "{hostport}", line(re("^(?i:"+c.hostExpression()+")"+defaultPort+"$"), ""), line("default", "h"))
	}
	c.comment("p: passes by itself; n: no browser marked it; m: from elsewhere, without Origin; x: by its Origin.")
	c.mapTo("how", c.v("site")+"-"+c.v("purpose")+c.v("origin"),
		line("s-", "p"), line("s-p", "p"), line("s-o", "p"), line("s-po", "p"), line("n-", "p"), line("n-o", "p"),
		line("-", "n"), line("-p", "n"),
		line("-o", self), line("-po", self),
		line("n-p", "m"), line("x-", "m"), line("x-p", "m"),
		line("default", "x"))
	c.set("how", c.m("how"))
	if self != "self" {
		return
	}
	c.comment("self: the page must have the host of the request.")
	c.match("self", "vars", c.name("how"), "self")
	c.route("self")
	c.mapTo("page", "{header.Origin}", line(re("^https?://([^A-Z, :][^A-Z, ]*?)"+defaultPort+"$"), "$1"), line("default", "?"))
	c.mapTo("host", "{hostport}", line(re("^(.+?)"+defaultPort+"$"), "$1"))
	c.match("same", "vars", c.m("page"), c.m("host"))
	c.set("how", "x")
	c.set("how", "p", "same")
	c.end()
}

// originMaps prints which sets of origins have the request's.
func (c *caddyfile) originMaps() {
	if len(c.origins) == 0 {
		return
	}
	c.comment("Whether the origin is listed, for each list.")
	var names []string
	var exact, patterns []mappings
	rows := make(map[string]int) // numbers of the above, by key
	for i, set := range c.origins {
		names = append(names, numbered("l", set.number))
		for _, e := range set.entries {
			key, to := caddyText(e.text), &exact
			switch {
			case set.any:
				key, to = re("^[^, ]+$"), &patterns
			case !e.exact:
				key, to = re(e.regexp), &patterns
			}
			row, ok := rows[key]
			if !ok {
				row = len(*to)
				rows[key] = row
				*to = append(*to, mappings{key, make([]string, len(c.origins))})
			}
			(*to)[row].values[i] = "1"
		}
	}
	c.mapsTo(names, "{header.Origin}", append(exact, patterns...)...)
}

// judgeSource returns what a class of grants is judged by: "1:" for a preflight
// and ":" for a call, and then the letters of request. Listed is whether the
// class lists the origin.
func (c *caddyfile) judgeSource(listed string) string {
	badHost := ""
	if c.requireHosts {
		badHost = c.m("badh")
	}
	return c.v("pre") + ":" + badHost + c.v("how") + listed + c.v("cookie") + c.m("read")
}

func (c *caddyfile) judgeLines(g *grant) []mapping {
	return append(c.preflightLines(g), c.callLines(g)...)
}

// grantMaps prints what there is to know of each grant, and whether the path's
// own lets the request pass: nothing, or the letter of the reason why not.
func (c *caddyfile) grantMaps() {
	c.comment("By the number of the grant: how it judges, whether it lists the origin, and what headers it permits.")
	anyOrigin := false
	kinds := make(map[string]int)
	var judges []mapping
	var rows []mappings
	for _, g := range c.grants {
		key := fmt.Sprint(g.enforced, g.credentials, g.internal, g.reportOnly, g.links, g.notConfigured)
		kind, ok := kinds[key]
		if !ok {
			kind = len(kinds)
			kinds[key] = kind
			for _, l := range c.judgeLines(g) {
				expression := strings.TrimPrefix(strings.TrimPrefix(l.key, "~^"), "default")
				judges = append(judges, line(re(fmt.Sprintf("^%d/%s", kind, expression)), l.value))
			}
		}
		listed := c.m(numbered("l", g.origins.number))
		allow, varies, credentials := listed, c.m("read")+c.v("origin"), ""
		if !g.echoes() {
			allow, varies, anyOrigin = c.m("any"), "", true
		}
		if g.internal {
			allow = ""
		}
		if g.credentials {
			credentials = "true"
		}
		rows = append(rows, mappings{strconv.Itoa(g.number), []string{strconv.Itoa(kind), listed, allow, varies, credentials, g.responseHeaders}})
	}
	if anyOrigin {
		c.mapTo("any", c.m("read")+c.v("origin"), line("", ""), line("default", "*"))
	}
	c.mapsTo([]string{"kind", "listed", "allow", "varies", "creds", "exposes"}, c.v("own"), rows...)
	c.mapTo("no", c.m("kind")+"/"+c.judgeSource(c.m("listed")), judges...)
}

// answer prints whether Caddy responds itself, and how.
func (c *caddyfile) answer() {
	c.comment("Why the request does not pass, if so: by its own grant, or by others that are asked.")
	c.set("no", c.m("no")+c.v("others"))
	c.mapTo("answer", c.v("no")+":"+c.v("pre")+":"+c.v("own")+":"+c.v("closed"),
		line(re("^::"), ""),
		line(re("^"+refusedPreflight), refusedPreflight),
		line(re("^([A-Z])"), "$1"),
		line(re("^:1:[0-9]"), allowedPreflight),
		line(re("^:1::."), refusedPreflight))
	c.set("answer", c.m("answer"))
}

// allowedPreflight is the letter of all allowed preflights.
const allowedPreflight = "A"

// responses prints what Caddy responds itself, and the headers of all others.
func (c *caddyfile) responses() {
	c.comment("What the response permits.")
	c.mapTo("acao", c.m("allow"), line("1", "{header.Origin}"), line("*", "*"))
	c.matchSet("answered", "answer")
	c.route("answered")
	c.allowed()
	c.refused()
	c.end()
	c.calls()
}

// allowed prints the response to an allowed preflight.
func (c *caddyfile) allowed() {
	c.comment("The response to an allowed preflight.")
	var rows []mappings
	for _, g := range c.grants {
		rows = append(rows, mappings{strconv.Itoa(g.number), []string{g.methods, g.requestHeaders, g.maxAge}})
	}
	c.mapsTo([]string{"methods", "names", "age"}, c.v("own"), rows...)
	c.match("allowed", "vars", c.name("answer"), allowedPreflight)
	c.route("allowed")
	c.put("header", allowOrigin, c.m("acao"))
	for _, header := range []struct{ name, header, value string }{
		{"creds", allowCredentials, "true"}, {"methods", allowMethods, c.m("methods")}, {"names", allowHeaders, c.m("names")}, {"age", maxAge, c.m("age")}, {"varies", "+Vary", access.Vary},
	} {
		c.match("has_"+header.name, "not", "vars", c.m(header.name), "")
		c.headerIf("has_"+header.name, header.header, header.value)
	}
	c.put("respond", "204")
	c.end()
}

// headerIf prints what sets a header, if a matcher matches.
func (c *caddyfile) headerIf(matcher, name, value string) {
	c.put("header", "@"+c.name(matcher), name, value)
}

// refused prints the responses to what is refused.
func (c *caddyfile) refused() {
	c.comment("The response to a refused preflight, and to a refused call.")
	c.match("refused_preflight", "vars", c.name("answer"), refusedPreflight)
	c.route("refused_preflight")
	c.refusedHeaders(false)
	c.put("respond", "403")
	c.end()
	var bodies []mapping
	for reason := range access.Reasons {
		if letter := reasonLetters[access.Reason(reason)]; letter != "" {
			bodies = append(bodies, line(letter, access.Reason(reason).Body()))
		}
	}
	c.mapTo("body", c.v("answer"), bodies...)
	c.refusedHeaders(true)
	c.put("respond", c.m("body"), "403")
}

// refusedHeaders prints what sets the headers of a refusal.
func (c *caddyfile) refusedHeaders(body bool) {
	c.put("header", "{")
	c.put("Cache-Control", access.NoStore)
	c.put("+Vary", access.Vary)
	if body {
		c.put("Content-Type", access.ContentType)
		c.put("X-Content-Type-Options", access.NoSniff)
	}
	c.end()
}

// calls prints what sets the headers of responses to calls: at once, for Caddy's
// own errors, and again when they are written, in place of the backend's.
func (c *caddyfile) calls() {
	c.comment("Responses to calls. What is last in the file comes first when headers are written.")
	c.matchSet("governed", "own")
	c.route("governed")
	c.set("acao", c.m("acao"))
	c.set("varies", c.m("varies"))
	c.matchSet("listed", "acao")
	c.set("creds", c.m("creds"), "listed")
	c.set("exposes", c.m("exposes"), "listed")
	c.headerIf("listed", allowOrigin, c.v("acao"))
	c.headerIf("listed", ">"+allowOrigin, c.v("acao"))
	c.match("creds", "vars", c.name("creds"), "true")
	c.headerIf("creds", allowCredentials, "true")
	c.headerIf("creds", ">"+allowCredentials, "true")
	c.matchSet("exposes", "exposes")
	c.headerIf("exposes", exposeHeaders, c.v("exposes"))
	c.matchSet("varies", "varies")
	c.headerIf("varies", "+Vary", access.Vary)
	c.match("merges", "vars", c.name("varies"), "r", "ro")
	c.put("header", "@"+c.name("merges"), "{")
	c.put("defer")
	c.put("Vary", "{http.response.header.Vary}")
	c.put("Vary", `\s*,\s*`, ", ")
	c.put("Vary", `^(?:.*, )?\*(?:,.*)?$`, "*")
	c.end()
	c.put("header", "{")
	for _, name := range []string{allowOrigin, allowCredentials, allowMethods, allowHeaders, maxAge} {
		c.put("-" + name)
	}
	c.end()
	c.end()
}
