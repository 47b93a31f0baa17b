package peers_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/corsrpc/corsrpc-go/internal/contract"
	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// A backend serves the shop's procedures in place of their handlers, so that
// each response has all the metadata that the schema declares. It notes which
// trials ran a procedure: trials are named in the query, as is whether the
// procedure is to fail.
type backend struct {
	declared map[string]contract.Options // by procedure

	mu   sync.Mutex
	runs int
	seen map[string]*served // by trial
}

// served is what came of one trial on the server's side.
type served struct {
	ran    bool
	status int
	header http.Header
	done   chan struct{} // closed at its end
}

func newBackend() (*backend, error) {
	services, err := contract.Services(protoregistry.GlobalFiles)
	if err != nil {
		return nil, err
	}
	b := &backend{declared: map[string]contract.Options{}, seen: map[string]*served{}}
	for i := range services {
		for j := range services[i].Methods {
			b.declared[services[i].Methods[j].Procedure] = services[i].Of(&services[i].Methods[j])
		}
	}
	return b, nil
}

// outcome returns what came of a trial so far.
func (b *backend) outcome(id string) *served {
	trial := b.of(id)
	b.mu.Lock()
	defer b.mu.Unlock()
	return &served{ran: trial.ran, status: trial.status, header: trial.header}
}

type trialKey struct{}

type trialOf struct {
	id    string
	fails bool
}

// of returns what is known of a trial.
func (b *backend) of(id string) *served {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.seen[id] == nil {
		b.seen[id] = &served{done: make(chan struct{})}
	}
	return b.seen[id]
}

// front stands before everything else that is written in Go. Responses to GET
// may be stored.
func (b *backend) front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if r.Method == http.MethodGet {
			w.Header().Set("Cache-Control", "max-age=60")
		}
		id := query.Get("trial")
		if id == "" || r.Method == http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		trial := b.of(id)
		next.ServeHTTP(&noting{w, b, trial}, r.WithContext(context.WithValue(r.Context(), trialKey{}, trialOf{id, query.Get("mode") == "error"})))
		b.mu.Lock()
		defer b.mu.Unlock()
		select {
		case <-trial.done: // it came twice
		default:
			close(trial.done)
		}
	})
}

// noting notes what is sent.
type noting struct {
	http.ResponseWriter
	b     *backend
	trial *served
}

func (w *noting) WriteHeader(status int) {
	w.note(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *noting) Write(p []byte) (int, error) {
	w.note(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

func (w *noting) Flush() {
	w.note(http.StatusOK)
	w.ResponseWriter.(http.Flusher).Flush()
}

func (w *noting) note(status int) {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	if w.trial.status == 0 {
		w.trial.status, w.trial.header = status, w.Header().Clone()
	}
}

// run notes a call that came as far as an interceptor.
func (b *backend) run(ctx context.Context) (fails bool) {
	trial, _ := ctx.Value(trialKey{}).(trialOf)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.runs++
	if b.seen[trial.id] != nil {
		b.seen[trial.id].ran = true
	}
	return trial.fails
}

// ran returns how many calls came as far as an interceptor.
func (b *backend) ran() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.runs
}

// response returns an empty message.
func response(procedure string) proto.Message {
	name := protoreflect.FullName(strings.ReplaceAll(strings.TrimPrefix(procedure, "/"), "/", "."))
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(name)
	if err != nil {
		panic(err) // not a procedure of the shop
	}
	return dynamicpb.NewMessage(d.(protoreflect.MethodDescriptor).Output())
}

// connect is a server with connect-go.
func (b *backend) connect() http.Handler {
	return shop.NewHandler(connect.WithInterceptors(standIn{b}))
}

// standIn is a backend as an interceptor of connect-go.
type standIn struct{ b *backend }

func set(h http.Header, names ...[]string) {
	for _, name := range slices.Concat(names...) {
		h.Set(headername.Canonical(name), "1")
	}
}

func (s standIn) failure(names ...[]string) error {
	err := connect.NewError(connect.CodeAborted, errors.New("as asked"))
	detail, detailErr := connect.NewErrorDetail(&durationpb.Duration{})
	if detailErr != nil {
		return detailErr
	}
	err.AddDetail(detail)
	set(err.Meta(), names...)
	return err
}

func (s standIn) WrapUnary(connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		declared := s.b.declared[req.Spec().Procedure]
		if s.b.run(ctx) {
			if info, ok := connect.CallInfoForHandlerContext(ctx); ok {
				set(info.ResponseTrailer(), declared.ResponseTrailers)
			}
			return nil, s.failure(declared.ResponseHeaders)
		}
		res := connect.NewResponse(response(req.Spec().Procedure).(*dynamicpb.Message))
		set(res.Header(), declared.ResponseHeaders)
		set(res.Trailer(), declared.ResponseTrailers)
		return res, nil
	}
}

func (s standIn) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (s standIn) WrapStreamingHandler(connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		declared := s.b.declared[conn.Spec().Procedure]
		if s.b.run(ctx) {
			set(conn.ResponseTrailer(), declared.ResponseTrailers)
			return s.failure(declared.ResponseHeaders)
		}
		set(conn.ResponseHeader(), declared.ResponseHeaders)
		set(conn.ResponseTrailer(), declared.ResponseTrailers)
		return conn.Send(response(conn.Spec().Procedure))
	}
}

// grpc is a server with grpc-go.
func (b *backend) grpc() *grpc.Server {
	server := grpc.NewServer(
		grpc.UnaryInterceptor(func(ctx context.Context, _ any, info *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
			header, trailer, err := b.overGRPC(ctx, info.FullMethod)
			if err := errors.Join(grpc.SetHeader(ctx, header), grpc.SetTrailer(ctx, trailer)); err != nil {
				return nil, err
			}
			return response(info.FullMethod), err
		}),
		grpc.StreamInterceptor(func(_ any, stream grpc.ServerStream, info *grpc.StreamServerInfo, _ grpc.StreamHandler) error {
			header, trailer, err := b.overGRPC(stream.Context(), info.FullMethod)
			stream.SetTrailer(trailer)
			if err != nil {
				return err
			}
			if err := stream.SetHeader(header); err != nil {
				return err
			}
			return stream.SendMsg(response(info.FullMethod))
		}),
	)
	shop.RegisterGRPC(server)
	return server
}

func (b *backend) overGRPC(ctx context.Context, procedure string) (header, trailer metadata.MD, err error) {
	declared := b.declared[procedure]
	header, trailer = metadata.MD{}, metadata.MD{}
	for _, name := range declared.ResponseTrailers {
		trailer.Set(name, "1")
	}
	into := header
	if b.run(ctx) {
		into = trailer
		failed, detailErr := status.New(codes.Aborted, "as asked").WithDetails(&durationpb.Duration{})
		err = errors.Join(failed.Err(), detailErr)
		if detailErr == nil {
			err = failed.Err()
		}
	}
	for _, name := range declared.ResponseHeaders {
		into.Set(name, "1")
	}
	return header, trailer, err
}
