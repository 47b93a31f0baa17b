package corsrpc

// TraceContextHeaders returns the names of the request headers that W3C Trace
// Context and Baggage use, for Config.RequestHeaders.
func TraceContextHeaders() []string {
	return []string{"Traceparent", "Tracestate", "Baggage"}
}

// B3Headers returns the names of the request headers that B3 propagation
// (Zipkin) uses, for Config.RequestHeaders.
func B3Headers() []string {
	return []string{"B3", "X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid", "X-B3-Sampled", "X-B3-Flags"}
}
