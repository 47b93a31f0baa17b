package shop

import (
	"fmt"
	"strconv"
	"strings"

	"connectrpc.com/connect"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

const (
	catalogVersion = "2026-10"
	currency       = "EUR"
)

// products returns what the shop sells. The messages are the caller's own.
func products() []*shopv1.Product {
	return []*shopv1.Product{
		{Id: "teapot", Name: "Stoneware teapot", Price: euros(2450), Stock: 12},
		{Id: "mug", Name: "Stoneware mug", Price: euros(975), Stock: 40},
		{Id: "kettle", Name: "Copper kettle", Price: euros(8900), Stock: 3},
	}
}

// euros returns an amount that is given in cents.
func euros(cents int32) *shopv1.Money {
	return &shopv1.Money{CurrencyCode: currency, MinorUnits: cents}
}

func findProduct(id string) (*shopv1.Product, error) {
	for _, product := range products() {
		if product.GetId() == id {
			return product, nil
		}
	}
	// The precision bounds what an unknown client can have sent back.
	return nil, fail(connect.CodeNotFound, fmt.Sprintf("no product %.32q", id))
}

func getProduct(c call, req *shopv1.GetProductRequest) (*shopv1.GetProductResponse, error) {
	product, err := findProduct(req.GetProductId())
	if err != nil {
		return nil, err
	}
	c.setHeader("x-catalog-version", catalogVersion)
	return &shopv1.GetProductResponse{Product: product}, nil
}

func searchProducts(c call, req *shopv1.SearchProductsRequest, send func(*shopv1.SearchProductsResponse) error) error {
	hits := 0
	for _, product := range products() {
		if !strings.Contains(strings.ToLower(product.GetName()), strings.ToLower(req.GetQuery())) {
			continue
		}
		if err := send(&shopv1.SearchProductsResponse{Product: product}); err != nil {
			return err
		}
		hits++
	}
	c.setTrailer("x-hits", strconv.Itoa(hits))
	return nil
}

func watchPrices(c call, req *shopv1.WatchPricesRequest, send func(*shopv1.WatchPricesResponse) error) error {
	c.setHeader("x-catalog-version", catalogVersion)
	updates := 0
	defer func() { c.setTrailer("x-updates", strconv.Itoa(updates)) }()
	for _, id := range req.GetProductIds() {
		product, err := findProduct(id)
		if err != nil {
			return err
		}
		if err := send(&shopv1.WatchPricesResponse{ProductId: id, Price: product.GetPrice()}); err != nil {
			return err
		}
		updates++
	}
	return nil
}
