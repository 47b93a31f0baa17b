package corsexport

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/access"
)

// http returns the file for the http block.
func (n *nginx) http() []byte {
	n.request()
	n.paths()
	n.grantsByOrigin()
	n.judges()
	n.answer()
	n.values()
	head := n.generated("Include this in the http block.")
	if n.dollar {
		head += "\ngeo $" + n.options.Prefix + "_dollar { default \"$\"; }\n"
	}
	return []byte(head + n.out.String())
}

func (n *nginx) comment(text string) { n.out.WriteString("\n# " + text + "\n") }

// request prints what is asked of a request's headers. Letters stand for facts,
// so that several of them can be one key.
func (n *nginx) request() {
	n.comment("The path without its query, and not decoded.")
	n.mapTo("path", "$request_uri", line(re(`^(?<`+n.options.Prefix+`_raw>[^?]*)`), n.v("raw")))
	n.comment("What the request says about where it comes from.")
	present := func(name, source, letter string) {
		n.mapTo(name, source, line("", ""), line("default", letter))
	}
	present("origin", "$http_origin", "o")
	present("cookie", "$http_cookie", "c")
	present("purp", "$http_sec_purpose", "p")
	n.mapTo("site", "$http_sec_fetch_site", line("", ""), line(re("^same-origin$"), "s"), line(re("^none$"), "n"), line("default", "x"))
	n.mapTo("read", "$request_method", line(re("^(?:GET|HEAD)$"), "r"))
	n.mapTo("pre", "$request_method:"+n.v("origin")+":$http_access_control_request_method", line(re("^OPTIONS:o:."), "1"))
	n.hosts()
	n.comment("p: passes by itself; n: no browser marked it; m: from elsewhere, without Origin; x: by its Origin.")
	n.mapTo("how", n.v("site")+"-"+n.v("purp")+n.v("origin"),
		line(re("^(?:s|n-o?$)"), "p"),
		line(re("^-p?$"), "n"),
		line(re("^-"), n.v("self")),
		line(re("^.-p?$"), "m"),
		line("default", "x"))
}

// hosts prints comparisons with the host of the request.
func (n *nginx) hosts() {
	n.mapTo("host", "$http_host", line("", "$host"), line("default", "$http_host"))
	all := n.hostExpression()
	switch {
	case n.plan.hosts == nil:
		n.mapTo("self", n.v("host")+" $http_origin", line(re(`^([^ ]+?)`+defaultPort+` https?://(?=[^A-Z]*$)(?i:\1)`+defaultPort+"$"), "p"), line("default", "x"))
	case len(n.plan.hosts) == 0:
		n.mapTo("self", "", line("default", "x"))
	default:
		n.mapTo("self", "$http_origin", line(re("^https?://"+all+defaultPort+"$"), "p"), line("default", "x"))
	}
	if n.requireHosts {
		n.mapTo("badh", n.v("host"), line(re("^(?i:"+all+")"+defaultPort+"$"), ""), line("default", "h"))
	} else {
		n.mapTo("badh", "", line("default", ""))
	}
}

// paths prints which grant a path has, and which rules are asked about it.
func (n *nginx) paths() {
	n.comment("The number of the grant of a procedure's own path, and of one below a service.")
	n.pathMap("proc", "$", func(add func(path string, g *grant)) {
		for _, p := range n.procedures {
			add(p.path, p.grant)
		}
	})
	n.pathMap("svc", "", func(add func(path string, g *grant)) {
		for _, s := range n.services {
			add(s.prefix, s.grant)
		}
	})
	n.bindingMaps()
	n.resourceMap()
	n.aliasMaps()
	n.comment("The number of the path's own grant.")
	chosen := func(name, first, then string) {
		n.mapTo(name, n.v(first), line("", n.v(then)), line("default", n.v(first)))
	}
	n.mapTo("own4", n.v("res"), line(re(`^e(?<`+n.options.Prefix+`_en>\d+)$`), n.v("en")), line(re("^r"), n.v("own5")))
	n.mapTo("own5", n.v("alias")+n.v("res"), line(re(`^r(?<`+n.options.Prefix+`_num>\d+)$`), n.v("num")))
	n.mapTo("own3", n.v("bound"), line("", n.v("own4")))
	chosen("own2", "bind", "own3")
	chosen("own1", "svc", "own2")
	chosen("own", "proc", "own1")
}

