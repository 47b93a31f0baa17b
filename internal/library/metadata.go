package library

import (
	"context"
	"errors"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Names of metadata. libraryCard is sent by callers.
const (
	libraryCard = "x-library-card"
	requestID   = "x-request-id"
	retryHint   = "x-retry-hint"
)

// requireCard fails if the caller sends no library card.
func requireCard(ctx context.Context) error {
	if call, ok := connect.CallInfoForHandlerContext(ctx); ok && call.RequestHeader().Get(libraryCard) != "" {
		return nil
	}
	if md, ok := metadata.FromIncomingContext(ctx); ok && len(md.Get(libraryCard)) > 0 {
		return nil
	}
	return fail(connect.CodeUnauthenticated, "a library card is required")
}

func setHeader(ctx context.Context, name, value string) {
	if call, ok := connect.CallInfoForHandlerContext(ctx); ok {
		call.ResponseHeader().Set(name, value)
		return
	}
	// It fails only where no server calls, and nobody reads.
	_ = grpc.SetHeader(ctx, metadata.Pairs(name, value))
}

func setTrailer(ctx context.Context, name, value string) {
	if call, ok := connect.CallInfoForHandlerContext(ctx); ok {
		call.ResponseTrailer().Set(name, value)
		return
	}
	_ = grpc.SetTrailer(ctx, metadata.Pairs(name, value))
}

// A failure is an error of either framework.
type failure struct{ connect *connect.Error }

// fail returns an error. What has been set as a header by then goes with it.
func fail(code connect.Code, message string) error {
	return &failure{connect.NewError(code, errors.New(message))}
}

func (f *failure) Error() string { return f.connect.Error() }

// Unwrap returns the error of Connect.
func (f *failure) Unwrap() error { return f.connect }

// GRPCStatus returns the error of gRPC.
func (f *failure) GRPCStatus() *status.Status {
	return status.New(codes.Code(f.connect.Code()), f.connect.Message())
}
