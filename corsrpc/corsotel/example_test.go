package corsotel_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsotel"
)

func ExampleOnDecision() {
	reader := sdk.NewManualReader() // most programs have an exporter
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))

	count, err := corsotel.OnDecision(provider)
	if err != nil {
		log.Fatal(err)
	}
	cors, err := corsrpc.New(corsrpc.Config{
		Files:      shop, // programs leave it out: their services are linked
		Origins:    []string{"https://app.example.com"},
		OnDecision: count,
	})
	if err != nil {
		log.Fatal(err)
	}

	r := httptest.NewRequest("POST", "/acme.shop.v1.CartService/AddItem", nil)
	r.Header.Set("Origin", "https://elsewhere.example")
	cors.Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)

	var collected metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &collected); err != nil {
		log.Fatal(err)
	}
	counter := collected.ScopeMetrics[0].Metrics[0]
	for _, point := range counter.Data.(metricdata.Sum[int64]).DataPoints {
		fmt.Println(counter.Name, point.Value)
		for _, a := range point.Attributes.ToSlice() {
			fmt.Printf("  %s=%s\n", a.Key, a.Value.AsString())
		}
	}
	// Output:
	// corsrpc.decisions 1
	//   corsrpc.kind=cross_origin
	//   corsrpc.outcome=refused
	//   corsrpc.reason=origin_not_allowed
	//   rpc.method=acme.shop.v1.CartService/AddItem
}
