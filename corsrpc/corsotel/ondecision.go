package corsotel

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

const (
	scope       = "github.com/corsrpc/corsrpc-go/corsrpc/corsotel"
	counterName = "corsrpc.decisions"

	keyMethod  = attribute.Key("rpc.method")
	keyKind    = attribute.Key("corsrpc.kind")
	keyReason  = attribute.Key("corsrpc.reason")
	keyOutcome = attribute.Key("corsrpc.outcome")

	// The conventions demand this value for a method that is not recognized:
	// https://opentelemetry.io/docs/specs/semconv/registry/attributes/rpc/
	otherMethod = "_OTHER"
)

// OnDecision returns a function for [corsrpc.Config].OnDecision that counts
// every Decision in the counter corsrpc.decisions of the provider.
//
// The function can be called concurrently, and several policies can share it. It
// allocates only for the first Decision of each series. OnDecision returns an
// error if the provider is nil, if the provider cannot make the counter, or if an
// option is not valid.
func OnDecision(provider metric.MeterProvider, opts ...Option) (func(context.Context, corsrpc.Decision), error) {
	if provider == nil {
		return nil, errors.New("corsotel: the MeterProvider is nil: pass the one of your SDK, or otel.GetMeterProvider()")
	}
	c := &counters{}
	for _, opt := range opts {
		if err := opt.apply(c); err != nil {
			return nil, err
		}
	}
	counter, err := provider.Meter(scope).Int64Counter(counterName,
		metric.WithUnit("{decision}"),
		metric.WithDescription("Decisions of a CORS policy about requests of browsers, and about requests that it refused."),
	)
	if err != nil {
		return nil, fmt.Errorf("corsotel: the MeterProvider does not make the counter %s: %w", counterName, err)
	}
	c.counter = counter
	c.made.Store(&map[series][]metric.AddOption{})
	return c.count, nil
}

// An Option changes what [OnDecision] counts.
type Option interface{ apply(*counters) error }

// WithAttributes adds the attributes to every decision, for processes with
// several policies. Their values must not come from requests. It is an error to
// use a name that OnDecision sets.
func WithAttributes(attributes ...attribute.KeyValue) Option { return withAttributes(attributes) }

type withAttributes []attribute.KeyValue

func (attributes withAttributes) apply(c *counters) error {
	for _, a := range attributes {
		switch {
		case !a.Valid():
			return errors.New("corsotel: WithAttributes: an attribute has no name: write attribute.String(name, value)")
		case a.Key == keyMethod, a.Key == keyKind, a.Key == keyReason, a.Key == keyOutcome:
			return fmt.Errorf("corsotel: WithAttributes: %q is set for each decision: use another name", string(a.Key))
		}
	}
	c.common = append(c.common, attributes...)
	return nil
}

// A series is what decisions with the same attributes have in common.
type series struct {
	method  string
	kind    corsrpc.Kind
	reason  corsrpc.Reason
	outcome corsrpc.Outcome
}

// counters count decisions by series.
type counters struct {
	counter metric.Int64Counter
	common  []attribute.KeyValue

	// made has the attributes of each series. Readers need no lock, since a map
	// is not changed after it was stored.
	made   atomic.Pointer[map[series][]metric.AddOption]
	making sync.Mutex
}

func (c *counters) count(ctx context.Context, d corsrpc.Decision) {
	s := series{method(d.Procedure), d.Kind, d.Reason, d.Outcome}
	options, ok := (*c.made.Load())[s]
	if !ok {
		options = c.add(s)
	}
	c.counter.Add(ctx, 1, options...)
}

// method returns the value of rpc.method for Decision.Procedure.
func method(procedure string) string {
	if strings.HasSuffix(procedure, "/") {
		return otherMethod
	}
	return strings.TrimPrefix(procedure, "/")
}

// add makes the attributes of a series.
func (c *counters) add(s series) []metric.AddOption {
	c.making.Lock()
	defer c.making.Unlock()
	if options, ok := (*c.made.Load())[s]; ok {
		return options
	}
	attributes := append([]attribute.KeyValue{
		keyKind.String(s.kind.String()),
		keyOutcome.String(s.outcome.String()),
		keyReason.String(s.reason.Code()),
	}, c.common...)
	if s.method != "" {
		attributes = append(attributes, keyMethod.String(s.method))
	}
	options := []metric.AddOption{metric.WithAttributeSet(attribute.NewSet(attributes...))}
	made := maps.Clone(*c.made.Load())
	made[s] = options
	c.made.Store(&made)
	return options
}
