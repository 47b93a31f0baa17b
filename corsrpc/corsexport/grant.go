package corsexport

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/access"
)

// A grant is what one or more paths grant, and to whom.
type grant struct {
	number int
	rule   string // the path of the first rule that has it

	origins                                            *originSet
	credentials, internal, enforced, reportOnly, links bool
	// notConfigured means that Config does not name the service.
	notConfigured bool
	// The values of the headers; empty ones are not sent.
	methods, requestHeaders, responseHeaders, maxAge string

	methodNames, requestNames, responseNames []string
}

// join makes the values of the headers.
func (g *grant) join() *grant {
	g.methods = strings.Join(g.methodNames, ", ")
	g.requestHeaders = strings.Join(g.requestNames, ", ")
	g.responseHeaders = strings.Join(g.responseNames, ", ")
	return g
}

// enforces reports whether the grant can refuse a call.
func (g *grant) enforces() bool { return g.enforced && (!g.reportOnly || g.internal) }

// echoes reports whether Access-Control-Allow-Origin repeats Origin. If not, its
// value is "*", which responses to GET and HEAD have without Origin too, and
// they do not vary by it.
func (g *grant) echoes() bool { return !g.origins.any }

// grantOf returns the grant of a rule.
func (b *planner) grantOf(r *corsrpc.Rule) *grant {
	g := &grant{
		rule:          r.Path,
		origins:       b.originsOf(r),
		credentials:   r.Credentials,
		internal:      r.Internal,
		enforced:      r.Enforced,
		reportOnly:    r.ReportOnly,
		links:         r.Links,
		notConfigured: !r.Internal && b.closedServices[serviceOf(r.Procedure)],
		methodNames:   r.Methods,
		requestNames:  r.RequestHeaders,
		responseNames: r.ResponseHeaders,
		maxAge:        strconv.FormatInt(int64(r.MaxAge/time.Second), 10),
	}
	return b.share(g.join())
}

// serviceOf returns the "/pkg.Service/" of a procedure.
func serviceOf(procedure string) string {
	return procedure[:strings.LastIndexByte(procedure, '/')+1]
}

// share returns the grant that stands for all that are equal to g.
func (b *planner) share(g *grant) *grant {
	key := fmt.Sprintln(g.origins.number, g.credentials, g.internal, g.enforced, g.reportOnly, g.links, g.notConfigured, g.methods, "\n", g.requestHeaders, "\n", g.responseHeaders, "\n", g.maxAge)
	if shared := b.grants[key]; shared != nil {
		return shared
	}
	b.plan.grants = append(b.plan.grants, g)
	g.number = len(b.plan.grants)
	b.grants[key] = g
	return g
}

// reason returns the reason for which a call is refused by the grant. It gets 403
// with the reason's Body, access.ContentType, access.NoSniff as
// X-Content-Type-Options, access.NoStore as Cache-Control and access.Vary as Vary.
// The 403 of a preflight has no body, and of these only the last two headers.
//
// An allowed preflight gets 204 with the values of the grant: Allow-Origin,
// Allow-Credentials "true", Allow-Methods, Allow-Headers and Max-Age. A call of a
// listed origin gets Allow-Origin, Allow-Credentials and Expose-Headers, where an
// internal grant lists none. Vary is on both, and on every GET, HEAD and request
// with Origin to a path that grants, if the grant echoes.
func (g *grant) reason(r access.Reason) access.Reason {
	if g.notConfigured {
		return access.ReasonNotConfigured
	}
	return r
}

// closed returns the grant of no page.
func (b *planner) closed(internal bool) *grant {
	return b.share(&grant{rule: "", origins: b.setOf(nil), internal: internal, enforced: true, notConfigured: true, maxAge: "0"})
}

// judgesAtMost reports whether every request that g lets pass is one that other
// lets pass too.
func (g *grant) judgesAtMost(other *grant) bool {
	switch {
	case g == other || !other.enforces():
		return true
	case !g.enforced, g.reportOnly && !other.reportOnly, other.internal && !g.internal, g.links && !other.links:
		return false
	case g.internal:
		return true // to no page; and without a page's mark all are alike
	}
	return g.origins.within(other.origins) && (other.credentials || !g.credentials)
}

// atMost reports whether g lets pass and grants nothing that other does not.
func (g *grant) atMost(other *grant) bool {
	return g.judgesAtMost(other) &&
		(len(g.origins.entries) == 0 ||
			g.origins.within(other.origins) &&
				(other.credentials || !g.credentials) &&
				within(g.requestNames, other.requestNames) && within(g.responseNames, other.responseNames))
}

// stricterThan reports whether g is at most other, and other is more.
func (g *grant) stricterThan(other *grant) bool { return g.atMost(other) && !other.atMost(g) }

// within reports whether all names are among the others.
func within(names, others []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(others, name) })
}

// judgeClasses number the grants that judge alike, by what they depend on.
type judgeClasses map[string]int

func (c judgeClasses) of(g *grant) int {
	key := fmt.Sprint(g.origins.number, g.enforced, g.credentials, g.internal, g.reportOnly, g.links, g.notConfigured)
	class, ok := c[key]
	if !ok {
		class = len(c)
		c[key] = class
	}
	return class
}
