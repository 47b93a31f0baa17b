// Package shop implements acme.shop.v1, the shop that the examples, the tests
// and the browser tests call.
//
// It keeps no state, knows no clock and draws no random numbers: a call gives
// the same answer whatever ran before it, so that a test can name every byte and
// a page can be loaded twice. A product that was added is not stored, a price
// that was set does not change the catalogue.
//
// One implementation stands behind three frameworks: [Catalog], [Cart], [Admin]
// and [Warehouse] serve Connect, gRPC-Web and gRPC with connect-go, [RegisterV2]
// serves the same with its second version, and [RegisterGRPC] serves gRPC with
// grpc-go. All send the same codes, messages, details, headers, trailers and
// error metadata; the comments in proto/acme/shop/v1 say which, and the options
// there declare them. Only [RegisterV2] sends the error metadata of unary calls
// as response headers, since errors of Connect v2 have none.
package shop

import (
	"net/http"

	"connectrpc.com/connect"
	connectv2 "connectrpc.com/connect/v2"
	"google.golang.org/grpc"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1/shopv1connect"
	shopv2connect "github.com/corsrpc/corsrpc-go/internal/genv2/acme/shop/v1/shopv1connect"
)

// NewHandler returns a handler of all the shop's services. It knows nothing of
// CORS.
func NewHandler(options ...connect.HandlerOption) http.Handler {
	mux := http.NewServeMux()
	Mount(mux, options...)
	return mux
}

// Mount registers all the shop's services with mux, each at "/" and its full
// name.
func Mount(mux *http.ServeMux, options ...connect.HandlerOption) {
	mux.Handle(shopv1connect.NewCatalogServiceHandler(Catalog{}, options...))
	mux.Handle(shopv1connect.NewCartServiceHandler(Cart{}, options...))
	mux.Handle(shopv1connect.NewAdminServiceHandler(Admin{}, options...))
	mux.Handle(shopv1connect.NewWarehouseServiceHandler(Warehouse{}, options...))
}

// RegisterV2 registers all the shop's services with a server of Connect v2.
func RegisterV2(server *connectv2.Server) {
	shopv2connect.RegisterCatalogServiceHandler(server, v2Catalog{})
	shopv2connect.RegisterCartServiceHandler(server, v2Cart{})
	shopv2connect.RegisterAdminServiceHandler(server, v2Admin{})
	shopv2connect.RegisterWarehouseServiceHandler(server, v2Warehouse{})
}

// RegisterGRPC registers all the shop's services with a grpc-go server.
func RegisterGRPC(server grpc.ServiceRegistrar) {
	shopv1.RegisterCatalogServiceServer(server, grpcCatalog{})
	shopv1.RegisterCartServiceServer(server, grpcCart{})
	shopv1.RegisterAdminServiceServer(server, grpcAdmin{})
	shopv1.RegisterWarehouseServiceServer(server, grpcWarehouse{})
}
