package corsdebug

import (
	"cmp"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// contents are what the page's template shows.
type contents struct {
	Style    template.CSS
	Filter   string
	Services []serviceView
	Total    int // rules of the policy
	Matching int // rules that the filter finds
	Shown    int // those of them that the page has
	Records  bool
	Denials  []denialView
	Trial    trial
}

// A serviceView has the rules of one service, or all resources if Name is empty.
type serviceView struct {
	Name  string
	Rules []ruleView
	// Hidden is how many more rules there are. If there are Rules too, they are
	// more than a page can have; otherwise Filter finds them.
	Hidden int
	Filter string
}

type ruleView struct {
	corsrpc.Rule
	Binding     bool
	Permissions []permission
}

// A permission is what a rule grants for one or more reasons.
type permission struct {
	Kind    corsrpc.GrantKind
	Value   string
	Sources []string
}

type denialView struct {
	Group
	Ago string
}

// mostRules bounds the page, at some 500 KB.
const mostRules = 100

func (p *page) contents(r *http.Request) contents {
	query := r.URL.Query()
	c := contents{Style: template.CSS(styleCSS), Filter: query.Get("filter"), Trial: p.try(query), Records: p.recorder != nil}
	c.addRules(p.policy)
	now := time.Now()
	for _, g := range p.recorder.Groups() {
		c.Denials = append(c.Denials, denialView{g, max(now.Sub(g.Last), 0).Round(time.Second).String()})
	}
	return c
}

// addRules adds what the filter finds, by service. Every service is there, also
// where its rules are too many for the page.
func (c *contents) addRules(policy *corsrpc.Policy) {
	found := make(map[string][]corsrpc.Rule)
	filter := strings.ToLower(strings.TrimSpace(c.Filter))
	for rule := range policy.Rules() {
		c.Total++
		if strings.Contains(strings.ToLower(rule.Path+" "+rule.Procedure+" "+rule.Match.String()), filter) {
			c.Matching++
			service, _, _ := strings.Cut(strings.TrimPrefix(rule.Procedure, "/"), "/")
			found[service] = append(found[service], rule)
		}
	}
	for service, rules := range found {
		view := serviceView{Name: service, Filter: "/" + service + "/"}
		if service == "" {
			view.Filter = corsrpc.MatchResource.String()
		}
		for _, rule := range rules {
			view.Rules = append(view.Rules, ruleView{Rule: rule, Binding: rule.Match == corsrpc.MatchBinding})
		}
		c.Services = append(c.Services, view)
	}
	slices.SortFunc(c.Services, func(a, b serviceView) int {
		// Resources come last.
		if (a.Name == "") != (b.Name == "") {
			return strings.Compare(b.Name, a.Name)
		}
		return cmp.Compare(a.Name, b.Name)
	})
	left := mostRules
	for i := range c.Services {
		s := &c.Services[i]
		shown := min(left, len(s.Rules))
		if shown < len(s.Rules) && c.Shown > 0 {
			shown, left = 0, 0 // its filter finds all of them
		}
		left -= shown
		c.Shown += shown
		s.Hidden, s.Rules = len(s.Rules)-shown, s.Rules[:shown]
		for j := range s.Rules {
			s.Rules[j].Permissions = permissionsOf(s.Rules[j].Rule)
		}
	}
}

// permissionsOf returns the grants of a rule, those of one value as one.
func permissionsOf(rule corsrpc.Rule) []permission {
	var permissions []permission
	for _, g := range rule.Grants() {
		i := slices.IndexFunc(permissions, func(p permission) bool { return p.Kind == g.Kind && p.Value == g.Value })
		if i < 0 {
			permissions = append(permissions, permission{g.Kind, g.Value, []string{g.Source}})
			continue
		}
		permissions[i].Sources = append(permissions[i].Sources, g.Source)
	}
	return permissions
}
