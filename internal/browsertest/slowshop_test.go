package browsertest

import (
	"context"
	"net/http"

	"connectrpc.com/connect"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// slowProduct takes longer to find than anybody has time.
const slowProduct = "slow"

type requestContextKey struct{}

// slowShop is the shop with a product that is not found in time.
func slowShop() http.Handler {
	slow := connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			wanted, ok := req.Any().(*shopv1.GetProductRequest)
			if !ok || wanted.GetProductId() != slowProduct {
				return next(ctx, req)
			}
			return nil, waitFor(ctx)
		}
	})
	return shop.NewHandler(connect.WithInterceptors(slow))
}

// waitFor waits until the call's deadline or, if the client keeps time itself,
// until the client has given up, and returns the context's error.
func waitFor(ctx context.Context) error {
	wait := ctx
	if cell, _ := ctx.Value(requestContextKey{}).(requestContext); cell.clientKeepsTime {
		wait = cell.Context
	}
	<-wait.Done()
	return ctx.Err()
}

// A requestContext is that of the HTTP request, which ends when the client is
// gone, and not at the call's deadline.
type requestContext struct {
	context.Context
	clientKeepsTime bool
}
