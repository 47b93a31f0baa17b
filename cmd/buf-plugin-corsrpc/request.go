package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"buf.build/go/bufplugin/check"
	"buf.build/go/bufplugin/option"
	"pluginrpc.com/pluginrpc"
)

// A checked is what all rules need of a request.
type checked struct {
	current   *schema
	audiences []string // of the option; nil if it is not set
	// losses returns what pages lose between the schemas of a breaking rule.
	losses func() ([]loss, error)
}

type checkedKey struct{}

// before reads a request once, for all rules.
func before(ctx context.Context, request check.Request) (context.Context, check.Request, error) {
	c, err := newChecked(request)
	if err != nil {
		return nil, nil, pluginrpc.NewError(pluginrpc.CodeInvalidArgument, err)
	}
	return context.WithValue(ctx, checkedKey{}, c), request, nil
}

func newChecked(request check.Request) (*checked, error) {
	audiences, err := readOptions(request.Options())
	if err != nil {
		return nil, err
	}
	current, err := newSchema(request.FileDescriptors())
	if err != nil {
		return nil, err
	}
	against, err := newSchema(request.AgainstFileDescriptors())
	if err != nil {
		return nil, fmt.Errorf("the schema to compare with: %w", err)
	}
	losses := sync.OnceValues(func() ([]loss, error) { return compare(against, current) })
	return &checked{current, audiences, losses}, nil
}

// readOptions returns the option audiences.
func readOptions(options option.Options) ([]string, error) {
	const known = "audiences"
	var unknown []string
	options.Range(func(key string, _ any) {
		if key != known {
			unknown = append(unknown, key)
		}
	})
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return nil, fmt.Errorf("unknown option %.40q: the only option of this plugin is audiences", unknown[0])
	}
	value, set := options.Get(known)
	audiences, ok := value.([]string)
	if set && !ok {
		return nil, errors.New("the option audiences is not a list of strings: write audiences: [storefront, backoffice]")
	}
	return audiences, nil
}

// rule returns a rule that is given what before has read.
func rule(id, purpose string, ruleType check.RuleType, handle func(*checked, check.ResponseWriter) error) *check.RuleSpec {
	return &check.RuleSpec{
		ID: id, CategoryIDs: []string{category}, Default: true, Purpose: purpose, Type: ruleType,
		Handler: check.RuleHandlerFunc(func(ctx context.Context, w check.ResponseWriter, _ check.Request) error {
			return handle(ctx.Value(checkedKey{}).(*checked), w)
		}),
	}
}

// lintRule returns a rule that looks at one service or method after the other.
// Files of other modules are not looked at.
func lintRule(id, purpose string, look func(*checked, *declaration, report)) *check.RuleSpec {
	return rule(id, purpose, check.RuleTypeLint, func(c *checked, w check.ResponseWriter) error {
		for _, d := range c.current.declarations {
			if d.file.isImport {
				continue
			}
			look(c, d, func(at place, format string, args ...any) {
				w.AddAnnotation(at.option(), check.WithMessagef(format, args...))
			})
		}
		return nil
	})
}

// A report adds a finding.
type report func(at place, format string, args ...any)

func breakingRule(id, purpose string) *check.RuleSpec {
	return rule(id, purpose, check.RuleTypeBreaking, func(c *checked, w check.ResponseWriter) error {
		losses, err := c.losses()
		if err != nil {
			return pluginrpc.NewError(pluginrpc.CodeInvalidArgument, err)
		}
		for _, l := range losses {
			if l.rule == id {
				w.AddAnnotation(l.at.option(), l.against.againstOption(), check.WithMessage(l.message))
			}
		}
		return nil
	})
}

// quoted returns names for a message: "a", "b".
func quoted(names ...string) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = fmt.Sprintf("%.80q", name)
	}
	return strings.Join(out, ", ")
}
