package grpcweb

import (
	"fmt"
	"net/http"
)

type handler struct {
	next         http.Handler
	method       func(procedure string) method
	acceptsCodec func(codec string) bool
	limit        int64
}

// NewHandler returns a handler that translates gRPC-Web calls, binary and
// base64 text, into gRPC calls of next, and next's responses back. Everything
// else passes to next untouched, native gRPC calls included.
//
// next is a [grpc.Server] or a handler that [NewForwarder] made. A handler of
// connect-go works too, and gains the text form: set Config.Codecs and
// Config.Methods for it.
//
// The handler writes no CORS headers and does not respond to preflights. Put
// [corsrpc.Policy.Wrap] around it, not inside.
//
// It is safe for concurrent use.
//
// [grpc.Server]: https://pkg.go.dev/google.golang.org/grpc#Server
// [corsrpc.Policy.Wrap]: https://pkg.go.dev/github.com/corsrpc/corsrpc-go/corsrpc#Policy.Wrap
func NewHandler(next http.Handler, config Config) http.Handler {
	return &handler{
		next:         next,
		method:       config.methods(next),
		acceptsCodec: config.acceptsCodec(),
		limit:        config.requestLimit(next),
	}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	media, isWeb := parseMediaType(r.Header.Get("Content-Type"))
	switch {
	case !isWeb:
		h.next.ServeHTTP(w, r)
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "gRPC-Web calls are POST requests", http.StatusMethodNotAllowed)
	case !h.acceptsCodec(codecName(media.codec)):
		w.Header().Set("Accept-Post", typeWeb+", "+typeWeb+textForm)
		http.Error(w, fmt.Sprintf("the server has no message codec %.64q", media.codec), http.StatusUnsupportedMediaType)
	default:
		h.translate(w, r, media)
	}
}

// codecName returns the name of the codec that a media type names.
func codecName(suffix string) string {
	if suffix == "" {
		return "proto"
	}
	return suffix
}

// An exchange is all that one call needs, in one piece of memory.
type exchange struct {
	body     body
	response response
	call     http.Request // as next sees it
}

// translate serves a gRPC-Web call.
func (h *handler) translate(w http.ResponseWriter, r *http.Request, media mediaType) {
	method := h.method(r.URL.Path)
	x := new(exchange)
	x.body.init(r, media, method, h.limit)
	x.response.init(w, &x.body, method, mediaType{wantsText(r.Header, media), media.codec})
	returned := false
	defer func() {
		_ = x.body.Close()
		if !returned {
			x.response.out.abort() // next panics: net/http cuts the connection, and no status is invented
		}
	}()
	if f := x.body.failure(); f != nil {
		x.response.fail(f)
	} else {
		x.setCall(r, media)
		h.next.ServeHTTP(&x.response, &x.call)
	}
	_ = x.body.Close() // before the last bytes are sent, so that an HTTP/1.1 client is not kept waiting
	x.response.finish()
	returned = true
}

// setCall sets the call as gRPC has it.
func (x *exchange) setCall(r *http.Request, media mediaType) {
	x.call = *r
	x.call.Proto, x.call.ProtoMajor, x.call.ProtoMinor = "HTTP/2.0", 2, 0
	x.call.Header = requestHeader(r.Header, media.grpc())
	x.call.Body = &x.body
	x.call.ContentLength = -1
	x.call.TransferEncoding = nil
}
