package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

func runRules(ctx context.Context, f *flags, stdout io.Writer) (int, error) {
	if err := oneOf("format", f.format, "text", "json"); err != nil {
		return failed, err
	}
	if err := f.noArguments(); err != nil {
		return failed, err
	}
	files, err := f.files(ctx)
	if err != nil {
		return failed, err
	}
	policy, err := newPolicy(files, f.policies)
	if err != nil {
		return failed, err
	}
	if f.format == "json" {
		return fine, writeRulesJSON(stdout, policy, f.why)
	}
	if len(f.policies) == 0 {
		fmt.Fprint(stdout, placeholders+"\n\n")
	}
	return fine, writeRules(stdout, policy, f.why)
}

// placeholders explains the origins of a schema alone.
const placeholders = "Without a policy, https://page.example stands for the pages that can call methods without an audience,\n" +
	"and https://LABEL.audience.example for those of the audience LABEL."

// writeRules prints rules for people. Paths with the same permissions stand
// together.
func writeRules(w io.Writer, policy *corsrpc.Policy, why bool) error {
	type group struct {
		paths []string
		text  string
	}
	var groups []*group
	byText := make(map[string]*group)
	for rule := range policy.Rules() {
		text := ruleText(rule, why)
		g := byText[text]
		if g == nil {
			g = &group{text: text}
			byText[text] = g
			groups = append(groups, g)
		}
		g.paths = append(g.paths, pathText(rule))
	}
	if len(groups) == 0 {
		_, err := fmt.Fprintln(w, "There are no rules: the schema has no services that pages could call.")
		return err
	}
	for i, g := range groups {
		separator := "\n"
		if i == 0 {
			separator = ""
		}
		if _, err := fmt.Fprintf(w, "%s%s\n%s", separator, strings.Join(g.paths, "\n"), g.text); err != nil {
			return err
		}
	}
	return nil
}

// pathText returns where a rule's requests are.
func pathText(rule corsrpc.Rule) string {
	switch rule.Match {
	case corsrpc.MatchBinding:
		return strings.Join(rule.Methods, ",") + " " + rule.Path + "  (" + rule.Procedure + ")"
	case corsrpc.MatchService:
		return rule.Path + "  (every other method)"
	}
	return rule.Path
}

func ruleText(rule corsrpc.Rule, why bool) string {
	var b strings.Builder
	const indent = 13 // where values begin
	line := func(name string, values ...string) {
		if len(values) > 0 {
			fmt.Fprintf(&b, "  %-9s  %s\n", name, wrapped(values, " ", indent, indent))
		}
	}
	var marks []string
	for _, mark := range []struct {
		set  bool
		text string
	}{
		{rule.Internal, "internal: refused to every page"},
		{rule.Credentials && len(rule.Origins) > 0, "credentials: pages can call with cookies"},
		{rule.ReportOnly, "report only: no call is refused"},
		{rule.Links, "links: GET is not refused to any site"},
		{!rule.Enforced, "not enforced: every request reaches the handler"},
	} {
		if mark.set {
			marks = append(marks, mark.text)
		}
	}
	for _, mark := range marks {
		fmt.Fprintf(&b, "  %s\n", mark)
	}
	if len(rule.Origins) == 0 {
		line("origins", "none")
		return b.String()
	}
	if why {
		grants := rule.Grants()
		for i := 0; i < len(grants); {
			g, sources := grants[i], []string{}
			for ; i < len(grants) && grants[i].Kind == g.Kind && grants[i].Value == g.Value; i++ {
				sources = append(sources, grants[i].Source)
			}
			fmt.Fprintf(&b, "  %-15s  %-32s  %s\n", g.Kind, g.Value, strings.Join(sources, ", "))
		}
		return b.String()
	}
	line("origins", rule.Origins...)
	line("methods", rule.Methods...)
	line("send", rule.RequestHeaders...)
	line("read", rule.ResponseHeaders...)
	line("max age", age(rule.MaxAge))
	return b.String()
}

// wrapped joins values in lines of a readable length. The first line begins at
// the column begin, the others at the column indent.
func wrapped(values []string, separator string, begin, indent int) string {
	const width = 100
	var b strings.Builder
	column := begin
	for i, value := range values {
		if i > 0 {
			b.WriteString(separator)
			column += len(separator)
			if column+len(value) > width {
				text := strings.TrimRight(b.String(), " ")
				b.Reset()
				b.WriteString(text + "\n" + strings.Repeat(" ", indent))
				column = indent
			}
		}
		b.WriteString(value)
		column += len(value)
	}
	return b.String()
}

// age returns a duration without its zeros: 2h, not 2h0m0s.
func age(d time.Duration) string {
	text := d.String()
	if short, ok := strings.CutSuffix(text, "m0s"); ok {
		text = short + "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		text = short + "h"
	}
	return text
}

// A ruleJSON is the form of a rule in JSON.
type ruleJSON struct {
	Path            string        `json:"path"`
	Procedure       string        `json:"procedure,omitempty"`
	Match           corsrpc.Match `json:"match"`
	Origins         []string      `json:"origins"`
	Credentials     bool          `json:"credentials"`
	Internal        bool          `json:"internal"`
	Enforced        bool          `json:"enforced"`
	ReportOnly      bool          `json:"report_only"`
	Links           bool          `json:"links"`
	Methods         []string      `json:"methods"`
	RequestHeaders  []string      `json:"request_headers"`
	ResponseHeaders []string      `json:"response_headers"`
	MaxAgeSeconds   int           `json:"max_age_seconds"`
	Grants          []grantJSON   `json:"grants,omitempty"`
}

type grantJSON struct {
	Kind   corsrpc.GrantKind `json:"kind"`
	Value  string            `json:"value"`
	Source string            `json:"source"`
}

func writeRulesJSON(w io.Writer, policy *corsrpc.Policy, why bool) error {
	rules := []ruleJSON{}
	for r := range policy.Rules() {
		j := ruleJSON{
			Path: r.Path, Procedure: r.Procedure, Match: r.Match, Origins: r.Origins,
			Credentials: r.Credentials, Internal: r.Internal, Enforced: r.Enforced, ReportOnly: r.ReportOnly, Links: r.Links,
			Methods: r.Methods, RequestHeaders: r.RequestHeaders, ResponseHeaders: r.ResponseHeaders, MaxAgeSeconds: int(r.MaxAge.Seconds()),
		}
		for _, list := range []*[]string{&j.Origins, &j.Methods, &j.RequestHeaders, &j.ResponseHeaders} {
			*list = slices.Concat([]string{}, *list) // [] and not null
		}
		if why {
			for _, g := range r.Grants() {
				j.Grants = append(j.Grants, grantJSON(g))
			}
		}
		rules = append(rules, j)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(rules)
}
