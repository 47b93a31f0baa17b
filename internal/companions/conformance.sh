#!/usr/bin/env bash
# Runs Connect's conformance suite against its reference server, which is v2's:
# as it is; with the handler wrapped and the interceptor on, called by an allowed
# page; and called by another page, where every call must be refused. Takes
# about five minutes, most of them to build. It changes a copy of the suite and
# leaves nothing behind.
#
#	internal/companions/conformance.sh [directory for the outputs]
set -euo pipefail

version=v1.0.7
root=$(cd "$(dirname "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
outputs=${1:-$scratch}
mkdir -p "$outputs"

cd "$scratch"
go mod init scratch 2>/dev/null
suite=$(go mod download -json "connectrpc.com/conformance@$version" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
cp -r "$suite" suite && chmod -R u+w suite && cd suite

# The server: CORSRPC=1 puts the policy around it and into it, instead of
# rs/cors, which the suite has for its own tests in browsers.
cat > internal/app/referenceserver/corsrpc.go <<'GO'
package referenceserver

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"connectrpc.com/connect/v2"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconnectv2"
)

var corsPolicy = new(corsrpc.Policy)

// corsInterceptors judge, though Wrap is outside: both must let every case pass.
func corsInterceptors(rest []connect.ServerInterceptor) []connect.ServerInterceptor {
	if os.Getenv("CORSRPC") == "" {
		return rest
	}
	return append([]connect.ServerInterceptor{corsconnectv2.NewServerInterceptor(corsPolicy), handlerRan}, rest...)
}

func corsWrap(server *connect.Server, handler http.Handler) http.Handler {
	files, services, err := corsconnectv2.Registered(server)
	if err != nil {
		panic(err)
	}
	err = corsPolicy.Update(corsrpc.Config{Origins: []string{"https://app.example.com"}, Files: files, Services: services})
	if err != nil {
		panic(err)
	}
	switch os.Getenv("CORSRPC") {
	case "wrap":
		return corsPolicy.Wrap(handler)
	case "interceptor":
		return handler
	}
	return nil
}

// handlerRan notes calls that get past the interceptor.
func handlerRan(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		if path := os.Getenv("CORSRPC_RAN"); path != "" {
			if file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err == nil {
				info, _ := connect.CallInfoForServerContext(ctx)
				fmt.Fprintf(file, "by %s with Origin %q\n", info.RequestHeader().Get("User-Agent"), info.RequestHeader().Get("Origin"))
				file.Close()
			}
		}
		return next(ctx, spec, stream)
	}
}
GO
sed -i \
	-e 's|^\tsrv := connect.NewServer(interceptors...)$|\tsrv := connect.NewServer(corsInterceptors(interceptors)...)|' \
	-e 's|^\thandler = cors.New(cors.Options{$|\twrapped := corsWrap(srv, handler)\n&|' \
	-e 's|^\t}).Handler(handler)$|&\n\tif wrapped != nil {\n\t\thandler = wrapped\n\t}|' \
	internal/app/referenceserver/server.go

# The client: its transport sends what a browser sends for a page of
# CORSRPC_ORIGIN.
cat > internal/app/referenceclient/corsrpc.go <<'GO'
package referenceclient

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path"
)

type pageTransport struct {
	http.RoundTripper
	origin string
}

func fromPage(transport http.RoundTripper) http.RoundTripper {
	if origin := os.Getenv("CORSRPC_ORIGIN"); origin != "" {
		return &pageTransport{transport, origin}
	}
	return transport
}

func (t *pageTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("Origin", t.origin)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	res, err := t.RoundTripper.RoundTrip(req)
	if notes := os.Getenv("CORSRPC_RESPONSES"); notes != "" {
		note := fmt.Sprintln("no response:", context.Cause(req.Context()))
		if err == nil {
			note = fmt.Sprintln(res.StatusCode, path.Dir(req.URL.Path))
		}
		if file, err := os.OpenFile(notes, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err == nil {
			file.WriteString(note)
			file.Close()
		}
	}
	return res, err
}
GO
sed -i 's|^\ttransport, serverURL, err := transports.get(req)$|&\n\ttransport = fromPage(transport)|' internal/app/referenceclient/client.go
for changed in 'corsInterceptors(interceptors)' 'wrapped := corsWrap' 'handler = wrapped'; do
	grep -qF "$changed" internal/app/referenceserver/server.go || { echo "the suite's server has changed: no place for $changed" >&2; exit 1; }
done
grep -qF 'fromPage(transport)' internal/app/referenceclient/client.go || { echo "the suite's client has changed" >&2; exit 1; }

go mod edit -require=github.com/corsrpc/corsrpc-go@v0.0.0 -replace="github.com/corsrpc/corsrpc-go=$root"
go mod tidy >/dev/null 2>&1
go build -o ../bin/ ./cmd/connectconformance ./cmd/referenceserver

run() { # name, then variables
	local name=$1; shift
	env "$@" ../bin/connectconformance --conf testing/reference-impls-config.yaml --mode server \
		--known-failing @testing/referenceserver-known-failing.txt -- ../bin/referenceserver >"$outputs/$name.txt" 2>&1 || true
	printf '%-34s %s\n' "$name" "$(tail -n 1 "$outputs/$name.txt")"
}
app=https://app.example.com evil=https://evil.test
run without-corsrpc
run without-corsrpc-from-a-page CORSRPC_ORIGIN=$app
run with-corsrpc CORSRPC=wrap
run with-corsrpc-from-an-allowed-page CORSRPC=wrap CORSRPC_ORIGIN=$app
run from-another-page-wrap CORSRPC=wrap CORSRPC_ORIGIN=$evil CORSRPC_RAN="$scratch/wrap-ran" CORSRPC_RESPONSES="$scratch/wrap-responses"
run from-another-page-interceptor CORSRPC=interceptor CORSRPC_ORIGIN=$evil CORSRPC_RAN="$scratch/interceptor-ran"
echo "responses of Wrap to the other page:"
sort "$scratch/wrap-responses" | uniq -c
for how in wrap interceptor; do
	echo "calls that reached the handler all the same, $how:"
	sort "$scratch/$how-ran" | uniq -c
done
