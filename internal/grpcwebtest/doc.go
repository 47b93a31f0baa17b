// Package grpcwebtest compares corsrpc/grpcweb with other gRPC-Web servers: with
// the conformance suite of connectrpc.com, with github.com/improbable-eng/grpc-web
// and with connectrpc.com/vanguard.
package grpcwebtest
