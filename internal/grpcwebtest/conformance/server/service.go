package main

import (
	"context"
	"encoding/base64"
	"io"
	"strings"
	"time"

	statusv1 "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	conformancev1 "github.com/corsrpc/corsrpc-go/internal/grpcwebtest/gen/connectrpc/conformance/v1"
)

// service does what the requests say, as the suite's service.proto describes.
type service struct {
	conformancev1.UnimplementedConformanceServiceServer
}

func (service) Unary(ctx context.Context, req *conformancev1.UnaryRequest) (*conformancev1.UnaryResponse, error) {
	payload, err := respond(ctx, req.GetResponseDefinition(), req)
	return &conformancev1.UnaryResponse{Payload: payload}, err
}

func (service) IdempotentUnary(ctx context.Context, req *conformancev1.IdempotentUnaryRequest) (*conformancev1.IdempotentUnaryResponse, error) {
	payload, err := respond(ctx, req.GetResponseDefinition(), req)
	return &conformancev1.IdempotentUnaryResponse{Payload: payload}, err
}

func (service) ClientStream(stream grpc.ClientStreamingServer[conformancev1.ClientStreamRequest, conformancev1.ClientStreamResponse]) error {
	var definition *conformancev1.UnaryResponseDefinition
	var requests []proto.Message
	for {
		req, err := stream.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if len(requests) == 0 {
			definition = req.GetResponseDefinition()
		}
		requests = append(requests, req)
	}
	payload, err := respond(stream.Context(), definition, requests...)
	if err != nil {
		return err
	}
	return stream.SendAndClose(&conformancev1.ClientStreamResponse{Payload: payload})
}

func (service) ServerStream(req *conformancev1.ServerStreamRequest, stream grpc.ServerStreamingServer[conformancev1.ServerStreamResponse]) error {
	s := responses{ctx: stream.Context(), send: func(payload *conformancev1.ConformancePayload) error {
		return stream.Send(&conformancev1.ServerStreamResponse{Payload: payload})
	}}
	if err := s.begin(req.GetResponseDefinition()); err != nil {
		return err
	}
	return s.finish(req)
}

func (service) BidiStream(stream grpc.BidiStreamingServer[conformancev1.BidiStreamRequest, conformancev1.BidiStreamResponse]) error {
	s := responses{ctx: stream.Context(), send: func(payload *conformancev1.ConformancePayload) error {
		return stream.Send(&conformancev1.BidiStreamResponse{Payload: payload})
	}}
	var requests []proto.Message
	fullDuplex, begun := false, false
	for {
		req, err := stream.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if !begun {
			begun, fullDuplex = true, req.GetFullDuplex()
			if err := s.begin(req.GetResponseDefinition()); err != nil {
				return err
			}
		}
		requests = append(requests, req)
		if !fullDuplex {
			continue
		}
		if !s.more() {
			break
		}
		if err := s.next(requests...); err != nil {
			return err
		}
		requests = nil
	}
	return s.finish(requests...)
}

func (service) Unimplemented(context.Context, *conformancev1.UnimplementedRequest) (*conformancev1.UnimplementedResponse, error) {
	return nil, status.Error(codes.Unimplemented, "as the name says")
}

// respond does what a definition with one response says.
func respond(ctx context.Context, definition *conformancev1.UnaryResponseDefinition, requests ...proto.Message) (*conformancev1.ConformancePayload, error) {
	if err := sendMetadata(ctx, definition.GetResponseHeaders(), definition.GetResponseTrailers()); err != nil {
		return nil, err
	}
	if err := sleep(ctx, definition.GetResponseDelayMs()); err != nil {
		return nil, err
	}
	info := requestInfo(ctx, requests)
	if failure := definition.GetError(); failure != nil {
		return nil, statusError(failure, info)
	}
	return &conformancev1.ConformancePayload{Data: definition.GetResponseData(), RequestInfo: info}, nil
}

// responses are those of a stream.
type responses struct {
	ctx        context.Context
	send       func(*conformancev1.ConformancePayload) error
	definition *conformancev1.StreamResponseDefinition
	sent       int
}

