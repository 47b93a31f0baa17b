package shop

import (
	"connectrpc.com/connect"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

func setPrice(c call, req *shopv1.SetPriceRequest) (*shopv1.SetPriceResponse, error) {
	clerk, err := authenticate(c)
	if err != nil {
		return nil, err
	}
	reason, err := nameIn(c, "x-change-reason")
	if err != nil {
		return nil, err
	}
	product, err := findProduct(req.GetProductId())
	if err != nil {
		return nil, err
	}
	if price := req.GetPrice(); price.GetMinorUnits() <= 0 || price.GetCurrencyCode() != currency {
		return nil, fail(connect.CodeInvalidArgument, "price must be above zero "+currency)
	}
	product.Price = req.GetPrice()
	c.setHeader("x-audit-id", "set-price-"+clerk+"-"+reason)
	return &shopv1.SetPriceResponse{Product: product}, nil
}

func reportProduct(c call, req *shopv1.ReportProductRequest) (*shopv1.ReportProductResponse, error) {
	customer, err := authenticate(c)
	if err != nil {
		return nil, err
	}
	product, err := findProduct(req.GetProductId())
	if err != nil {
		return nil, err
	}
	c.setHeader("x-audit-id", "report-product-"+customer)
	return &shopv1.ReportProductResponse{ReportId: "report-" + product.GetId()}, nil
}
