package shop

import (
	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

func reserveStock(_ call, req *shopv1.ReserveStockRequest) (*shopv1.ReserveStockResponse, error) {
	product, err := findProduct(req.GetProductId())
	if err != nil {
		return nil, err
	}
	if _, err := priceOf(product, req.GetQuantity()); err != nil {
		return nil, err
	}
	return &shopv1.ReserveStockResponse{
		ReservationId: "reservation-" + product.GetId(),
		Left:          product.GetStock() - req.GetQuantity(),
	}, nil
}
