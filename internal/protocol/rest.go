package protocol

// A REST is the table of one way in which gateways serve the bindings of
// google.api.http. Tables are immutable. Trailers are nothing that pages can
// read: grpc-gateway sends them only to clients that ask with TE, which is a
// forbidden request header.
type REST struct {
	// Name is how people write it.
	Name string
	// RequestHeaders are the names that the gateway itself reads from a
	// request, except those of content negotiation.
	RequestHeaders []string
	// MetadataPrefix is what the gateway takes off the names of request
	// headers to make metadata of them, and puts before the names of metadata
	// to make response headers; empty if names stay as they are.
	MetadataPrefix string
}

// Gateway is grpc-gateway v2 (runtime/context.go, runtime/handler.go).
var Gateway = REST{
	Name:           "grpc-gateway",
	RequestHeaders: []string{"Content-Type", "Grpc-Timeout"},
	MetadataPrefix: "Grpc-Metadata-",
}

// Transcoding is that of Vanguard and of Envoy, whose metadata has its own
// names. X-Server-Timeout is Vanguard's.
var Transcoding = REST{
	Name:           "transcoding",
	RequestHeaders: []string{"Content-Type", "Grpc-Timeout", "X-Server-Timeout"},
}