// pathMap prints a map from paths to the numbers of their grants.
func (n *nginx) pathMap(name, end string, each func(add func(path string, g *grant))) {
	words := make([][]string, len(n.grants)+1)
	each(func(path string, g *grant) { words[g.number] = append(words[g.number], path) })
	var lines []mapping
	for number, words := range words {
		if len(words) == 0 {
			continue
		}
		for _, expression := range anyOfWithin(words, "^", end, maxNginxWord*3/4) {
			lines = append(lines, line(re(expression), fmt.Sprint(number)).in(n.grants[number-1].rule, "Path", words[0]))
		}
	}
	n.mapTo(name, n.v("path"), lines...)
}

// inner returns an expression of the plan for the whole path, without what
// begins it.
func inner(expression string) string {
	expression, folded := strings.CutPrefix(expression, "(?i)")
	expression = strings.TrimPrefix(expression, "^")
	if folded {
		return "(?i)" + expression
	}
	return expression
}

// bindingMaps prints which grant a binding has, and which bindings are asked.
func (n *nginx) bindingMaps() {
	if len(n.bindings) == 0 {
		n.mapTo("bind", "", line("default", ""))
		n.mapTo("bound", "", line("default", ""))
		return
	}
	n.comment("Bindings, by the HTTP method. What follows a colon says that gateways can take another method.")
	n.mapTo("acrm", "$http_access_control_request_method", line(re("^[!-~]+$"), "$http_access_control_request_method"), line("default", "?"))
	n.mapTo("method", n.v("pre"), line("1", n.v("acrm")), line("default", "$request_method"))
	n.mapTo("form", n.v("pre")+":$request_method:$content_type", line(re(`^:POST:(?i)\s*application/x-www-form-urlencoded\s*(?:;|$)`), ":form"))
	n.mapTo("over", n.v("pre")+"$http_x_http_method_override", line("", ""), line(re("^1"), ""), line("default", ":any"))
	n.mapTo("dirty", n.v("path"), line(re(n.unclean), "1"), line(re("^"), "0"), line("default", "1"))
	var grants []mapping
	asks := make(map[int][]mapping) // by class
	for i := range n.bindings {
		x := &n.bindings[i]
		kinds := ""
		if x.forms {
			kinds += "(?::form)?"
		}
		if x.overrides {
			kinds += "(?::any)?"
		}
		grants = append(grants, line(re("^"+x.methods()+kinds+" "+inner(x.grants)), fmt.Sprint(x.grant.number)).in(x.template, "Path", x.template))
		class := n.classes.of(x.grant)
		methods := x.asked()
		uncleanly := methods
		if x.verb {
			uncleanly = "[^ ]+"
		}
		asks[class] = append(asks[class],
			line(re("^"+methods+" [01]"+inner(x.refuses)), "b").in(x.template, "Path", x.template),
			line(re("^"+uncleanly+" 1.*"+inner(x.uncleanly)), "b").in(x.template, "Path", x.template))
	}
	for i := range n.fallbacks {
		x := &n.fallbacks[i]
		grants = append(grants, line(re("^[^ ]+ "+inner(x.grants)), fmt.Sprint(x.grant.number)).in(x.template, "Path", x.template))
	}
	method := n.v("method") + n.v("form") + n.v("over")
	n.mapTo("bind", method+" "+n.v("path"), grants...)
	bound := ""
	for class := range len(n.classes) {
		if asks[class] != nil {
			n.mapClosed(numbered("b", class), method+" "+n.v("dirty")+n.v("path"), "b", asks[class]...)
			bound += n.v(numbered("b", class))
		}
	}
	n.mapTo("bound", bound, line("", ""), line("default", "b"))
}

// methods returns an expression for the HTTP methods of a binding.
func (x *binding) methods() string {
	switch x.method {
	case "*":
		return "[^ :]+"
	case "GET":
		return "(?:GET|HEAD)"
	}
	return regexp.QuoteMeta(x.method)
}

