package corsexport

import (
	"fmt"

	"github.com/corsrpc/corsrpc-go/internal/access"
)

// judges prints, for each class of grants, whether it lets the request pass:
// nothing, or the letter of the reason why not. The key is "1:" for a preflight
// and ":" for a call, and then the letters of request.
func (n *nginx) judges() {
	printed := make(map[int]bool)
	for _, g := range n.grants {
		class := n.classes.of(g)
		if printed[class] {
			continue
		}
		printed[class] = true
		n.comment("Whether this lets a request pass: " + quote(g.rule) + " and what judges alike.")
		n.mapTo(numbered("n", class), n.v("pre")+":"+n.v("badh")+n.v("how")+n.v(numbered("l", g.origins.number))+n.v("cookie")+n.v("read"), append(n.preflightLines(g), n.callLines(g)...)...)
	}
}

// preflightLines and callLines return the letter of the reason for which a grant
// does not let a request pass, by the letters of the request.
func (p *plan) preflightLines(g *grant) []mapping {
	host := ""
	if !g.enforced {
		host = "h?" // whatever the host
	}
	var lines []mapping
	if !g.internal {
		lines = append(lines, line(re("^1:"+host+"[pnmx]1"), ""))
	}
	return append(lines, line(re("^1:"), refusedPreflight))
}

func (p *plan) callLines(g *grant) []mapping {
	if !g.enforces() || p.options.BehindGate {
		return nil
	}
	letter := func(r access.Reason) string { return reasonLetters[g.reason(r)] }
	if g.reportOnly {
		return []mapping{line(re("^:h?[pmx]"), letter(access.ReasonInternalMethod))}
	}
	var lines []mapping
	add := func(expression, value string) { lines = append(lines, line(re(expression), value)) }
	if p.requireHosts {
		add("^:h", letter(access.ReasonHostNotAllowed))
	}
	if p.requireFetchMetadata {
		add("^:n", letter(access.ReasonFetchMetadataMissing))
	}
	add("^:n", "")
	if g.internal {
		return append(lines, line("default", letter(access.ReasonInternalMethod)))
	}
	add("^:p", "")
	if g.links {
		add("^:m.*r$", "")
	}
	add("^:m", letter(access.ReasonOriginMissing))
	if !g.credentials {
		add("^:x1c", letter(access.ReasonCredentialsNotAllowed))
	}
	add("^:x1", "")
	return append(lines, line("default", letter(access.ReasonOriginNotAllowed)))
}

// refusedPreflight is the letter of all refused preflights. Others are those of
// reasons.
const refusedPreflight = "P"

// answer prints whether nginx responds itself, and where.
func (n *nginx) answer() {
	n.comment("Why the request does not pass, if so: by its own grant, or by others that are asked.")
	var own []mapping
	for _, g := range n.grants {
		own = append(own, line(fmt.Sprint(g.number), n.v(numbered("n", n.classes.of(g)))))
	}
	n.mapTo("no_own", n.v("own"), own...)
	others := ""
	for class := range len(n.classes) {
		asked := ""
		for _, name := range []string{"a", "b"} {
			if name = numbered(name, class); n.names[name] {
				asked += n.v(name)
			}
		}
		if asked != "" {
			n.mapTo(numbered("o", class), asked, line("", ""), line("default", n.v(numbered("n", class))))
			others += n.v(numbered("o", class))
		}
	}
	n.mapTo("others", n.v("named")+n.v("bound"), line("", ""), line("default", others))
	n.mapTo("no", n.v("proc"), line("", n.v("no_own")+n.v("others")), line("default", n.v("no_own")))
	n.comment("Where nginx responds.")
	n.mapTo("closed", n.v("alias")+n.v("bound")+n.v("res"), line("", ""), line("default", n.location(nginxRefusedPreflight)))
	n.mapTo("decide", n.v("no")+":"+n.v("pre")+":"+n.v("own"),
		line(re("^"+refusedPreflight), n.location(nginxRefusedPreflight)),
		line(re("^[A-Z]"), n.location(nginxRefused)),
		line(re("^:1:[0-9]"), n.location(nginxAllowed)),
		line(re("^:1:$"), n.v("closed")))
	lines := []mapping{}
	if !n.options.BehindGate {
		lines = append(lines, line(re("^PRI:"), n.location(nginxRefused)))
	}
	if !n.requireFetchMetadata && !n.requireHosts {
		lines = append(lines, line(re(":$"), ""))
	}
	n.mapTo("answer", "$request_method:"+n.v("origin")+n.v("site"), append(lines, line("default", n.v("decide")))...)

	bodies := []mapping{line(re("^PRI:"), n.literal(access.ReasonHTTP2Preface.Body()))}
	for reason := range access.Reasons {
		if letter := reasonLetters[access.Reason(reason)]; letter != "" {
			bodies = append(bodies, line(re("^[^:]*:"+letter), n.literal(access.Reason(reason).Body())))
		}
	}
	n.mapTo("body", "$request_method:"+n.v("no"), bodies...)
	n.mapTo("empty", "", line("default", ""))
}

// values prints the values of headers. On a path without a grant, they are the
// backend's own.
func (n *nginx) values() {
	n.comment("The values of headers, by the number of the grant: of preflights,")
	of := func(name, field string, value func(g *grant) string) {
		var lines []mapping
		for _, g := range n.grants {
			if text := value(g); text != "" {
				lines = append(lines, line(fmt.Sprint(g.number), text).in(g.rule, field, text[:min(len(text), 100)]))
			}
		}
		n.mapTo(name, n.v("own"), lines...)
	}
	of("meths", "Methods", func(g *grant) string { return n.literal(g.methods) })
	of("names", "RequestHeaders", func(g *grant) string { return n.literal(g.requestHeaders) })
	of("age", "MaxAge", func(g *grant) string { return g.maxAge })
	n.comment("and of calls.")
	of("allow", "Origins", func(g *grant) string {
		if g.internal {
			return ""
		}
		return n.v(numbered("e", g.origins.number))
	})
	of("creds", "Credentials", func(g *grant) string {
		if g.credentials {
			return "true"
		}
		return ""
	})
	of("exp", "ResponseHeaders", func(g *grant) string { return n.literal(g.responseHeaders) })
	of("varies", "Origins", func(g *grant) string {
		if g.echoes() {
			return n.v("read") + n.v("origin")
		}
		return ""
	})
	n.mapTo("acao", n.v("own"), line("", "$upstream_http_access_control_allow_origin"), line("default", n.v("allow")))
	listed := func(name, value string) {
		n.mapTo(name, n.v("allow"), line("", ""), line("default", n.v(value)))
	}
	listed("acac1", "creds")
	listed("aceh", "exp")
	n.mapTo("acac", n.v("own"), line("", "$upstream_http_access_control_allow_credentials"), line("default", n.v("acac1")))
	n.mapTo("acam", n.v("own"), line("", "$upstream_http_access_control_allow_methods"))
	n.mapTo("acah", n.v("own"), line("", "$upstream_http_access_control_allow_headers"))
	n.mapTo("acma", n.v("own"), line("", "$upstream_http_access_control_max_age"))
	n.mapTo("vary", n.v("varies"), line("", ""), line("default", access.Vary))
}
