package corsexport

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// request writes what is asked of a request's headers. Letters stand for facts.
func (a *apache) request() {
	a.out.WriteString("# Written by corsrpc from a policy. Do not edit it: write it again.\n# Include this in virtual hosts, before other RewriteRule directives.\n")
	a.comment("The path without its query, and not decoded.")
	// REQUEST_URI has one slash at the beginning where several were sent.
	a.setIf(when(matches("%{THE_REQUEST}", `^[^ ]+ (?:[A-Za-z][A-Za-z0-9+.-]*:(?://[^/?]*)?)?([^?]*?)(?:\?| HTTP/[0-9.]+$|$)`)), a.temp("path")+"=$1")
	// Not the request line, which has the path that led here.
	a.setIf(when(a.redirected(), "!("+redirectedByError+")", matches("%{REQUEST_URI}", "^(.*)$")), a.temp("path")+"=$1")
	a.comment("What the request says about where it comes from.")
	present := func(name, variable, letter string) { a.setIf(when("-n "+header(name)), a.temp(variable)+"="+letter) }
	present("Origin", "origin", "o")
	present("Cookie", "cookie", "c")
	present("Sec-Purpose", "purpose", "p")
	present("Sec-Fetch-Site", "site", "x")
	a.setIf(when(header("Sec-Fetch-Site")+" == 'same-origin'"), a.temp("site")+"=s")
	a.setIf(when(header("Sec-Fetch-Site")+" == 'none'"), a.temp("site")+"=n")
	a.setIf(when(requestMethod+" in {'GET','HEAD'}"), a.temp("read")+"=r")
	a.setIf(when(requestMethod+" == 'OPTIONS'", a.isSet("origin"), "-n "+header("Access-Control-Request-Method")), a.temp("pre")+"=1")
	a.comment("p: passes by itself; n: no browser marked it; m: from elsewhere, without Origin; x: by its Origin.")
	how := a.temp("how")
	marks := fmt.Sprintf("'%%{reqenv:%s}-%%{reqenv:%s}%%{reqenv:%s}'", a.v("site"), a.v("purpose"), a.v("origin"))
	a.setIf(when(always), how+"=x")
	a.setIf(when(matches(marks, "^[nx]-p?$")), how+"=m")
	a.ownHosts(how)
	a.setIf(when(matches(marks, "^-p?$")), how+"=n")
	a.setIf(when(matches(marks, "^(?:s|n-o?$)")), how+"=p")
}

// ownHosts writes comparisons with the host of the request.
func (a *apache) ownHosts(how string) {
	names := a.hostsWithoutPorts()
	if a.hosts == nil {
		both := "'%{req_novary:Host} %{req_novary:Origin}'"
		a.setIf(when(a.has("site", ""), matches(both, `^([^ ]+?)`+defaultPort+` https?://(?=[^A-Z]*$)(?i:\1)`+defaultPort+"$")), how+"=p")
	}
	if len(names) > 0 {
		for _, expression := range anyOfWithin(names, "^https?://", defaultPort+"$", maxApacheRegexp/2) {
			a.setIf(when(a.has("site", ""), matches(header("Origin"), expression)), how+"=p")
		}
	}
	if a.requireHosts {
		a.setIf(when(always), a.temp("badh")+"=h")
		for _, expression := range anyOfWithin(names, "^(?i:", ")"+defaultPort+"$", maxApacheRegexp/2) {
			a.setIf(when(matches(header("Host"), expression)), "!"+a.temp("badh"))
		}
	}
}

// paths writes which grant a path has, apart from those of bindings, and where no
// other rule is asked.
func (a *apache) paths() {
	a.comment("The number of the grant of a procedure's own path, and of one below a service.")
	a.pathMap("proc", "$", func(add func(path string, g *grant)) {
		for _, p := range a.procedures {
			add(p.path, p.grant)
		}
	})
	a.pathMap("svc", "", func(add func(path string, g *grant)) {
		for _, s := range a.services {
			add(s.prefix, s.grant)
		}
	})
	a.bindingConditions()
	if len(a.resources) > 0 {
		a.comment("Resources, the most specific last. e: no alias counts; 0: another spelling, which grants nothing.")
	}
	for _, x := range slices.Backward(a.resources) {
		letter := "r"
		if x.exempt {
			letter = "e"
		}
		a.check(x.wide, x.key, "Path", x.key)
		a.check(x.grants, x.key, "Path", x.key)
		a.setIf(when(a.has("proc", ""), mayMatch(a.requestPath(), inner(x.wide))), a.temp("res")+"=0")
		a.setIf(when(a.has("proc", ""), matches(a.requestPath(), x.grants)), fmt.Sprintf("%s=%s%d", a.temp("res"), letter, x.grant.number))
	}
}

