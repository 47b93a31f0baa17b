// Connectv2 shows a server of Connect v2, with authentication as HTTP
// middleware inside Wrap.
//
//	go run ./examples/connectv2
//
// Three things differ from a server of v1. The policy takes the services from
// the server, so it governs what is served and not what is linked. One
// interceptor exposes what handlers send, for every service. And an error of v2
// has no metadata: a handler sets a header or a trailer before it returns, see
// docs/connect-v2.md.
//
// Wrap is outermost, as with v1: preflights carry no token, and a page can read
// an error of the authentication only if it comes with the CORS headers.
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

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnectv2"
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
	handler, err := newHandler(newSessions())
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// newHandler is the whole order: CORS, then authentication, then the services.
func newHandler(sessions sessions) (http.Handler, error) {
	// The server needs its interceptors first, and the policy the server. So
	// the policy gets its Config last; until then it refuses all pages.
	cors := new(corsrpc.Policy)
	server := connect.NewServer(corsconnectv2.NewServerInterceptor(cors, corsconnectv2.BehindWrap()))
	shop.RegisterV2(server) // in your program, the generated Register functions
	mux := http.NewServeMux()
	connecthttp.Mount(mux, server)

	files, services, err := corsconnectv2.Registered(server)
	if err != nil {
		return nil, err
	}
	storefront := []string{"https://app.example.com"}
	// A token in a header needs no Credentials, and the schema declares
	// Authorization where it is needed.
	err = cors.Update(corsrpc.Config{
		Origins:   storefront,
		Audiences: map[string][]string{"storefront": storefront, "backoffice": {}},
		Files:     files,
		Services:  services,
	})
	if err != nil {
		return nil, err
	}
	return cors.Wrap(authenticate(sessions, mux)), nil
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

// authenticate lets requests with a session pass, and responds to all others
// with unauthenticated, in the protocol of the call. It does nothing about
// CORS.
func authenticate(sessions sessions, next http.Handler) http.Handler {
	responses := connecthttp.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		customer, err := sessions.find(r)
		switch {
		case err == nil:
			r = r.Clone(r.Context())
			r.Header.Set("Authorization", "Bearer "+customer) // all that the shop wants to know
			next.ServeHTTP(w, r)
		case responses.IsSupported(r):
			// It fails if the client is gone, which changes nothing.
			_ = responses.Write(w, r, connect.NewError(connect.CodeUnauthenticated, err.Error()))
		default:
			http.Error(w, err.Error(), http.StatusUnauthorized)
		}
	})
}