func (r *responses) begin(definition *conformancev1.StreamResponseDefinition) error {
	r.definition = definition
	return sendMetadata(r.ctx, definition.GetResponseHeaders(), definition.GetResponseTrailers())
}

func (r *responses) more() bool { return r.sent < len(r.definition.GetResponseData()) }

// next sends one response, which tells of the requests. Only the first tells of
// the metadata too.
func (r *responses) next(requests ...proto.Message) error {
	if err := sleep(r.ctx, r.definition.GetResponseDelayMs()); err != nil {
		return err
	}
	payload := &conformancev1.ConformancePayload{Data: r.definition.GetResponseData()[r.sent]}
	switch {
	case r.sent == 0:
		payload.RequestInfo = requestInfo(r.ctx, requests)
	case len(requests) > 0:
		payload.RequestInfo = &conformancev1.ConformancePayload_RequestInfo{Requests: anys(requests)}
	}
	r.sent++
	return r.send(payload)
}

// finish sends the rest.
func (r *responses) finish(requests ...proto.Message) error {
	for r.more() {
		if err := r.next(requests...); err != nil {
			return err
		}
		requests = nil
	}
	failure := r.definition.GetError()
	if failure == nil {
		return nil
	}
	if r.sent > 0 {
		return statusError(failure, nil)
	}
	return statusError(failure, requestInfo(r.ctx, requests))
}

func requestInfo(ctx context.Context, requests []proto.Message) *conformancev1.ConformancePayload_RequestInfo {
	info := &conformancev1.ConformancePayload_RequestInfo{Requests: anys(requests)}
	if deadline, ok := ctx.Deadline(); ok {
		info.TimeoutMs = proto.Int64(max(0, time.Until(deadline).Milliseconds()))
	}
	received, _ := metadata.FromIncomingContext(ctx)
	for name, values := range received {
		if strings.HasSuffix(name, "-bin") {
			for i, value := range values {
				values[i] = base64.RawStdEncoding.EncodeToString([]byte(value))
			}
		}
		info.RequestHeaders = append(info.RequestHeaders, &conformancev1.Header{Name: name, Value: values})
	}
	return info
}

func anys(messages []proto.Message) []*anypb.Any {
	packed := make([]*anypb.Any, len(messages))
	for i, message := range messages {
		packed[i], _ = anypb.New(message) // of messages that were just parsed
	}
	return packed
}

// statusError returns the error that the suite defines, with info as a detail.
func statusError(failure *conformancev1.Error, info *conformancev1.ConformancePayload_RequestInfo) error {
	details := failure.GetDetails()
	if info != nil {
		details = append(details, anys([]proto.Message{info})...)
	}
	return status.ErrorProto(&statusv1.Status{Code: int32(failure.GetCode()), Message: failure.GetMessage(), Details: details})
}

func sendMetadata(ctx context.Context, header, trailer []*conformancev1.Header) error {
	if err := grpc.SetTrailer(ctx, toMetadata(trailer)); err != nil {
		return err
	}
	return grpc.SendHeader(ctx, toMetadata(header))
}

func toMetadata(headers []*conformancev1.Header) metadata.MD {
	md := metadata.MD{}
	for _, header := range headers {
		for _, value := range header.GetValue() {
			if strings.HasSuffix(strings.ToLower(header.GetName()), "-bin") {
				if decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "=")); err == nil {
					value = string(decoded)
				}
			}
			md.Append(header.GetName(), value)
		}
	}
	return md
}

func sleep(ctx context.Context, milliseconds uint32) error {
	select {
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-time.After(time.Duration(milliseconds) * time.Millisecond):
		return nil
	}
}

func nameUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	_ = grpc.SetHeader(ctx, serverName)
	return handler(ctx, req)
}

func nameStream(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	_ = stream.SetHeader(serverName)
	return handler(server, stream)
}

// serverName is metadata that every response of a reference server has.
var serverName = metadata.Pairs("server", "corsrpc-grpcweb")
