package grpcwebtest

import (
	"net/http"
	"sync"
)

// hold returns a handler that calls a gRPC server, keeps all that it writes, and
// sends it at the end with the trailers of a success.
func hold(server http.Handler) http.Handler {
	bodies := sync.Pool{New: func() any { return new([]byte) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.ProtoMajor = 2
		r.Header.Set("Content-Type", "application/grpc+proto")
		body := bodies.Get().(*[]byte)
		defer bodies.Put(body)
		kept := &keeper{header: http.Header{}, body: (*body)[:0]}
		server.ServeHTTP(kept, r)
		w.Header().Set("Content-Type", "application/grpc-web+proto")
		_, _ = w.Write(append(kept.body, "\x80\x00\x00\x00\x10grpc-status: 0\r\n"...))
		*body = kept.body
	})
}

type keeper struct {
	header http.Header
	body   []byte
}

func (k *keeper) Header() http.Header { return k.header }
func (k *keeper) WriteHeader(int)     {}
func (k *keeper) Flush()              {}
func (k *keeper) Write(p []byte) (int, error) {
	k.body = append(k.body, p...)
	return len(p), nil
}
