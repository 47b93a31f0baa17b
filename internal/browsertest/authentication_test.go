package browsertest

import (
	"errors"
	"net/http"

	"connectrpc.com/connect"
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
