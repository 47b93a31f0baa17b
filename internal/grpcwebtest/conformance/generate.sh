#!/usr/bin/env bash
# Makes ../gen from the conformance suite's proto files.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
buf=${BUF:-../tools/node_modules/.bin/buf}
proto=$(go list -m -f '{{.Dir}}' connectrpc.com/conformance)/proto
rm -rf gen
"$buf" generate --template conformance/buf.gen.yaml "$proto" --path "$proto/connectrpc"
