package corsexport

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// paths prints which grant a path has, and which rules are asked about it.
func (c *caddyfile) paths() {
	c.comment("The number of the grant of a procedure's own path. No other rule is asked about these.")
	c.pathMap("proc", "$", func(add func(path string, g *grant)) {
		for _, p := range c.procedures {
			add(p.path, p.grant)
		}
	})
	c.set("own", c.m("proc"))
	c.set("others", "")
	c.match("other", "vars", c.name("own"), "")
	c.route("other")
	c.serviceMap()
	c.bindingMaps()
	c.resourceMaps()
	c.aliasMaps()
	c.asks()
	c.end()
}

// serviceMap prints the grant of a path below a service.
func (c *caddyfile) serviceMap() {
	c.comment("That of a path below a service.")
	c.pathMap("svc", "", func(add func(path string, g *grant)) {
		for _, s := range c.services {
			add(s.prefix, s.grant)
		}
	})
	c.set("own", c.m("svc"))
}

// pathMap prints a map from paths to the numbers of their grants. It has one
// expression for each grant: with a line for each path, every request would be
// compared with them one after the other.
func (c *caddyfile) pathMap(name, end string, each func(add func(path string, g *grant))) {
	words := make([][]string, len(c.grants)+1)
	each(func(path string, g *grant) { words[g.number] = append(words[g.number], path) })
	var lines []mapping
	for number, words := range words {
		if len(words) > 0 {
			lines = append(lines, line(re("^"+anyOf(words)+end), strconv.Itoa(number)))
		}
	}
	c.mapTo(name, c.v("path"), lines...)
}

// bindingMaps prints which grant a binding has, and which bindings are asked.
func (c *caddyfile) bindingMaps() {
	if len(c.bindings) == 0 {
		return
	}
	c.comment("Bindings, by the HTTP method. What follows a colon says that gateways can take another method.")
	known := c.methods()
	var methods []mapping
	for _, method := range known {
		key := caddyText(method)
		if key != method {
			method = strings.ReplaceAll(method, "$", "$$")
		}
		methods = append(methods, line(key, method))
	}
	methods = append(methods, line("default", "?"))
	c.mapTo("method", "{method}", methods...)
	c.mapTo("acrm", "{header.Access-Control-Request-Method}", methods...)
	c.mapTo("form", "{method} {header.Content-Type}", line(re(`^POST (?:.*,)?(?i:\s*application/x-www-form-urlencoded\s*)(?:[;,].*)?$`), ":form"))
	c.match("over", "header", "X-HTTP-Method-Override", "*")
	c.set("over", ":any", "over")
	c.mapTo("call", c.v("pre"), line("", c.m("method")+c.m("form")+c.v("over")), line("default", c.m("acrm")))
	c.set("call", c.m("call"))

	var grants []mapping
	asks, uncleanly := make(map[int][]mapping), make(map[int][]mapping) // by class
	for i := range c.bindings {
		x := &c.bindings[i]
		kinds := ""
		if x.forms {
			kinds += "(?::form)?"
		}
		if x.overrides {
			kinds += "(?::any)?"
		}
		grants = append(grants, line(re("^"+x.methods()+kinds+" "+inner(x.grants)), strconv.Itoa(x.grant.number)))
		class := c.classes.of(x.grant)
		methods := x.askedAmong(known)
		asks[class] = append(asks[class], line(re("^"+methods+" "+inner(x.refuses)), "b"))
		if x.verb {
			methods = "[^ ]+"
		}
		uncleanly[class] = append(uncleanly[class], line(re("^"+methods+" .*"+inner(x.uncleanly)), "b"))
	}
	for i := range c.fallbacks {
		x := &c.fallbacks[i]
		grants = append(grants, line(re("^[^ ]+ "+inner(x.grants)), strconv.Itoa(x.grant.number)))
	}
	c.mapTo("bind", c.v("call")+" "+c.v("path"), grants...)
	c.match("unserved", "vars", c.name("own"), "")
	c.set("own", c.m("bind"), "unserved")
	bound := c.setClasses("b", c.v("call")+" "+c.v("path"), asks)
	c.mapTo("dirty", c.v("path"), line(re(c.unclean), "1"))
	c.match("dirty", "vars", c.m("dirty"), "1")
	c.route("dirty")
	bound += c.setClasses("u", c.v("call")+" "+c.v("path"), uncleanly)
	c.end()
	c.set("bound", bound)
}

// setClasses prints, for each class of grants, whether it is asked. It returns a
// value that is empty if none is.
func (c *caddyfile) setClasses(letter, source string, lines map[int][]mapping) string {
	all := ""
	for class := range len(c.classes) {
		if lines[class] != nil {
			name := numbered(letter, class)
			c.mapTo(name, source, lines[class]...)
			c.set(name, c.m(name))
			c.asked[class] += c.v(name)
			all += c.v(name)
		}
	}
	return all
}

