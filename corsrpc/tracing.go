package corsrpc

// TraceContextHeaders returns the names that W3C Trace Context and Baggage
// add to requests, for Config.RequestHeaders.
func TraceContextHeaders() []string {
	return []string{"Traceparent", "Tracestate", "Baggage"}
}

// B3Headers returns the names that B3 (Zipkin) propagation adds to requests,
// for Config.RequestHeaders.
func B3Headers() []string {
	return []string{"B3", "X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid", "X-B3-Sampled", "X-B3-Flags"}
}