// pathMap writes which paths have which grants.
func (a *apache) pathMap(name, end string, each func(add func(path string, g *grant))) {
	words := make([][]string, len(a.grants)+1)
	each(func(path string, g *grant) { words[g.number] = append(words[g.number], path) })
	for number, words := range words {
		if len(words) == 0 {
			continue
		}
		for _, expression := range anyOfWithin(words, "^", end, maxApacheRegexp/2) {
			a.check(expression, a.grants[number-1].rule, "Path", words[0])
			a.setIf(when(matches(a.requestPath(), expression)), fmt.Sprintf("%s=%d", a.temp(name), number))
		}
	}
}

// bindingConditions writes which grant a binding has, and which bindings are asked.
func (a *apache) bindingConditions() {
	if len(a.bindings) == 0 {
		return
	}
	a.comment("Bindings, by the HTTP method. What follows a colon says that gateways can take another method.")
	method := a.temp("method")
	a.setIf(when(matches(requestMethod, "^(.*)$")), method+"=$1")
	a.setIf(when(a.isSet("pre")), method+"=?")
	a.setIf(when(a.isSet("pre"), matches(header("Access-Control-Request-Method"), "^([!-~]+)$")), method+"=$1")
	a.setIf(when(a.has("pre", ""), requestMethod+" == 'POST'", matches(header("Content-Type"), `(?i)^\s*application/x-www-form-urlencoded\s*(?:;|$)`)), a.temp("form")+"=:form")
	a.setIf(when(a.has("pre", ""), "-n "+header("X-HTTP-Method-Override")), a.temp("over")+"=:any")
	a.setIf(when(a.has("proc", ""), mayHave(a.requestPath(), a.unclean)), a.temp("dirty")+"=1")
	key := fmt.Sprintf("'%%{reqenv:%s}%%{reqenv:%s}%%{reqenv:%s} '", method, a.v("form"), a.v("over"))
	a.comment("The number of the grant, the strictest last.")
	grants := func(template, expression, methods string, g *grant) {
		a.check(expression, template, "Path", template)
		a.setIf(when(a.has("proc", ""), a.has("svc", ""), matches(key, "^"+methods+" $"), matches(a.requestPath(), expression)), fmt.Sprintf("%s=%d", a.temp("bind"), g.number))
	}
	for _, x := range slices.Backward(a.fallbacks) {
		grants(x.template, x.grants, "[^ ]+", x.grant)
	}
	for _, x := range slices.Backward(a.bindings) {
		kinds := ""
		if x.forms {
			kinds += "(?::form)?"
		}
		if x.overrides {
			kinds += "(?::any)?"
		}
		grants(x.template, x.grants, x.methods()+kinds, x.grant)
	}
	a.comment("Bindings that are asked.")
	for i := range a.bindings {
		x := &a.bindings[i]
		asks := []string{a.temp("bound") + "=b", a.asks(x.grant)}
		methods := matches(key, "^"+x.asked()+" ")
		a.check(x.refuses, x.template, "Path", x.template)
		a.check(x.uncleanly, x.template, "Path", x.template)
		a.setIf(when(a.has("proc", ""), methods, mayMatch(a.requestPath(), inner(x.refuses))), asks...)
		unclean := when(a.isSet("dirty"), mayHave(a.requestPath(), x.uncleanly))
		if !x.verb {
			unclean = append(when(methods), unclean...)
		}
		a.setIf(unclean, asks...)
	}
}

// asked writes which services a path could mean to some server.
func (a *apache) asked() {
	if len(a.services) == 0 {
		return
	}
	a.comment("Services that the path could mean to some server.")
	a.setIf(when(a.has("proc", "")), a.temp("open")+"=1")
	if slices.ContainsFunc(a.resources, func(x resource) bool { return x.exempt }) {
		a.setIf(when(a.has("svc", ""), a.has("bind", ""), a.has("bound", ""), matches(a.value("res"), "^e")), "!"+a.temp("open"))
	}
	// Most paths do not even have the beginning of a name.
	var mentions []string
	for _, s := range a.services {
		if mention := beginningRegexp(s.beginning()); !slices.Contains(mentions, mention) {
			mentions = append(mentions, mention)
		}
	}
	for _, mention := range mentions {
		a.setIf(when(a.isSet("open"), a.has("named", ""), mayHave(a.requestPath(), mention)), a.temp("named")+"=1")
	}
	a.aliases()
}

