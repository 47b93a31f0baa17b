package restgatewaytest

import (
	"net/http"
	"net/http/httptest"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
	"github.com/corsrpc/corsrpc-go/internal/httprule/routetest"
)

// unescapingModes are those of grpc-gateway.
var unescapingModes = map[string]runtime.UnescapingMode{
	"legacy":              runtime.UnescapingModeLegacy,
	"all except reserved": runtime.UnescapingModeAllExceptReserved,
	"all except slash":    runtime.UnescapingModeAllExceptSlash,
	"all characters":      runtime.UnescapingModeAllCharacters,
}

// grpcGateways returns a grpc-gateway for each of its modes, which serves those
// of the bindings that it accepts.
func grpcGateways(prefix string, bindings []httprule.Binding) map[string]routetest.Gateway {
	gateways := map[string]routetest.Gateway{}
	for name, mode := range unescapingModes {
		mux := runtime.NewServeMux(runtime.WithUnescapingMode(mode))
		var routed int
		for i, binding := range bindings {
			_ = mux.HandlePath(binding.Method, binding.Template.String(), func(http.ResponseWriter, *http.Request, map[string]string) { routed = i })
		}
		handler := http.StripPrefix(prefix, mux)
		gateways["grpc-gateway, "+name] = func(r *http.Request) int {
			routed = -1
			handler.ServeHTTP(httptest.NewRecorder(), r)
			return routed
		}
	}
	return gateways
}

// grpcGatewayAccepts reports whether grpc-gateway can serve a template.
func grpcGatewayAccepts(template string) bool {
	return runtime.NewServeMux().HandlePath("GET", template, nil) == nil
}
