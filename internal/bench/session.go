package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

// A pageCall is one that the page of a session makes.
type pageCall struct {
	method    string
	procedure int
	headers   string // that the script sets, without those that browsers add
}

// What the page does every minute: three procedures, over Connect, gRPC-Web and
// Connect GET, with and without a timeout, tracing, the caller's name.
var everyMinute = []pageCall{
	{"POST", 0, "Connect-Protocol-Version Authorization"},
	{"POST", 0, "Connect-Protocol-Version Authorization Connect-Timeout-Ms"},
	{"POST", 0, "Connect-Protocol-Version Authorization Traceparent"},
	{"POST", 0, "Connect-Protocol-Version Authorization Connect-Timeout-Ms Traceparent X-Tenant-Id"},
	{"POST", 0, "Connect-Protocol-Version"},
	{"POST", 1, "X-Grpc-Web X-User-Agent Authorization"},
	{"POST", 1, "X-Grpc-Web X-User-Agent Authorization Grpc-Timeout"},
	{"POST", 1, "X-Grpc-Web X-User-Agent Authorization Grpc-Timeout Traceparent"},
	{"GET", 2, ""},
	{"GET", 2, "Connect-Timeout-Ms"},
	{"GET", 2, "Authorization"},
}

// SessionMinutes is how long a session takes.
const SessionMinutes = 20

// SessionCalls is how many calls a session makes.
var SessionCalls = SessionMinutes * len(everyMinute)

// Preflights has a page spend a session in front of the subject and counts the
// preflights. Every call must succeed.
func Preflights(subject Subject, profile corstest.Profile) (int, error) {
	handler, err := subject.Wrap(usual, Nothing{})
	if err != nil {
		return 0, err
	}
	now := time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)
	browser := corstest.NewBrowser(usual.origin(), corstest.WithHandler(handler), corstest.WithProfile(profile),
		corstest.WithClock(func() time.Time { return now }))
	procedures := usual.procedures()
	for range SessionMinutes {
		for _, call := range everyMinute {
			request := corstest.Request{
				Method:      call.method,
				URL:         "https://" + host + procedures[call.procedure],
				Header:      make(http.Header),
				Credentials: corstest.CredentialsInclude,
			}
			for name := range strings.FieldsSeq(call.headers) {
				request.Header.Set(name, "1")
			}
			switch {
			case call.method == http.MethodGet:
				request.URL += "?connect=v1&encoding=json&message=%7B%7D"
			case request.Header.Get("X-Grpc-Web") != "":
				request.Header.Set("Content-Type", "application/grpc-web+proto")
				request.Body = strings.NewReader("\x00\x00\x00\x00\x00")
			default:
				request.Header.Set("Content-Type", "application/json")
				request.Body = strings.NewReader("{}")
			}
			response, err := browser.Fetch(context.Background(), request)
			if err != nil {
				return 0, fmt.Errorf("%s, %s: %s %s with %s: %w", subject.Name, profile, call.method, request.URL, call.headers, err)
			}
			if _, err := io.Copy(io.Discard, response.Body); err != nil {
				return 0, err
			}
			if err := response.Body.Close(); err != nil {
				return 0, err
			}
		}
		now = now.Add(time.Minute)
	}
	preflights := 0
	for _, exchange := range browser.Exchanges() {
		if exchange.Preflight {
			preflights++
		}
	}
	return preflights, nil
}