// aliases writes the services whose alias the path is. Those that judge alike are
// one expression, in which names that begin alike share their beginning.
func (a *apache) aliases() {
	shared := make([][]string, len(a.grants))
	judges := make([]*grant, len(a.grants))
	for i := range a.services {
		s := &a.services[i]
		if class := a.classes.of(s.judge); s.plain == "" && s.alias == aliasesRegexp([]string{s.name}) {
			shared[class], judges[class] = append(shared[class], strings.ToLower(s.name)), s.judge
			continue
		}
		a.check(s.alias, s.grant.rule, "Path", s.prefix)
		conditions := when(a.isSet("named"), mayHave(a.requestPath(), s.alias))
		if s.plain != "" {
			a.check(s.plain, s.grant.rule, "Path", s.prefix)
			a.check(s.stricter, s.grant.rule, "Path", s.prefix)
			conditions = when(a.isSet("named"), "("+mayMatch(a.requestPath(), inner(s.stricter))+" || !("+matches(a.requestPath(), s.plain)+"))", mayHave(a.requestPath(), s.alias))
		}
		a.setIf(conditions, a.temp("alias")+"=a", a.asks(s.judge))
	}
	for class, names := range shared {
		for _, expression := range aliasesWithin(names, maxApacheRegexp-100) {
			a.setIf(when(a.isSet("named"), mayHave(a.requestPath(), expression)), a.temp("alias")+"=a", a.asks(judges[class]))
		}
	}
}

// aliasesWithin is anyOfWithin for aliasesRegexp.
func aliasesWithin(names []string, limit int) []string {
	if len(names) == 0 {
		return nil
	}
	whole := aliasesRegexp(names)
	if len(names) == 1 || len(whole) <= limit {
		return []string{whole}
	}
	slices.Sort(names)
	half := len(names) / 2
	return append(aliasesWithin(names[:half], limit), aliasesWithin(names[half:], limit)...)
}

// asks returns the variable that says that a grant must let the request pass.
func (a *apache) asks(g *grant) string {
	return a.temp(numbered("q", a.classes.of(g))) + "=1"
}

// own writes the number of the path's own grant.
func (a *apache) own() {
	a.comment("The number of the path's own grant.")
	own := a.temp("own")
	if len(a.resources) > 0 {
		a.setIf(when(a.has("bound", ""), a.has("alias", ""), matches(a.value("res"), "^r(.+)")), own+"=$1")
		a.setIf(when(a.has("bound", ""), matches(a.value("res"), "^e(.+)")), own+"=$1")
	}
	for _, name := range []string{"bind", "svc", "proc"} {
		a.setIf(when(matches(a.value(name), "(.+)")), own+"=$1")
	}
	byClass := make([][]int, len(a.grants)+1)
	for _, g := range a.grants {
		class := a.classes.of(g)
		byClass[class] = append(byClass[class], g.number)
	}
	a.comment("Which rules must let the request pass, its own included.")
	for class, numbers := range byClass {
		if len(numbers) > 0 {
			a.setIf(when(a.isOf("own", numbers)), a.temp(numbered("q", class))+"=1")
		}
	}
}

// originLists writes which sets of origins have the request's.
func (a *apache) originLists() {
	a.comment("Whether the origin is listed, for each list.")
	for _, set := range a.origins {
		listed := a.temp(numbered("l", set.number)) + "=1"
		if set.any {
			a.setIf(when(matches(header("Origin"), "^[^, ]+$")), listed)
			continue
		}
		var exact []string
		for _, e := range set.entries {
			if e.exact {
				exact = append(exact, e.text)
				continue
			}
			a.check(e.regexp, "", "Origins", e.text)
			a.setIf(when(matches(header("Origin"), e.regexp)), listed)
		}
		if len(exact) > 0 {
			for _, expression := range anyOfWithin(exact, "^", "$", maxApacheRegexp/2) {
				a.check(expression, "", "Origins", regexp.QuoteMeta(exact[0]))
				a.setIf(when(matches(header("Origin"), expression)), listed)
			}
		}
	}
}