// methods returns the HTTP methods that bindings tell apart.
func (c *caddyfile) methods() []string {
	known := []string{"GET", "HEAD", "POST"}
	for _, x := range c.bindings {
		known = append(append(known, x.method), x.others...)
	}
	slices.Sort(known)
	return slices.DeleteFunc(slices.Compact(known), func(method string) bool { return method == "*" })
}

// askedAmong returns an expression for the methods about which a binding is
// asked. "?" stands for all that are not known.
func (x *binding) askedAmong(known []string) string {
	if len(x.others) == 0 || x.method == "*" || x.others[0] == "*" {
		return x.asked()
	}
	methods := []string{"?"}
	for _, method := range known {
		if !slices.Contains(x.others, method) {
			methods = append(methods, method)
		}
	}
	form := ""
	if x.method == "GET" {
		form = "|[^ ]+:form"
	}
	return "(?:" + anyOf(methods) + "(?::form)?|[^ ]+:any" + form + ")"
}

// resourceMaps prints which grant a resource has. What is closed has "0", and
// what is exempt from aliases an "e" before the number.
func (c *caddyfile) resourceMaps() {
	c.set("taken", c.v("own")+c.v("bound"))
	if len(c.resources) == 0 {
		return
	}
	c.comment("Resources, the most specific first. e: no alias counts; 0: another spelling, which grants nothing.")
	var lines []mapping
	for i := range c.resources {
		x := &c.resources[i]
		letter := "r"
		if x.exempt {
			letter = "e"
		}
		lines = append(lines,
			line(re(x.grants), fmt.Sprint(letter, x.grant.number)),
			line(re(x.wide), "0"))
	}
	c.mapTo("res", c.v("path"), lines...)
	c.match("free", "vars", c.name("taken"), "")
	c.set("res", c.m("res"), "free")
}

// aliasMaps prints which services a path could mean to some server.
func (c *caddyfile) aliasMaps() {
	if len(c.services) > 0 {
		c.comment("Services that the path could mean to some server. Most paths do not even have the beginning of a name.")
		var beginnings []string
		names := make(map[int][]string) // by class
		lines := make(map[int][]mapping)
		for i := range c.services {
			s := &c.services[i]
			class := c.classes.of(s.judge)
			if s.plain != "" {
				lines[class] = append([]mapping{line(re(s.stricter), "a"), line(re(s.plain), "")}, lines[class]...)
			}
			if isASCII(s.name) {
				names[class] = append(names[class], s.name)
			} else {
				lines[class] = append(lines[class], line(re(s.alias), "a"))
			}
			beginnings = append(beginnings, s.beginning())
		}
		seen := make([]mapping, 0, 1)
		if all := strings.Join(beginnings, ""); isASCII(all) {
			seen = append(seen, line(re("(?i)"+anySeparator+anyOfSpelt(beginnings, spellings)), "1"))
		} else {
			seen = append(seen, line("default", "1"))
		}
		c.mapTo("seen", c.v("path"), seen...)
		c.mapTo("named", c.v("res"), line(re("^e"), ""), line("default", c.m("seen")))
		c.set("named", c.m("named"))
		c.match("named", "vars", c.name("named"), "1")
		c.route("named")
		for class, names := range names {
			lines[class] = append(lines[class], line(re(aliasesRegexp(names)), "a"))
		}
		c.set("alias", c.setClasses("a", c.v("path"), lines))
		c.end()
	}
	if len(c.resources) > 0 {
		c.mapTo("resown", c.v("alias")+c.v("res"), line(re("^[er]([0-9]+)$"), "$1"))
		c.set("own", c.m("resown"), "free")
	}
}

// asks prints what the rules say that are asked besides the path's own grant.
func (c *caddyfile) asks() {
	c.set("closed", c.v("alias")+c.v("bound")+c.v("res"))
	others := ""
	for class := range len(c.classes) {
		if asked := c.asked[class]; asked != "" {
			g := c.grantOfClass(class)
			judge, name := numbered("n", class), numbered("o", class)
			c.mapTo(judge, c.judgeSource(c.m(numbered("l", g.origins.number))), c.judgeLines(g)...)
			c.mapTo(name, asked, line("", ""), line("default", c.m(judge)))
			others += c.m(name)
		}
	}
	if others != "" {
		c.set("others", others)
	}
}

// grantOfClass returns a grant of a class.
func (c *caddyfile) grantOfClass(class int) *grant {
	return c.grants[slices.IndexFunc(c.grants, func(g *grant) bool { return c.classes.of(g) == class })]
}
