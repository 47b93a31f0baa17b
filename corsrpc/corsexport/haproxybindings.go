package corsexport

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// writeBindings writes which bindings are asked about the request, and which
// grants.
func (h *haproxy) writeBindings() {
	if len(h.bindings) == 0 {
		return
	}
	h.about("Bindings. A preflight has the method that it announces.")
	h.put("acl @form        var(txn.@form) -m found")
	h.put("acl @override    var(txn.@override) -m found")
	h.put("acl @unclean     var(txn.@unclean) -m found")
	h.put("http-request set-var(txn.@method) method")
	h.put("http-request set-var(txn.@method) req.fhdr(access-control-request-method,1) if @preflight")
	h.put("http-request set-var(txn.@form) bool(true) if { method POST } { req.fhdr(content-type,1) -m beg -i -- application/x-www-form-urlencoded }")
	h.put("http-request set-var(txn.@override) bool(true) if !@preflight { req.fhdr_cnt(x-http-method-override) gt 0 }")
	h.put("http-request set-var(txn.@unclean) bool(true) if !@exact { var(txn.@path) -m reg -- {} }", quoted(h.unclean))
	for i := range h.bindings {
		h.writeBinding(i)
	}
	for i, f := range h.fallbacks {
		if len(f.grants) > haproxyRegexp {
			continue // so is a binding's, which is refused
		}
		number := strconv.Itoa(i + 1)
		h.put("acl @rest_{}    var(txn.@path) -m reg -- {}", number, quoted(pcreOf(f.grants)))
		h.put("http-request set-var(txn.@own) str({}) if !@has_own @rest_{}", own(f.grant), number)
	}
}

func (h *haproxy) writeBinding(i int) {
	b, number := &h.bindings[i], strconv.Itoa(i+1)
	for _, e := range []string{b.grants, b.refuses, b.uncleanly} {
		if len(e) > haproxyRegexp {
			h.refuse(&Refusal{Rule: b.template, Field: "Path", Value: shortened(b.template), Problem: "takes a regular expression that is too long for HAProxy", Fix: "use a shorter template"})
			return
		}
	}
	h.put("# {} {}", strings.Map(printableOrSpace, b.method), strings.Map(printableOrSpace, b.template))
	h.writeAsks(b, number)
	h.put("acl @path_{}    var(txn.@path) -m reg -- {}", number, quoted(b.refuses))
	h.put("acl @like_{}    var(txn.@path) -m reg -- {}", number, quoted(b.uncleanly))
	h.put("acl @grants_{}  var(txn.@path) -m reg -- {}", number, quoted(pcreOf(b.grants)))
	h.put("http-request set-var-fmt(txn.@asked) '%[var(txn.@asked)]{}' if !@exact @asks_{} @path_{}", h.requirementOf(b.grant).words, number, number)
	unclean := "@unclean @like_{}"
	if !b.verb {
		unclean = "@asks_" + number + " " + unclean
	}
	h.put("http-request set-var-fmt(txn.@asked) '%[var(txn.@asked)]{}' if !@exact "+unclean, h.requirementOf(b.grant).words, number)
	condition := "!@has_own"
	if methods := ownMethods(b); methods != nil {
		condition += " { var(txn.@method) -m str -- " + strings.Join(methods, " ") + " }"
	}
	if !b.forms {
		condition += " !@form"
	}
	if !b.overrides {
		condition += " !@override"
	}
	h.put("http-request set-var(txn.@own) str({}) if "+condition+" @grants_{}", own(b.grant), number)
}

func printableOrSpace(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

// ownMethods returns the methods of a binding as words; nil means any.
func ownMethods(b *binding) []string {
	switch b.method {
	case "*":
		return nil
	case "GET":
		return []string{"'GET'", "'HEAD'"}
	}
	return []string{quoted(b.method)}
}

// writeAsks writes when a binding is asked: binding.asks.
func (h *haproxy) writeAsks(b *binding, number string) {
	if b.method == "*" || len(b.others) == 0 {
		h.put("acl @asks_{}    always_true", number)
		return
	}
	h.put("acl @asks_{}    var(txn.@override) -m found", number)
	if b.method == "GET" {
		h.put("acl @asks_{}    var(txn.@form) -m found", number)
	}
	if slices.Contains(b.others, "*") {
		h.put("acl @asks_{}    var(txn.@method) -m str -- {}", number, strings.Join(ownMethods(b), " "))
		return
	}
	var others []string
	for _, method := range b.others {
		if method != b.method && (b.method != "GET" || method != "HEAD") {
			others = append(others, regexp.QuoteMeta(method))
		}
	}
	h.put("acl @asks_{}    var(txn.@method) -m reg -- {}", number, quoted("^(?!(?:"+strings.Join(others, "|")+")$)"))
}
