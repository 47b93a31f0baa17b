package headername

import "strings"

// IsSafelistedRequest reports whether scripts of another origin can send the
// request header of this name without permission, as long as its value is
// harmless: a "CORS-safelisted request-header" of the Fetch standard.
func IsSafelistedRequest(name string) bool {
	switch Lower(name) {
	case "accept", "accept-language", "content-language", "content-type", "range":
		return true
	}
	return false
}

// IsAddedInTransit reports whether a request header of this name can stem from
// the browser itself or from a proxy, so that its presence does not show that a
// page set it.
func IsAddedInTransit(name string) bool {
	name = Lower(name)
	if addedInTransit[name] {
		return true
	}
	for _, prefix := range addedPrefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

var addedInTransit = set(
	// Browsers: conditional requests of their cache, reloads, client hints.
	"cache-control",
	"device-memory",
	"downlink",
	"dpr",
	"early-data",
	"ect",
	"if-modified-since",
	"if-none-match",
	"if-range",
	"pragma",
	"priority",
	"purpose",
	"rtt",
	"save-data",
	"service-worker",
	"upgrade-insecure-requests",
	"user-agent",
	"viewport-width",
	"width",
	"x-client-data",
	// Proxies, CDNs, meshes and tracing.
	"b3",
	"baggage",
	"cdn-loop",
	"client-ip",
	"fly-client-ip",
	"forwarded",
	"front-end-https",
	"grpc-trace-bin",
	"http2-settings",
	"surrogate-capability",
	"traceparent",
	"tracestate",
	"true-client-ip",
	"uber-trace-id",
	"x-client-ip",
	"x-cloud-trace-context",
	"x-cluster-client-ip",
	"x-correlation-id",
	"x-original-forwarded-for",
	"x-original-host",
	"x-original-uri",
	"x-original-url",
	"x-real-ip",
	"x-request-id",
	"x-request-start",
	"x-scheme",
	"x-trace-id",
	"x-varnish",
)

var addedPrefixes = []string{
	"cf-",
	"cloudfront-",
	"fastly-",
	"x-amz-cf-",
	"x-amzn-",
	"x-appengine-",
	"x-arr-",
	"x-azure-",
	"x-b3-",
	"x-datadog-",
	"x-envoy-",
	"x-forwarded-",
	"x-istio-",
	"x-ot-",
	"x-vercel-",
}
