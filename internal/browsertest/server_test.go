package browsertest

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"connectrpc.com/connect"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

// Tokens that authentication does not take.
const (
	expiredToken = "Bearer expired"
	revokedToken = "Bearer revoked"
)

// authenticate is what stands between Wrap and the shop. It knows tokens and, if
// sessions are needed, the session cookie. Like much that is written for HTTP it
// answers some calls in plain text; like connectrpc.com/authn it answers others
// in the caller's protocol.
func authenticate(needsSession bool, shop http.Handler) http.Handler {
	errorWriter := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Authorization") {
		case expiredToken:
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "the token has expired", http.StatusUnauthorized)
			return
		case revokedToken:
			err := connect.NewError(connect.CodeUnauthenticated, errors.New("the token was revoked"))
			_ = errorWriter.Write(w, r, err)
			return
		}
		if needsSession && r.Header.Get("Cookie") != sessionCookie {
			http.Error(w, "log in first", http.StatusUnauthorized)
			return
		}
		shop.ServeHTTP(w, r)
	})
}

// slowProduct takes longer to find than anybody has time.
const slowProduct = "slow"

type requestContextKey struct{}

// slowShop is the shop with a product that is not found in time: the call takes
// until its deadline, or, if the client keeps time itself, until the client has
// given up.
func slowShop() http.Handler {
	slow := connect.UnaryInterceptorFunc(func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
			wanted, ok := req.Any().(*shopv1.GetProductRequest)
			if !ok || wanted.GetProductId() != slowProduct {
				return next(ctx, req)
			}
			wait := ctx
			if cell, _ := ctx.Value(requestContextKey{}).(requestContext); cell.clientKeepsTime {
				wait = cell.Context
			}
			<-wait.Done()
			return nil, ctx.Err()
		}
	})
	return shop.NewHandler(connect.WithInterceptors(slow))
}

// A requestContext is that of the HTTP request, which ends when the client is
// gone, and not at the call's deadline.
type requestContext struct {
	context.Context
	clientKeepsTime bool
}

// An exchange is a request and the status of its answer.
type exchange struct {
	method, proto, path string
	header              http.Header // of the request
	status              int         // 0: none
}

// A recorder notes what passes on its way to a handler.
type recorder struct {
	mu      sync.Mutex
	changed *sync.Cond
	notes   map[int][]*exchange // by cell
}

func newRecorder() *recorder {
	rec := &recorder{notes: map[int][]*exchange{}}
	rec.changed = sync.NewCond(&rec.mu)
	return rec
}

// of returns the exchanges of one cell, in order.
func (rec *recorder) of(cell int) []exchange {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.list(cell)
}

func (rec *recorder) list(cell int) []exchange {
	var list []exchange
	for _, e := range rec.notes[cell] {
		list = append(list, *e)
	}
	return list
}

// wait returns the exchanges of one cell as soon as one has been answered, or
// ctx is done.
func (rec *recorder) wait(ctx context.Context, cell int) []exchange {
	stop := context.AfterFunc(ctx, func() {
		rec.mu.Lock()
		defer rec.mu.Unlock()
		rec.changed.Broadcast()
	})
	defer stop()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	for {
		list := rec.list(cell)
		if len(list) > 0 && list[0].status != 0 || ctx.Err() != nil {
			return list
		}
		rec.changed.Wait()
	}
}

// note returns a handler that notes what passes.
func (rec *recorder) note(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := &exchange{method: r.Method, proto: r.Proto, path: r.URL.Path, header: r.Header.Clone()}
		cell := cellOf(r)
		rec.mu.Lock()
		rec.notes[cell] = append(rec.notes[cell], e)
		rec.mu.Unlock()
		next.ServeHTTP(&answerWriter{ResponseWriter: w, onHeader: func(status int, _ http.Header) {
			rec.mu.Lock()
			defer rec.mu.Unlock()
			e.status = status
			rec.changed.Broadcast()
		}}, r)
	})
}

// An answerWriter tells of the header of an answer before it is sent.
type answerWriter struct {
	http.ResponseWriter
	onHeader func(status int, header http.Header)
	told     bool
}

func (w *answerWriter) WriteHeader(status int) {
	if !w.told {
		w.told = true
		w.onHeader(status, w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(b []byte) (int, error) {
	if !w.told {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// Flush is what connect-go asks of streams.
func (w *answerWriter) Flush() {
	if !w.told {
		w.WriteHeader(http.StatusOK)
	}
	w.ResponseWriter.(http.Flusher).Flush()
}

type cellKey struct{}

// byCell gives each cell a URL of its own, /cell/17/acme.shop.v1.…, and takes it
// off again: no two cells share an entry in a browser's caches, and the exchanges
// of cells that run at the same time can be told apart.
func byCell(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, isCell := strings.CutPrefix(r.URL.Path, cellPrefix)
		number, _, ok := strings.Cut(rest, "/")
		cell, err := strconv.Atoi(number)
		if !isCell || !ok || err != nil {
			http.NotFound(w, r)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), cellKey{}, cell))
		http.StripPrefix(cellPrefix+number, next).ServeHTTP(w, r)
	})
}

const cellPrefix = "/cell/"

func cellOf(r *http.Request) int { return r.Context().Value(cellKey{}).(int) }
