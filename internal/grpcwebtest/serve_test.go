package grpcwebtest

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func serve(t testing.TB, handler http.Handler) (client *http.Client, url string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Client(), server.URL
}
