package productiontest

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs", name))
	require.NoError(t, err)
	return string(text)
}

// blocks returns the fenced blocks of docs/production.md in a language.
func blocks(t testing.TB, language string) []string {
	t.Helper()
	var found []string
	for _, match := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(read(t, "production.md"), -1) {
		found = append(found, match[1])
	}
	return found
}

// rules are those of docs/production/alerts.yaml.
func rules(t testing.TB) []rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.Parse([]byte(read(t, "production/alerts.yaml")), false, model.UTF8Validation, promParser, slog.Default())
	require.Empty(t, errs)
	var found []rulefmt.Rule
	for _, group := range groups.Groups {
		found = append(found, group.Rules...)
	}
	return found
}

// A dashboard is as much of Grafana's format as the tests read.
type dashboard struct {
	UID        string `json:"uid"`
	Templating struct {
		List []struct {
			Name, Type, Definition string
			Query                  any
		} `json:"list"`
	} `json:"templating"`
	Panels []struct {
		ID          int
		Title, Type string
		Description string
		GridPos     struct{ X, Y, W, H int }
		FieldConfig struct{ Defaults struct{ Unit string } }
		Datasource  struct{ Type, UID string }
		Targets     []struct{ RefID, Expr, LegendFormat string }
	} `json:"panels"`
}

func grafana(t testing.TB) dashboard {
	t.Helper()
	var d dashboard
	require.NoError(t, json.Unmarshal([]byte(read(t, "production/grafana.json")), &d))
	return d
}

var variables = strings.NewReplacer("$__rate_interval", "5m", "$rpc_method", ".*")

// everything is a history in which there is every kind of decision.
func everything(t testing.TB) *history {
	h := newHistory(t)
	enforced := newServer(t, config(nil))
	trying := newServer(t, config(func(c *corsrpc.Config) { c.ReportOnly = true }))
	for i := range 90 {
		for _, s := range []*server{enforced, trying} {
			s.preflight(2, addItem, app, "authorization")
			s.call(4, addItem, app)
			s.call(1, addItem, app, "Cookie", "a=b")
			s.call(1, addItem, evil)
			s.preflight(1, addItem, evil, "authorization")
			s.preflight(1, addItem, app, "x-new")
			s.preflight(1, "/api"+addItem, app, "authorization")
			s.call(2, getProduct, app)
		}
		h.scrape(minute(i), "enforced:8080", enforced)
		h.scrape(minute(i), "trying:8080", trying)
		h.record(minute(i), rules(t))
	}
	return h
}

// record evaluates the recording rules, and marks what they no longer return.
func (h *history) record(at time.Time, rules []rulefmt.Rule) {
	for _, rule := range rules {
		if rule.Record == "" {
			continue
		}
		for _, s := range h.query(at, rule.Expr) {
			builder := labels.NewBuilder(s.Metric)
			builder.Set(model.MetricNameLabel, rule.Record)
			h.add(at, builder.Labels(), s.F)
		}
		h.endOf(at, func(s *stored) bool {
			return s.labels.Get(model.MetricNameLabel) == rule.Record && s.samples[len(s.samples)-1].T() < at.UnixMilli()
		})
	}
}

// check proves that whatever the query names exists.
func (h *history) check(t *testing.T, text string) {
	t.Helper()
	expr, err := promParser.ParseExpr(text)
	require.NoError(t, err, text)
	metric := ""
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			metric = selector.Name
			for _, m := range selector.LabelMatchers {
				h.checkMatcher(t, metric, m, text)
			}
		}
		return nil
	})
	require.NotEmpty(t, metric, text)
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		var names []string
		switch node := node.(type) {
		case *parser.AggregateExpr:
			names = node.Grouping
		case *parser.BinaryExpr:
			if node.VectorMatching != nil {
				names = append(slices.Clone(node.VectorMatching.MatchingLabels), node.VectorMatching.Include...)
			}
		}
		for _, name := range names {
			assert.NotEmpty(t, h.values(metric, name), "the label %s in:\n%s", name, text)
		}
		return nil
	})
}

// values returns the values that a label of a metric has.
func (h *history) values(metric, label string) []string {
	var found []string
	for _, s := range h.series {
		if s.labels.Get(model.MetricNameLabel) == metric && s.labels.Has(label) {
			found = append(found, s.labels.Get(label))
		}
	}
	return found
}

// checkMatcher proves that each value that a matcher names occurs.
func (h *history) checkMatcher(t *testing.T, metric string, m *labels.Matcher, text string) {
	t.Helper()
	values := h.values(metric, m.Name)
	for value := range strings.SplitSeq(m.Value, "|") {
		if value != ".*" {
			assert.Contains(t, values, value, "the value of the label %s in:\n%s", m.Name, text)
		}
	}
	assert.NotEmpty(t, values, "the label %s in:\n%s", m.Name, text)
}

var templateLabel = regexp.MustCompile(`\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}`)

func TestDashboard(t *testing.T) {
	t.Parallel()
	h, d := everything(t), grafana(t)
	require.NotEmpty(t, d.Panels)
	ids, taken := make(map[int]bool), make(map[[2]int]string)
	for _, panel := range d.Panels {
		assert.False(t, ids[panel.ID], "two panels have the id %d", panel.ID)
		ids[panel.ID] = true
		assert.NotEmpty(t, panel.Description, panel.Title)
		for x := panel.GridPos.X; x < panel.GridPos.X+panel.GridPos.W; x++ {
			for y := panel.GridPos.Y; y < panel.GridPos.Y+panel.GridPos.H; y++ {
				assert.Empty(t, taken[[2]int{x, y}], "%s is over another panel", panel.Title)
				taken[[2]int{x, y}] = panel.Title
				require.Less(t, x, 24, panel.Title)
			}
		}
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			text := variables.Replace(target.Expr)
			assert.NotContains(t, text, "$", panel.Title)
			h.check(t, text)
			result := h.query(minute(89), text)
			require.NotEmpty(t, result, "%s: %s", panel.Title, text)
			for _, label := range templateLabel.FindAllStringSubmatch(target.LegendFormat, -1) {
				assert.NotEmpty(t, result[0].Metric.Get(label[1]), "%s: the legend has {{%s}}", panel.Title, label[1])
			}
		}
	}
	for _, variable := range d.Templating.List {
		if match := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`).FindStringSubmatch(variable.Definition); match != nil {
			assert.NotEmpty(t, h.values(match[1], match[2]), variable.Definition)
		} else {
			assert.Equal(t, "datasource", variable.Type, variable.Name)
		}
	}
}

func TestDocumentedQueries(t *testing.T) {
	t.Parallel()
	h := everything(t)
	queries := blocks(t, "promql")
	require.GreaterOrEqual(t, len(queries), 4)
	for _, text := range queries {
		h.check(t, text)
		assert.NotEmpty(t, h.query(minute(89), text), text)
	}
}

func TestRulesNameWhatThereIs(t *testing.T) {
	t.Parallel()
	h := everything(t)
	for _, rule := range rules(t) {
		h.check(t, rule.Expr)
		for name, text := range rule.Annotations {
			for _, label := range templateLabel.FindAllStringSubmatch(text, -1) {
				assert.NotEmpty(t, h.values("corsrpc_decisions_total", label[1]), "%s of %s", name, rule.Alert)
			}
		}
	}
}
