package main

import (
	"context"
	"net"
	"net/http"
	"slices"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
)

const (
	storefront = "https://shop.example.com"
	partner    = "https://tea.partners.example.com"
	console    = "https://console.example.com"
	evil       = "https://evil.test"
)

// Whose pages get through to the running program, for each audience's methods.
func TestPages(t *testing.T) {
	t.Parallel()
	url := start(t)
	for _, row := range []struct {
		name  string
		call  func(context.Context, *http.Client) error
		pages []string
	}{
		{"the catalog, for every page that is listed", func(ctx context.Context, client *http.Client) error {
			_, err := shopv1connect.NewCatalogServiceClient(client, url).
				GetProduct(ctx, connect.NewRequest(&shopv1.GetProductRequest{ProductId: "mug"}))
			return err
		}, []string{storefront, partner}},
		{"the checkout, for the storefront", func(ctx context.Context, client *http.Client) error {
			_, err := shopv1connect.NewCartServiceClient(client, url).
				Checkout(ctx, authorized(&shopv1.CheckoutRequest{PaymentToken: "tok_visa"}))
			return err
		}, []string{storefront}},
		{"prices, for the console", func(ctx context.Context, client *http.Client) error {
			req := authorized(&shopv1.SetPriceRequest{ProductId: "mug", Price: &shopv1.Money{CurrencyCode: "EUR", MinorUnits: 990}})
			req.Header().Set("X-Change-Reason", "sale")
			_, err := shopv1connect.NewAdminServiceClient(client, url).SetPrice(ctx, req)
			return err
		}, []string{console}},
		{"complaints, for the storefront, though the service is the console's", func(ctx context.Context, client *http.Client) error {
			_, err := shopv1connect.NewAdminServiceClient(client, url).
				ReportProduct(ctx, authorized(&shopv1.ReportProductRequest{ProductId: "mug"}))
			return err
		}, []string{storefront}},
		{"stock, for no page", func(ctx context.Context, client *http.Client) error {
			_, err := shopv1connect.NewWarehouseServiceClient(client, url).
				ReserveStock(ctx, connect.NewRequest(&shopv1.ReserveStockRequest{ProductId: "mug", Quantity: 1}))
			return err
		}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, origin := range []string{storefront, partner, console, evil} {
				err := row.call(t.Context(), corstest.NewBrowser(origin).Client())
				if slices.Contains(row.pages, origin) {
					assert.NoError(t, err, origin)
				} else {
					assert.ErrorAs(t, err, new(*corstest.BlockedError), origin)
				}
			}
			assert.NoError(t, row.call(t.Context(), http.DefaultClient), "servers may call everything")
		})
	}
}

// The console calls with cookies, which the storefront may not.
func TestCredentials(t *testing.T) {
	t.Parallel()
	url := start(t)
	for _, row := range []struct {
		origin, procedure string
		want              http.Header
	}{
		{console, shopv1connect.AdminServiceSetPriceProcedure, http.Header{
			"Access-Control-Allow-Origin":      {console},
			"Access-Control-Allow-Credentials": {"true"},
		}},
		{storefront, shopv1connect.CartServiceCheckoutProcedure, http.Header{
			"Access-Control-Allow-Origin": {storefront},
		}},
		{console, shopv1connect.CartServiceCheckoutProcedure, http.Header{}},
	} {
		req, err := http.NewRequest(http.MethodOptions, url+row.procedure, nil)
		require.NoError(t, err)
		req.Header.Set("Origin", row.origin)
		req.Header.Set("Access-Control-Request-Method", http.MethodPost)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		res.Body.Close()
		got := http.Header{}
		for _, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"} {
			if lines := res.Header[name]; lines != nil {
				got[name] = lines
			}
		}
		assert.Equal(t, row.want, got, "%s to %s", row.origin, row.procedure)
	}
}

func authorized[Message any](message *Message) *connect.Request[Message] {
	req := connect.NewRequest(message)
	req.Header().Set("Authorization", "Bearer ada")
	return req
}

// start runs the program.
func start(t *testing.T) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-done)
	})
	return "http://" + listener.Addr().String()
}
