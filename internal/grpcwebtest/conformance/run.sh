#!/usr/bin/env bash
# Runs the conformance suite against the server in ./server. Arguments are the server's, such as
# -forward. RACE=-race builds it with the race detector.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
go build ${RACE:-} -o "$scratch/server" ./server
go tool connectconformance --mode server --conf config.yaml --known-failing @known-failing.txt -- "$scratch/server" "$@"
