package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/internal/bench"
)

// wholeServers asks real servers over loopback, one connection each, one
// request after the other. What it shows is what is left of the differences.
func wholeServers(rounds int) (map[string][]result, error) {
	all := make(map[string][]result)
	for _, version := range []string{"HTTP/1.1", "HTTP/2"} {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(version == "HTTP/1.1")
		protocols.SetUnencryptedHTTP2(version == "HTTP/2")
		for _, row := range bench.Tables()[0].Rows {
			if row.Expects != bench.Admitted && row.Expects != bench.Granted || row.Request.ProtoMajor < 2 || row.Name == bench.WrittenByHand {
				continue // refused, by some at least, or the same request twice
			}
			result, err := overLoopback(row, protocols, rounds)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", version, row.Name, err)
			}
			all[version] = append(all[version], result)
		}
	}
	return all, nil
}

const requestsPerRound = 50

func overLoopback(row bench.Row, protocols *http.Protocols, rounds int) (result, error) {
	r := result{row: row}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var ask []func() error
	for _, subject := range bench.Subjects() {
		handler, err := subject.Wrap(row.Setup, http.HandlerFunc(answerEmpty))
		if err != nil {
			return r, err
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return r, err
		}
		server := &http.Server{Handler: handler, Protocols: protocols}
		go func() { _ = server.Serve(listener) }()
		defer server.Close()
		client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
		defer client.CloseIdleConnections()
		target := *row.Request.URL
		target.Scheme, target.Host = "http", listener.Addr().String()
		ask = append(ask, func() error { return exchange(ctx, client, row.Request, target.String()) })
		r.all = append(r.all, &series{subject: subject, n: requestsPerRound})
	}
	for round := range rounds + 1 {
		for i := range ask {
			i = (i + round) % len(ask)
			begin := time.Now()
			for range requestsPerRound {
				if err := ask[i](); err != nil {
					return r, err
				}
			}
			// The first round warms up.
			if took := time.Since(begin); round > 0 {
				r.all[i].nanos = append(r.all[i].nanos, float64(took)/requestsPerRound)
			}
		}
	}
	return r, nil
}

func exchange(ctx context.Context, client *http.Client, r *http.Request, target string) error {
	var body io.Reader
	if r.Method == http.MethodPost {
		body = strings.NewReader("{}")
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, target, body)
	if err != nil {
		return err
	}
	request.Header, request.Host = r.Header, r.Host
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	return response.Body.Close()
}

// answerEmpty is the least that an RPC answers.
func answerEmpty(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}")
}
