package grpcweb

import (
	"net/http"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
)

// defaultMaxRequestBytes is what a MaxRequestBytes of 0 means.
const defaultMaxRequestBytes = 64 << 20

// Config configures [NewHandler]. The zero value is ready for a [grpc.Server].
type Config struct {
	// MaxRequestBytes limits how many bytes of messages one client-streaming
	// or bidirectional call may send in process. Beyond it, the call fails with
	// RESOURCE_EXHAUSTED. 0 means 64 MiB; a negative value means no limit.
	//
	// It is needed because [grpc.Server.ServeHTTP] reads ahead of its handlers
	// without bound: a client that is faster than a handler fills the memory.
	// Calls with one request message have the server's own message limit
	// ([grpc.MaxRecvMsgSize]). Directly in front of a handler that [NewForwarder]
	// made it does not apply, since HTTP/2 has flow control.
	MaxRequestBytes int64

	// Methods reports whether the client and the server of a procedure
	// ("/pkg.Service/Method") stream, and whether the procedure is known. It
	// must be safe for concurrent use.
	//
	// If Methods is nil, next is asked by its method GetServiceInfo, as
	// [grpc.Server] has it, once at the first gRPC-Web call. If next does not
	// have that method, no procedure is known. Unknown procedures are treated as
	// bidirectional, and every message that next flushes is sent by itself.
	Methods func(procedure string) (clientStreams, serverStreams, known bool)

	// Codecs are the names of the message codecs that next accepts, such as
	// "proto" and "json". Calls with others are refused with 415 Unsupported
	// Media Type. If Codecs is nil, those registered with grpc-go are accepted
	// (package google.golang.org/grpc/encoding): grpc-go parses messages of an
	// unknown codec as protobuf. Set it for a server with
	// [grpc.ForceServerCodecV2], and for servers other than grpc-go.
	Codecs []string
}

// A method is the shape of a procedure.
type method struct {
	clientStreams, serverStreams, known bool
}

// methods returns the function that looks procedures up.
func (c Config) methods(next http.Handler) func(procedure string) method {
	if c.Methods != nil {
		return func(procedure string) method {
			clientStreams, serverStreams, known := c.Methods(procedure)
			return shape(clientStreams, serverStreams, known)
		}
	}
	server, hasInfo := next.(interface {
		GetServiceInfo() map[string]grpc.ServiceInfo
	})
	if !hasInfo {
		return func(string) method { return shape(false, false, false) }
	}
	// At the first call, because services can be registered until then.
	registered := sync.OnceValue(func() map[string]method {
		methods := map[string]method{}
		for service, info := range server.GetServiceInfo() {
			for _, m := range info.Methods {
				methods["/"+service+"/"+m.Name] = shape(m.IsClientStream, m.IsServerStream, true)
			}
		}
		return methods
	})
	return func(procedure string) method {
		if m, known := registered()[procedure]; known {
			return m
		}
		return shape(false, false, false)
	}
}

func shape(clientStreams, serverStreams, known bool) method {
	return method{clientStreams || !known, serverStreams || !known, known}
}

// acceptsCodec returns the function that reports whether next has a codec.
func (c Config) acceptsCodec() func(codec string) bool {
	if c.Codecs != nil {
		codecs := slices.Clone(c.Codecs)
		return func(codec string) bool { return slices.Contains(codecs, codec) }
	}
	return func(codec string) bool {
		return encoding.GetCodecV2(codec) != nil || encoding.GetCodec(codec) != nil
	}
}

// requestLimit returns the limit in bytes, negative for none.
func (c Config) requestLimit(next http.Handler) int64 {
	if _, hasFlowControl := next.(*forwarder); hasFlowControl {
		return -1
	}
	if c.MaxRequestBytes == 0 {
		return defaultMaxRequestBytes
	}
	return c.MaxRequestBytes
}
