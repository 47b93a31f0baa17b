package corsconnectv2_test

import (
	"context"
	"net/http"
	"testing"

	v1 "connectrpc.com/connect"
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnectv2"
	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	"github.com/corsrpc/corsrpc-go/internal/exchange"
)

// Two servers on one mux, each with a policy of its own.
func TestMount(t *testing.T) {
	t.Parallel()
	catalog, err := corsrpc.New(corsrpc.Config{Origins: []string{"*"}, Services: []string{"acme.shop.v1.CatalogService"}, Except: []string{"acme.shop.v1.CartService"}})
	require.NoError(t, err)
	cart, err := corsrpc.New(corsrpc.Config{
		Origins:  []string{app},
		Services: []string{"acme.shop.v1.CartService"}, Except: []string{"acme.shop.v1.CatalogService"},
		Audiences: map[string][]string{"storefront": {app}, "backoffice": {}},
	})
	require.NoError(t, err)

	all := exchange.NewServerV2(always(exchange.Behaviour{Messages: 1}))
	mux := http.NewServeMux()
	corsconnectv2.Mount(mux, only(all, "/acme.shop.v1.CatalogService/"), catalog)
	corsconnectv2.Mount(mux, only(all, "/acme.shop.v1.CartService/"), cart)
	url := exchange.Serve(t, mux)

	for _, row := range []struct {
		kind    exchange.Kind
		origin  string
		blocked bool
	}{
		{exchange.Unary, app, false},
		{exchange.Unary, evil, false},
		{exchange.ServerStream, evil, false},
		{exchange.ClientStream, app, false},
		{exchange.ClientStream, evil, true},
	} {
		for _, options := range [][]v1.ClientOption{nil, {v1.WithGRPCWeb()}} {
			err := row.kind.Call(t.Context(), corstest.NewBrowser(row.origin).Client(), url, options...)
			if row.blocked {
				assert.ErrorAs(t, err, new(*corstest.BlockedError), "%s from %s", row.kind.Name, row.origin)
			} else {
				assert.NoError(t, err, "%s from %s", row.kind.Name, row.origin)
			}
		}
	}
	// An unknown method has the rule of its service: the page gets an answer.
	client := v1.NewClient[struct{}, struct{}](corstest.NewBrowser(app).Client(), url+"/acme.shop.v1.CartService/Rate")
	_, err = client.CallUnary(t.Context(), v1.NewRequest(&struct{}{}))
	assert.NotErrorIs(t, err, new(corstest.BlockedError))
}

// only returns a server with the methods of another below a path.
func only(server *connect.Server, path string) *connect.Server {
	part := connect.NewServer()
	for spec := range server.Specs() {
		if len(spec.Procedure) > len(path) && spec.Procedure[:len(path)] == path {
			part.Register(connect.Method{Spec: spec, Handler: func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
				info, _ := connect.CallInfoForServerContext(ctx)
				return server.Call(ctx, spec.Procedure, info, stream)
			}})
		}
	}
	return part
}

// The patterns and options are those of connecthttp.
func TestMountIsConnects(t *testing.T) {
	t.Parallel()
	server := exchange.NewServerV2(always(exchange.Behaviour{}))
	server.Register(health)
	policy := exchange.NewPolicy(t, corsrpc.Config{})
	want, got := patterns{}, patterns{}
	connecthttp.Mount(want, server)
	corsconnectv2.Mount(got, server, policy)
	assert.Len(t, got, len(want))
	for pattern := range want {
		assert.Contains(t, got, pattern)
	}

	mux := http.NewServeMux()
	corsconnectv2.Mount(mux, server, policy, connecthttp.WithReadMaxBytes(1))
	w := exchange.NewWire(t, false, http.Header{"Origin": {app}})
	err := exchange.Unary.Call(t.Context(), w.Client(), exchange.Serve(t, mux))
	assert.Equal(t, v1.CodeResourceExhausted, v1.CodeOf(err), "the option limits requests to a byte")
}

// health is a method of the RPC frameworks' own.
var health = connect.Method{
	Spec: connect.Spec{Procedure: "/grpc.health.v1.Health/Check"},
	Handler: func(_ context.Context, _ connect.Spec, stream connect.ServerStream) error {
		return connect.NewError(connect.CodeUnavailable, "starting")
	},
}

type patterns map[string]http.Handler

func (p patterns) Handle(pattern string, handler http.Handler) { p[pattern] = handler }

// Health checks are left alone, as Wrap leaves them alone, whoever asks.
func TestMountInfrastructure(t *testing.T) {
	t.Parallel()
	server := exchange.NewServerV2(always(exchange.Behaviour{}))
	server.Register(health)
	mux := http.NewServeMux()
	corsconnectv2.Mount(mux, server, exchange.NewPolicy(t, corsrpc.Config{}))
	w := exchange.NewWire(t, false, http.Header{"Origin": {evil}})
	client := v1.NewClient[struct{}, struct{}](w.Client(), exchange.Serve(t, mux)+health.Spec.Procedure, v1.WithCodec(emptyCodec{}))
	_, err := client.CallUnary(t.Context(), v1.NewRequest(&struct{}{}))
	assert.Equal(t, v1.CodeUnavailable, v1.CodeOf(err))
	assert.Empty(t, exchange.AccessControl(w.Response.Header))
}

// emptyCodec is for messages without content.
type emptyCodec struct{}

func (emptyCodec) Name() string                { return "proto" }
func (emptyCodec) Marshal(any) ([]byte, error) { return nil, nil }
func (emptyCodec) Unmarshal([]byte, any) error { return nil }

// What could leave a service unprotected is found at start.
func TestMountPanics(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		policy *corsrpc.Policy
		want   string
	}{
		{"a policy without Config", new(corsrpc.Policy), "the policy has no Config: make it with New, or call Update first"},
		{"a service that another policy owns", exchange.NewPolicy(t, corsrpc.Config{Except: []string{"acme.shop.v1.CartService"}}), "CartService"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				err, _ := recover().(error)
				assert.ErrorContains(t, err, row.want)
			}()
			corsconnectv2.Mount(http.NewServeMux(), exchange.NewServerV2(nil), row.policy)
		})
	}
}
