// Command demo serves one API three times, each on an origin of its own, and a
// page on a fourth origin that makes the same calls to all three and shows what
// it could read of the answers: with the lists that corsrpc generates, with
// lists written by hand as the Connect documentation gives them, and without
// CORS. A fifth port has the debug page of the first: its rules, what it denied,
// and a form that tries a request.
//
//	go run ./examples/demo
//
// The five ports, 8100 to 8104, are chosen with flags; 0 takes any that is free.
// With -grpc-go, the API's gRPC-Web half is served by grpc-go behind grpcweb.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, args []string, out io.Writer) error {
	ports, grpcGo, err := parseFlags(args, out)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}

	var listeners []net.Listener
	defer func() {
		for _, l := range listeners {
			l.Close() // a second time for those that were served, to no effect
		}
	}()
	for _, p := range ports {
		l, err := p.listen()
		if err != nil {
			return err
		}
		listeners = append(listeners, l)
	}
	pageURL, corsrpcURL, handWrittenURL, noneURL, debugURL :=
		originOf(listeners[0]), originOf(listeners[1]), originOf(listeners[2]), originOf(listeners[3]), originOf(listeners[4])

	// Only what stands around the API differs.
	api := newAPI(grpcGo)
	generated, debugPage, err := withCorsrpc(pageURL, api)
	if err != nil {
		return err
	}
	page, err := newPage(pageURL, debugURL, []column{
		{
			ID: "corsrpc", Name: "corsrpc", URL: corsrpcURL,
			About:  "Generated from the schema, per procedure.",
			Source: afterImports(withCorsrpcSource),
		},
		{
			ID: "handwritten", Name: "Hand-written lists", URL: handWrittenURL,
			About:  "As Connect documents them, one list for all.",
			Source: afterImports(handWrittenSource),
		},
		{
			ID: "none", Name: "No CORS", URL: noneURL,
			About: "The API as it is, without a header added.",
		},
	})
	if err != nil {
		return err
	}

	fmt.Fprintf(out, `Open this page:

  %s

It calls the same API on three other origins:

  %s  with corsrpc
  %s  with hand-written lists
  %s  without CORS

The debug page shows the rules of the first, and what it denied:

  %s

Ctrl-C ends it.
`, pageURL, corsrpcURL, handWrittenURL, noneURL, debugURL)
	return serve(ctx, listeners, []http.Handler{page, generated, withHandWrittenLists(pageURL, api), api, debugPage})
}

// serve serves each handler on the listener of the same index, until ctx is done
// or one of them fails.
func serve(ctx context.Context, listeners []net.Listener, handlers []http.Handler) error {
	failed := make(chan error, len(listeners))
	servers := make([]*http.Server, len(listeners))
	for i, l := range listeners {
		servers[i] = &http.Server{Handler: handlers[i], ReadHeaderTimeout: 10 * time.Second}
		go func() { failed <- servers[i].Serve(l) }()
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	// Browsers hold connections open on which they have not asked for anything
	// yet, and Shutdown would wait five seconds for a question. No call here
	// takes longer than this.
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	for _, s := range servers {
		if s.Shutdown(patience) != nil {
			s.Close()
		}
	}
	return err
}

// A port is where one of the servers listens, and the flag that says so.
type port struct {
	flag   string
	number *uint
}

// parseFlags returns the ports of the page, of the API with corsrpc, with
// hand-written lists, and without CORS, and of the debug page, and whether
// grpc-go serves gRPC-Web.
func parseFlags(args []string, out io.Writer) (ports []port, grpcGo bool, err error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the caller prints the error, once
	ports = []port{
		{"page", flags.Uint("page", 8100, "the page's `port`; 0 takes any that is free")},
		{"corsrpc", flags.Uint("corsrpc", 8101, "`port` of the API with corsrpc")},
		{"handwritten", flags.Uint("handwritten", 8102, "`port` of the API with hand-written lists")},
		{"none", flags.Uint("none", 8103, "`port` of the API without CORS")},
		{"debug", flags.Uint("debug", 8104, "`port` of the debug page of the API with corsrpc")},
	}
	flags.BoolVar(&grpcGo, "grpc-go", false, "serve gRPC-Web with grpc-go behind grpcweb, in place of connect-go")
	err = flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("%q is not a flag", flags.Arg(0))
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(out, "The demo serves a page, the three APIs that it calls, and a debug page, on 127.0.0.1:")
		flags.SetOutput(out)
		flags.PrintDefaults()
		return nil, false, err
	case err != nil:
		return nil, false, fmt.Errorf("%w; -h lists the flags", err)
	}
	return ports, grpcGo, nil
}

// listen listens on loopback, since nobody else is meant to call.
func (p port) listen() (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.FormatUint(uint64(*p.number), 10)))
	if err != nil {
		return nil, fmt.Errorf("%w: choose another port with -%s, or -%s 0 for any that is free", err, p.flag, p.flag)
	}
	return l, nil
}

// originOf returns the origin of what is served on the listener, which is its
// URL too.
func originOf(l net.Listener) string { return "http://" + l.Addr().String() }
