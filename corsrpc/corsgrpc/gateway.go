package corsgrpc

import "net/http"

// gatewayOrigin is the metadata that grpc-gateway makes of Origin: it puts a
// prefix before the permanent HTTP headers that it hands on.
const gatewayOrigin = "grpcgateway-origin"

// IncomingHeader returns a header matcher for grpc-gateway that hands on Origin,
// Sec-Fetch-Site and Sec-Purpose, which the interceptors go by, and all that next
// hands on. If next is nil, it hands on nothing else.
//
//	gateway := runtime.NewServeMux(runtime.WithIncomingHeaderMatcher(corsgrpc.IncomingHeader(runtime.DefaultHeaderMatcher)))
//
// [runtime.DefaultHeaderMatcher] alone hands on Origin. Then calls without Origin,
// such as GETs that another site causes, look like those of other servers.
//
// [runtime.DefaultHeaderMatcher]: https://pkg.go.dev/github.com/grpc-ecosystem/grpc-gateway/v2/runtime#DefaultHeaderMatcher
func IncomingHeader(next func(string) (string, bool)) func(string) (string, bool) {
	return func(name string) (string, bool) {
		switch http.CanonicalHeaderKey(name) {
		case "Origin":
			return gatewayOrigin, true
		case "Sec-Fetch-Site":
			return "sec-fetch-site", true
		case "Sec-Purpose":
			return "sec-purpose", true
		}
		if next == nil {
			return "", false
		}
		return next(name)
	}
}
