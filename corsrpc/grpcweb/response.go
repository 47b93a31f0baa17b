package grpcweb

import (
	"net/http"
	"slices"
)

// A response is the ResponseWriter of next. It turns gRPC's responses into
// gRPC-Web's and passes all others on unchanged, such as a 401 or a 404.
type response struct {
	w       http.ResponseWriter
	request *body
	media   mediaType
	header  http.Header // as next sees it
	out     output
	frames  frames // of the messages that next wrote
	state   state
}

// A state says what has become of the header.
type state uint8

const (
	undecided state = iota
	// expected: next has sent the header of a gRPC response, and it can still
	// become a trailers-only response.
	expected
	// committed: the header is copied, and the trailers come in a frame.
	committed
	// passing: this is not a response of gRPC.
	passing
	// failed: the call has failed before next was called.
	failed
)

func (r *response) init(w http.ResponseWriter, request *body, method method, media mediaType) {
	r.w, r.request, r.media, r.header = w, request, media, make(http.Header)
	r.out.init(w, request, media.text, deliveryOf(method))
}

func (r *response) Header() http.Header { return r.header }

// Unwrap lets an http.ResponseController reach the connection.
func (r *response) Unwrap() http.ResponseWriter { return r.w }

func (r *response) WriteHeader(code int) {
	if 100 <= code && code < 200 {
		r.w.WriteHeader(code)
		return
	}
	if r.state != undecided {
		return
	}
	codec, ok := isGRPC(r.header.Get("Content-Type"))
	if code != http.StatusOK || !ok {
		r.pass(code)
		return
	}
	r.media.codec = codec
	if first(r.header, statusHeader) != "" {
		r.state = expected // trailers-only, as a server behind a proxy sends it
		return
	}
	r.commit()
}

func (r *response) Write(p []byte) (int, error) {
	if r.state == undecided {
		r.WriteHeader(http.StatusOK)
	}
	if r.state == passing {
		return r.w.Write(p)
	}
	if r.state == expected {
		r.commit()
	}
	r.frames.advance(p)
	return r.out.write(p)
}

// Flush sends what next has written, unless the response is held until its end.
//
// grpc-go flushes before it knows whether anything but a status follows. Such a
// flush commits the header only if the handler has set one: else the response
// would not become trailers-only.
func (r *response) Flush() {
	if r.state == undecided && r.hasMetadata() {
		r.WriteHeader(http.StatusOK)
	}
	switch r.state {
	case passing:
		_ = http.NewResponseController(r.w).Flush()
	case committed:
		r.out.flush()
	}
}

// hasMetadata reports whether next has set a header besides those that every
// response of gRPC has.
func (r *response) hasMetadata() bool {
	for name, values := range r.header {
		switch name {
		case "Content-Type", "Date", "Trailer", "Grpc-Encoding", "Grpc-Accept-Encoding":
			continue
		}
		if _, isTrailer := isTrailer(name, nil); !isTrailer && len(values) > 0 {
			return true
		}
	}
	return false
}

// pass sends the header of a response that is not gRPC's.
func (r *response) pass(code int) {
	r.state = passing
	header := r.w.Header()
	for name, values := range r.header {
		switch name {
		case "Vary", "Set-Cookie": // handlers outside of this one add to them
			values = slices.Concat(header[name], values)
		}
		header[name] = values
	}
	r.request.endConnection(header)
	r.w.WriteHeader(code)
}

// passTrailers passes on the HTTP trailers of a response that is not gRPC's.
func (r *response) passTrailers() {
	announced := announcedTrailers(r.header)
	for name, values := range r.header {
		if _, ok := isTrailer(name, announced); ok {
			r.w.Header()[name] = values
		}
	}
}

// commit decides that the response has a header apart from its trailers.
func (r *response) commit() {
	r.state = committed
	r.sendMetadata(announcedTrailers(r.header))
	r.w.Header()["Content-Type"] = []string{r.media.contentType()}
}

// sendMetadata copies the headers that next has set to the response, except
// trailers.
func (r *response) sendMetadata(announced []string) {
	header := r.w.Header()
	for name, values := range r.header {
		if _, isTrailer := isTrailer(name, announced); isTrailer || len(values) == 0 || !canSend(name) {
			continue
		}
		for _, value := range values {
			header[name] = append(header[name], clean(value))
		}
	}
}

// fail ends the response before next was called.
func (r *response) fail(f *failure) {
	r.state = failed
	r.trailersOnly(statusTrailers(f.code, f.message))
}

// finish ends the response after next has returned.
func (r *response) finish() {
	switch r.state {
	case passing:
		r.passTrailers()
	case undecided, expected:
		r.finishWithoutMessage()
	case committed:
		trailers := collectTrailers(r.header, announcedTrailers(r.header), r.request.failed.Load())
		if r.frames.inside() {
			if !r.out.dropMessages() {
				// A trailer frame would be read as part of the message, and some
				// clients take the end of the body for a success.
				panic(http.ErrAbortHandler)
			}
			if trailers[0].value == "0" {
				trailers = statusTrailers(errCutResponse.code, errCutResponse.message)
			}
		}
		r.out.finish(trailers)
	}
	if !r.request.ended.Load() {
		r.request.pump.drain(r.w, !r.out.complete)
	}
}

func (r *response) finishWithoutMessage() {
	announced := announcedTrailers(r.header)
	trailers := collectTrailers(r.header, announced, r.request.failed.Load())
	if codec, ok := isGRPC(r.header.Get("Content-Type")); ok {
		r.media.codec = codec
	}
	r.sendMetadata(announced)
	r.trailersOnly(trailers)
}

// trailersOnly sends the trailers as the header of a response without a body.
// An empty trailer frame after it would be one too many for some clients.
func (r *response) trailersOnly(trailers []trailer) {
	header := r.w.Header()
	for _, t := range trailers {
		name := http.CanonicalHeaderKey(t.name)
		header[name] = append(slices.Clip(header[name]), t.value)
	}
	header["Content-Type"] = []string{r.media.contentType()}
	r.out.finish(nil)
}
