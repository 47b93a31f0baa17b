package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

// Why a page behind the hand-written lists cannot read something. "" is for what
// it can read: those lists expose Grpc-Status, Grpc-Message and
// Grpc-Status-Details-Bin, and bodies need no exposing.
const (
	notSent              = "X-Tenant-Id is no allowed header, so the browser does not make the call"
	headerHidden         = "a response header that is not exposed is invisible, in every protocol"
	connectTrailerHidden = "Connect sends the trailer T of a unary call as the header Trailer-T"
	webTrailerHidden     = "gRPC-Web sends the trailer T of a trailers-only answer as the header T"
	metadataHidden       = "error metadata M is the header M in a Connect unary and a gRPC-Web trailers-only answer"
)

// A fact is one thing that the shop sends, where the answer carries it, and what
// keeps the page behind the hand-written lists from it.
type fact struct {
	label, value, travels string
	lost                  string
}

// facts are what the shop promises in proto/acme/shop/v1, with what is known of
// the protocols.
var facts = []struct {
	call, protocol string
	sent           []fact
}{
	{"add-item", "Connect", []fact{
		{"answer", "2 × teapot at acme: 49.00 EUR", "body", notSent},
		{"header x-request-id", "add-item-ada", "X-Request-Id", notSent},
		{"trailer x-cost", "1", "Trailer-X-Cost", notSent},
	}},
	{"checkout", "Connect", []fact{
		{"answer", "order-ada", "body", ""},
		{"header x-request-id", "checkout-ada", "X-Request-Id", headerHidden},
		{"trailer x-cost", "5", "Trailer-X-Cost", connectTrailerHidden},
	}},
	{"declined", "Connect", []fact{
		{"code", "failed_precondition", "body", ""},
		{"message", "the payment was declined", "body", ""},
		{"detail PaymentDeclined", "tok_expired", "body", ""},
		{"metadata x-retry-hint", "use-another-card", "X-Retry-Hint", metadataHidden},
		{"trailer x-cost", "5", "Trailer-X-Cost", connectTrailerHidden},
	}},
	{"signed-out", "Connect", []fact{
		{"code", "unauthenticated", "body", ""},
		{"message", `send the metadata authorization: "Bearer " and a name`, "body", ""},
	}},
	{"product", "Connect", []fact{
		{"answer", "Copper kettle: 89.00 EUR", "body", ""},
		{"header x-catalog-version", "2026-10", "X-Catalog-Version", headerHidden},
	}},
	{"prices", "Connect", []fact{
		{"answer", "24.50 EUR, 9.75 EUR", "body", ""},
		{"header x-catalog-version", "2026-10", "X-Catalog-Version", headerHidden},
		{"trailer x-updates", "2", "body", ""},
	}},
	{"lost-parcel", "Connect", []fact{
		{"answer", "packed: Acme warehouse", "body", ""},
		{"header x-request-id", "track-order-ada", "X-Request-Id", headerHidden},
		{"code", "data_loss", "body", ""},
		{"message", "the parcel got lost", "body", ""},
		{"detail ParcelLost", "Acme warehouse", "body", ""},
		{"metadata x-retry-hint", "order-again", "body", ""},
		{"trailer x-updates", "1", "body", ""},
	}},
	{"no-hit", "Connect", []fact{
		{"answer", "success, no message", "body", ""},
		{"trailer x-hits", "0", "body", ""},
	}},
	{"newer-page", "Connect", []fact{
		{"code", "unimplemented", "status", ""},
	}},
	{"add-item", "gRPC-Web", []fact{
		{"answer", "2 × teapot at acme: 49.00 EUR", "body", notSent},
		{"header x-request-id", "add-item-ada", "X-Request-Id", notSent},
		{"trailer x-cost", "1", "body", notSent},
	}},
	{"checkout", "gRPC-Web", []fact{
		{"answer", "order-ada", "body", ""},
		{"header x-request-id", "checkout-ada", "X-Request-Id", headerHidden},
		{"trailer x-cost", "5", "body", ""},
	}},
	{"declined", "gRPC-Web", []fact{
		{"code", "failed_precondition", "Grpc-Status", ""},
		{"message", "the payment was declined", "Grpc-Message", ""},
		{"detail PaymentDeclined", "tok_expired", "Grpc-Status-Details-Bin", ""},
		{"metadata x-retry-hint", "use-another-card", "X-Retry-Hint", metadataHidden},
		{"trailer x-cost", "5", "X-Cost", webTrailerHidden},
	}},
	{"signed-out", "gRPC-Web", []fact{
		{"code", "unauthenticated", "Grpc-Status", ""},
		{"message", `send the metadata authorization: "Bearer " and a name`, "Grpc-Message", ""},
	}},
	{"prices", "gRPC-Web", []fact{
		{"answer", "24.50 EUR, 9.75 EUR", "body", ""},
		{"header x-catalog-version", "2026-10", "X-Catalog-Version", headerHidden},
		{"trailer x-updates", "2", "body", ""},
	}},
	{"lost-parcel", "gRPC-Web", []fact{
		{"answer", "packed: Acme warehouse", "body", ""},
		{"header x-request-id", "track-order-ada", "X-Request-Id", headerHidden},
		{"code", "data_loss", "body", ""},
		{"message", "the parcel got lost", "body", ""},
		{"detail ParcelLost", "Acme warehouse", "body", ""},
		{"metadata x-retry-hint", "order-again", "body", ""},
		{"trailer x-updates", "1", "body", ""},
	}},
	{"no-hit", "gRPC-Web", []fact{
		{"answer", "success, no message", "Grpc-Status", ""},
		{"trailer x-hits", "0", "X-Hits", webTrailerHidden},
	}},
	{"newer-page", "gRPC-Web", []fact{
		{"code", "unimplemented", "status", ""},
	}},
}

