package corsexport

import (
	"fmt"
	"strings"

	"github.com/corsrpc/corsrpc-go/internal/access"
)

// judges writes, for each class of grants that is asked, why it does not let the
// request pass. Of several reasons, the last one stands.
func (a *apache) judges() {
	printed := make(map[int]bool)
	for _, g := range a.grants {
		class := a.classes.of(g)
		if printed[class] {
			continue
		}
		printed[class] = true
		a.comment("Whether this lets a request pass: " + strings.ReplaceAll(quote(g.rule), "$", `\x24`) + " and what judges alike.")
		asked := a.has(numbered("q", class), "1")
		listed, unlisted := a.isSet(numbered("l", g.origins.number)), a.has(numbered("l", g.origins.number), "")
		refuse := func(letter string, conditions ...string) {
			a.letters[letter] = true
			a.setIf(append(when(asked), conditions...), a.v("no")+"="+letter)
		}
		a.refusedCalls(g, listed, unlisted, refuse)
		pre := a.isSet("pre")
		switch {
		case g.internal:
			refuse(refusedPreflight, pre)
			continue
		case g.enforced && a.requireHosts:
			refuse(refusedPreflight, pre, a.isSet("badh"))
		}
		refuse(refusedPreflight, pre, unlisted)
	}
}

func (a *apache) refusedCalls(g *grant, listed, unlisted string, refuse func(letter string, conditions ...string)) {
	if !g.enforces() || a.options.BehindGate {
		return
	}
	call := a.has("pre", "")
	refuseCall := func(r access.Reason, conditions ...string) {
		refuse(reasonLetters[g.reason(r)], append(when(call), conditions...)...)
	}
	marked := "!(" + a.has("how", "n") + ")"
	if g.internal {
		refuseCall(access.ReasonInternalMethod, marked)
	}
	if g.reportOnly {
		return
	}
	if !g.internal {
		byOrigin, byNone := a.has("how", "x"), a.has("how", "m")
		refuseCall(access.ReasonOriginNotAllowed, byOrigin, unlisted)
		if !g.credentials {
			refuseCall(access.ReasonCredentialsNotAllowed, byOrigin, listed, a.isSet("cookie"))
		}
		if g.links {
			refuseCall(access.ReasonOriginMissing, byNone, a.has("read", ""))
		} else {
			refuseCall(access.ReasonOriginMissing, byNone)
		}
	}
	if a.requireFetchMetadata {
		refuseCall(access.ReasonFetchMetadataMissing, a.has("how", "n"))
	}
	if a.requireHosts {
		refuseCall(access.ReasonHostNotAllowed, a.isSet("badh"))
	}
}

// outcome writes what becomes of the request, and what its response has.
func (a *apache) outcome() {
	a.comment("Preflights without a grant, to what could have one in another spelling.")
	a.setIf(when(a.isSet("pre"), a.has("own", ""), fmt.Sprintf("'%%{reqenv:%s}%%{reqenv:%s}%%{reqenv:%s}' != ''", a.v("alias"), a.v("bound"), a.v("res"))), a.v("no")+"="+refusedPreflight)
	if !a.options.BehindGate {
		a.setIf(when(requestMethod+" == 'PRI'"), a.v("no")+"=2")
		a.comment("The body of refusals.")
		body := func(letter string, r access.Reason) {
			a.setIf(when(a.has("no", letter)), apacheQuote(a.v("body")+"="+strings.TrimSuffix(r.Body(), "\n")))
		}
		body("2", access.ReasonHTTP2Preface)
		for reason := range access.Reasons {
			if letter := reasonLetters[access.Reason(reason)]; a.letters[letter] {
				body(letter, access.Reason(reason))
			}
		}
	}
	a.comment("The number of the grant for the headers of what is not refused, and for those of preflights.")
	a.setIf(when(a.has("no", ""), matches(a.value("own"), "(.+)")), a.v("grant")+"=$1")
	a.setIf(when(a.isSet("pre"), matches(a.value("grant"), "(.+)")), a.v("pass")+"=$1")
	a.comment("Access-Control-Allow-Origin, by the list of the grant, and Vary.")
	varies := []int{}
	for _, set := range a.origins {
		var numbers []int
		for _, g := range a.grants {
			if g.origins == set && g.echoes() {
				varies = append(varies, g.number)
			}
			if g.origins == set && !g.internal {
				numbers = append(numbers, g.number)
			}
		}
		switch {
		case len(numbers) == 0:
		case set.any:
			a.setIf(when(a.isOf("grant", numbers), "("+a.isSet("read")+" || "+a.isSet(numbered("l", set.number))+")"), a.v("allow")+"=*")
		case len(set.entries) > 0:
			a.setIf(when(a.isOf("grant", numbers), a.isSet(numbered("l", set.number)), matches(header("Origin"), "^(.+)$")), a.v("allow")+"=$1")
		}
	}
	if len(varies) > 0 {
		a.setIf(when(a.isOf("grant", varies), "("+a.isSet("read")+" || "+a.isSet("origin")+")"), a.v("vary")+"=1")
	}
	a.setIf(when(a.isSet("allow"), matches(a.value("grant"), "(.+)")), a.v("lists")+"=$1")
	a.setIf(when(a.isSet("lists"), a.has("pre", ""), matches(a.value("lists"), "(.+)")), a.v("call")+"=$1")
}

// redirects writes that a request has the headers of the one that led to it. The
// page of an ErrorDocument is not judged again.
func (a *apache) redirects() {
	a.comment("What Apache leads to another path by itself, such as to that of an ErrorDocument.")
	a.setIf(when(a.redirected()), "!"+a.v("pass"))
	a.setIf(when(a.redirected(), redirectedByError), "!"+a.v("no"), "!"+a.v("body"))
	kept := []string{"grant", "allow", "vary", "lists", "call"}
	var none []string
	for _, name := range kept {
		none = append(none, "!"+a.v(name))
	}
	a.setIf(when(a.redirected(), a.has("no", "")), none...)
	for _, name := range kept {
		a.setIf(when(a.redirected(), a.has("no", ""), matches("reqenv('REDIRECT_"+a.v(name)+"')", "(.+)")), a.v(name)+"=$1")
	}
	none = nil
	for _, name := range a.temporary {
		none = append(none, "!"+name)
	}
	a.setIf(when(always), append(none, a.v("seen")+"=1")...)
}

// redirected is the condition that Apache itself has led the request here.
func (a *apache) redirected() string { return "reqenv('REDIRECT_" + a.v("seen") + "') == '1'" }

// redirectedByError is the condition that an error has led the request here, which
// has been judged then. What leads elsewhere, such as a RewriteRule of a directory,
// is judged by the new path as well.
const redirectedByError = "reqenv('REDIRECT_STATUS') -ge 400"