// asked returns an expression for the methods about which a binding is asked.
func (x *binding) asked() string {
	switch {
	case len(x.others) == 0 || x.method == "*":
		return "[^ ]+"
	case x.others[0] == "*" && x.method == "GET":
		return "(?:GET|HEAD|[^ ]+:[^ ]+)"
	case x.others[0] == "*":
		return "(?:" + regexp.QuoteMeta(x.method) + "(?::form)?|[^ ]+:any)"
	}
	form := ""
	if x.method != "GET" {
		form = "(?::form)?"
	}
	return "(?!" + anyOf(x.others) + form + " )[^ ]+"
}

// resourceMap prints which grant a resource has. What is closed has "0", and
// what is exempt from aliases an "e" before the number.
func (n *nginx) resourceMap() {
	n.comment("Resources, the most specific first. e: no alias counts; 0: another spelling, which grants nothing.")
	var lines []mapping
	for i := range n.resources {
		x := &n.resources[i]
		letter := "r"
		if x.exempt {
			letter = "e"
		}
		lines = append(lines,
			line(re(x.grants), fmt.Sprint(letter, x.grant.number)).in(x.key, "Path", x.key),
			line(re(x.wide), "0").in(x.key, "Path", x.key))
	}
	n.mapClosed("res", n.v("path"), "0", lines...)
}

// aliasMaps prints which services a path could mean to some server.
func (n *nginx) aliasMaps() {
	n.comment("Services that the path could mean to some server.")
	n.mapTo("exempt", n.v("svc")+n.v("bind")+n.v("bound")+n.v("res"), line(re("^e"), "1"))
	aliases := make(map[int][]mapping)
	var mentions []mapping
	mentioned := make(map[string]bool)
	for i := range n.services {
		s := &n.services[i]
		class := n.classes.of(s.judge)
		if s.plain != "" {
			aliases[class] = append([]mapping{line(re("^1"+inner(s.stricter)), "a"), line(re("^1"+inner(s.plain)), "")}, aliases[class]...)
		}
		aliases[class] = append(aliases[class], line(re("^1.*"+s.alias), "a"))
		if mention := beginningRegexp(s.beginning()); !mentioned[mention] {
			mentioned[mention] = true
			mentions = append(mentions, line(re(mention), "1"))
		}
	}
	n.mapClosed("seen", n.v("path"), "1", mentions...)
	n.mapTo("named", n.v("exempt"), line("1", ""), line("default", n.v("seen")))
	alias := ""
	for class := range len(n.classes) {
		if aliases[class] != nil {
			n.mapClosed(numbered("a", class), n.v("named")+n.v("path"), "a", aliases[class]...)
			alias += n.v(numbered("a", class))
		}
	}
	n.mapTo("spelt", alias, line("", ""), line("default", "a"))
	n.mapTo("alias", n.v("named"), line("1", n.v("spelt")))
}

// grantsByOrigin prints which sets of origins have the request's.
func (n *nginx) grantsByOrigin() {
	n.comment("Whether the origin is listed, for each list.")
	for _, set := range n.origins {
		var lines []mapping
		var exact []string
		for _, e := range set.entries {
			switch {
			case set.any:
				lines = append(lines, line(re("^[^, ]+$"), "1"))
			case e.exact:
				exact = append(exact, e.text)
			default:
				lines = append(lines, line(re(e.regexp), "1"))
			}
		}
		if len(exact) > 0 {
			for _, expression := range anyOfWithin(exact, "^", "$", maxNginxWord*3/4) {
				lines = append(lines, line(re(expression), "1").in("", "Origins", exact[0]))
			}
		}
		n.mapTo(numbered("l", set.number), "$http_origin", lines...)
		switch {
		case set.any:
			n.mapTo(numbered("e", set.number), n.v("read")+n.v("origin"), line("", ""), line("default", "*"))
		default:
			n.mapTo(numbered("e", set.number), n.v(numbered("l", set.number)), line("1", "$http_origin"))
		}
	}
}

// reasonLetters are the reasons for which calls are refused.
var reasonLetters = map[access.Reason]string{
	access.ReasonOriginNotAllowed:      "O",
	access.ReasonOriginMissing:         "M",
	access.ReasonInternalMethod:        "I",
	access.ReasonCredentialsNotAllowed: "C",
	access.ReasonHostNotAllowed:        "H",
	access.ReasonFetchMetadataMissing:  "F",
	access.ReasonNotConfigured:         "Z",
}