// A result is what the page says that it could read; see web/demo/result.ts.
type result struct {
	Calls []struct {
		ID       string
		Protocol string
		Expected []struct {
			Label, Value, Travels string
			Found                 map[string]finding
		}
	}
}

type finding struct {
	Readable bool
	Seen     *string // nil if nothing
}

func (f finding) String() string {
	if f.Seen == nil {
		return "nothing"
	}
	return *f.Seen
}

func TestAPageReadsEverythingWithCorsrpcAlone(t *testing.T) {
	t.Parallel()
	browsers.ForEach(t, func(ctx context.Context, t *testing.T, e *browsers.Engine) {
		checkResult(t, loadPage(ctx, t, e, startDemo(t).page))
		checkResult(t, loadPage(ctx, t, e, startDemo(t, "-grpc-go").page))
	})
}

func checkResult(t *testing.T, got result) {
	t.Helper()
	require.Len(t, got.Calls, len(facts))
	for i, want := range facts {
		call := got.Calls[i]
		require.Equal(t, want.call, call.ID)
		require.Equal(t, want.protocol, call.Protocol, want.call)
		require.Len(t, call.Expected, len(want.sent), "%s over %s", want.call, want.protocol)
		for j, sent := range want.sent {
			found := call.Expected[j].Found
			what := want.call + " over " + want.protocol + ": " + sent.label
			require.Equal(t, sent.label, call.Expected[j].Label, what)
			assert.Equal(t, sent.value, call.Expected[j].Value, "%s, expected value", what)
			assert.Equal(t, sent.travels, call.Expected[j].Travels, "%s, on the wire", what)
			require.Len(t, found, 3, what)

			assert.True(t, found["corsrpc"].Readable, "%s is lost with corsrpc", what)
			assert.Equal(t, sent.value, found["corsrpc"].String(), "%s with corsrpc", what)

			if sent.lost == "" {
				assert.True(t, found["handwritten"].Readable, "%s is lost with hand-written lists", what)
				assert.Equal(t, sent.value, found["handwritten"].String(), "%s with hand-written lists", what)
			} else {
				assert.False(t, found["handwritten"].Readable, "%s is readable with hand-written lists, though %s", what, sent.lost)
			}
			assert.False(t, found["none"].Readable, "%s is readable without CORS", what)

			// What is lost leaves no trace, except for the browser's word for a
			// call that failed as a whole.
			switch sent.label {
			case "answer", "message":
				assert.NotNil(t, found["none"].Seen, "%s: the browser's error", what)
			case "code":
				assert.Equal(t, "unknown", found["none"].String(), what)
			default:
				assert.Nil(t, found["none"].Seen, what)
				if sent.lost != "" {
					assert.Nil(t, found["handwritten"].Seen, what)
				}
			}
		}
	}
}

// loadPage opens the page in a browser and returns what it reports when it is
// done.
func loadPage(ctx context.Context, t *testing.T, e *browsers.Engine, page string) result {
	t.Helper()
	reports := make(chan []byte, 1)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const mostBytes = 1 << 20
		report, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBytes))
		if r.Method == http.MethodPost && err == nil {
			select {
			case reports <- report:
			default: // one is enough
			}
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer collector.Close()

	browser, err := e.Open(ctx, page+"/?report="+url.QueryEscape(collector.URL), browsers.Options{})
	require.NoError(t, err)
	defer func() { assert.NoError(t, browser.Close()) }()
	select {
	case report := <-reports:
		var r result
		decoder := json.NewDecoder(bytes.NewReader(report))
		decoder.DisallowUnknownFields()
		require.NoError(t, decoder.Decode(&r), "the report: %s", report)
		return r
	case <-browser.Done():
		require.FailNow(t, "the browser ended before the page was done", "%s", browser.Output())
	}
	panic("unreachable")
}
