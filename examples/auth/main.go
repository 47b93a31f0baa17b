// Auth shows authentication as HTTP middleware, inside Wrap.
//
//	go run ./examples/auth
//
// Wrap is outermost for two reasons. Preflights carry no token, so that
// authentication around Wrap would refuse every one of them. And a page can read
// a refusal only if it comes with the CORS headers: with the order as it is
// here, a page with an expired token reads "unauthenticated: the session has
// expired" and can log in again; with the other one, all that it ever sees is
// "Failed to fetch".
//
//	curl -i http://localhost:8080/acme.shop.v1.CartService/Checkout \
//		-H 'Origin: https://app.example.com' -H 'Authorization: Bearer expired-token' \
//		-H 'Content-Type: application/json' -d '{"paymentToken": "tok_visa"}'
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/shop"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "where to listen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("the shop is on http://%s; tokens: ada-token, expired-token\n", listener.Addr())
	if err := run(ctx, listener); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, listener net.Listener) error {
	cors, err := newPolicy()
	if err != nil {
		return err
	}
	server := &http.Server{Handler: newHandler(cors, newSessions()), Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// newPolicy lets one page call. Tokens in a header need no Credentials, and the
// schema declares Authorization where it is needed.
func newPolicy() (*corsrpc.Policy, error) {
	storefront := []string{"https://app.example.com"}
	return corsrpc.New(corsrpc.Config{
		Origins:   storefront,
		Audiences: map[string][]string{"storefront": storefront, "backoffice": {}},
	})
}

// newHandler is the whole order: CORS, then authentication, then the services.
func newHandler(cors *corsrpc.Policy, sessions sessions) http.Handler {
	return cors.Wrap(authenticate(sessions, shop.NewHandler()))
}

// A session is what a token stands for.
type session struct {
	customer string
	expires  time.Time
}

type sessions map[string]session

func newSessions() sessions {
	return sessions{
		"ada-token":     {customer: "ada", expires: time.Now().Add(24 * time.Hour)},
		"expired-token": {customer: "ada", expires: time.Now().Add(-time.Hour)},
	}
}

// find returns the customer of a request.
func (s sessions) find(r *http.Request) (string, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return "", errors.New("log in first")
	}
	found, ok := s[token]
	if !ok {
		return "", errors.New("the token is unknown")
	}
	if !time.Now().Before(found.expires) {
		return "", errors.New("the session has expired")
	}
	return found.customer, nil
}

// authenticate lets in who has a session, and tells everybody else so in the
// protocol of their call. It knows nothing of CORS.
func authenticate(sessions sessions, next http.Handler) http.Handler {
	refusals := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		customer, err := sessions.find(r)
		switch {
		case err == nil:
			r = r.Clone(r.Context())
			r.Header.Set("Authorization", "Bearer "+customer) // all that the shop wants to know
			next.ServeHTTP(w, r)
		case refusals.IsSupported(r):
			// It fails where the client is gone, which changes nothing.
			_ = refusals.Write(w, r, connect.NewError(connect.CodeUnauthenticated, err))
		default:
			http.Error(w, err.Error(), http.StatusUnauthorized)
		}
	})
}
