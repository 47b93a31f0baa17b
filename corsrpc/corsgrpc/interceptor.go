package corsgrpc

import (
	"context"
	"errors"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// UnaryServerInterceptor refuses unary calls that the policy refuses and keeps
// access-control-* out of the metadata of the others; see the package's
// documentation. It panics if the policy is nil.
func UnaryServerInterceptor(policy *corsrpc.Policy) grpc.UnaryServerInterceptor {
	requirePolicy(policy)
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		fromPage, err := admit(ctx, policy, info.FullMethod)
		if err != nil {
			return nil, err
		}
		if fromPage {
			ctx = stripping(ctx)
		}
		return handler(ctx, req)
	}
}

// StreamServerInterceptor is [UnaryServerInterceptor] for streams.
func StreamServerInterceptor(policy *corsrpc.Policy) grpc.StreamServerInterceptor {
	requirePolicy(policy)
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx := stream.Context()
		fromPage, err := admit(ctx, policy, info.FullMethod)
		if err != nil {
			return err
		}
		if fromPage {
			stream = &serverStream{ServerStream: stream, ctx: stripping(ctx)}
		}
		return handler(srv, stream)
	}
}

// admit returns the error of a call that the policy refuses, and whether the
// call is a page's to a procedure that it governs.
func admit(ctx context.Context, policy *corsrpc.Policy, procedure string) (fromPage bool, err error) {
	call := corsrpc.Call{Procedure: procedure}
	host := metadata.ValueFromIncomingContext(ctx, ":authority")
	// No copy of all metadata: most calls have none of these.
	origin := metadata.ValueFromIncomingContext(ctx, "origin")
	if gateway := metadata.ValueFromIncomingContext(ctx, gatewayOrigin); len(gateway) > 0 {
		// The authority is the name by which grpc-gateway dials this
		// server. Two origins are malformed, whoever adds the second.
		origin = append(origin, gateway...)
		host = metadata.ValueFromIncomingContext(ctx, "x-forwarded-host")
	}
	if len(host) == 1 {
		call.Host = host[0]
	}
	site := metadata.ValueFromIncomingContext(ctx, "sec-fetch-site")
	if len(origin) > 0 || len(site) > 0 {
		call.Header = http.Header{
			"Origin":         origin,
			"Sec-Fetch-Site": site,
			"Sec-Purpose":    metadata.ValueFromIncomingContext(ctx, "sec-purpose"),
			"Cookie":         cookies(ctx),
		}
	}
	decision := policy.Admit(ctx, call)
	if decision.Outcome == corsrpc.OutcomeRefused {
		return true, status.Error(codes.PermissionDenied, "corsrpc: "+decision.Reason.String())
	}
	return len(origin) > 0 && decision.Kind != corsrpc.KindUngoverned, nil
}

// cookies returns the call's cookies, from a page or from a gateway: grpc-gateway
// puts a prefix before the permanent HTTP headers that it hands on.
func cookies(ctx context.Context) []string {
	if lines := metadata.ValueFromIncomingContext(ctx, "cookie"); len(lines) > 0 {
		return lines
	}
	return metadata.ValueFromIncomingContext(ctx, "grpcgateway-cookie")
}

func requirePolicy(policy *corsrpc.Policy) {
	if policy == nil {
		panic(errNilPolicy)
	}
}

var errNilPolicy = errors.New("corsgrpc: nil policy; make one with corsrpc.New")
