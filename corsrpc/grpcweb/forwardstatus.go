package grpcweb

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/codes"
)

const (
	// deadlineGrace is how long after the deadline the server has to end a call
	// by itself.
	deadlineGrace = 100 * time.Millisecond
	// maxTimeout is what longer timeouts are cut to: about 146 years.
	maxTimeout = math.MaxInt64 / 2
)

// forwardFailure returns the status of a call that ended with err in place of a
// response, as PROTOCOL-HTTP2.md says under "Errors".
func forwardFailure(ctx context.Context, deadline time.Time, err error) *failure {
	// The server's own deadline is the later one, as it starts when the call
	// arrives there. So a reset after ours is one for the deadline.
	if !deadline.IsZero() && !time.Now().Before(deadline) {
		return &failure{codes.DeadlineExceeded, "grpcweb: the call's deadline has passed"}
	}
	if ctx.Err() != nil {
		return &failure{codes.Canceled, "grpcweb: the client has canceled the call"}
	}
	if request := asFailure(err); request != nil {
		return request
	}
	var stream http2.StreamError
	if errors.As(err, &stream) {
		return &failure{resetCode(stream.Code), "grpcweb: the server has reset the call: " + stream.Code.String()}
	}
	return &failure{codes.Unavailable, "grpcweb: the server cannot be reached"}
}

// resetCode returns the gRPC code of an HTTP/2 error code.
func resetCode(code http2.ErrCode) codes.Code {
	switch code {
	case http2.ErrCodeRefusedStream:
		return codes.Unavailable
	case http2.ErrCodeCancel:
		return codes.Canceled
	case http2.ErrCodeEnhanceYourCalm:
		return codes.ResourceExhausted
	case http2.ErrCodeInadequateSecurity:
		return codes.PermissionDenied
	default:
		return codes.Internal
	}
}

// setStatus sets the status of a response as headers, each after prefix.
func setStatus(header http.Header, prefix string, f *failure) {
	header[prefix+statusHeader] = []string{strconv.Itoa(int(f.code))}
	header[prefix+messageHeader] = []string{f.message}
}

// withTimeout applies a grpc-timeout, and returns the deadline if there is one.
// The context ends later, so that the server's handler reads in its own context
// that the deadline has passed, and not that the call was canceled. A timeout
// that is malformed is left to the server, which refuses it.
func withTimeout(ctx context.Context, timeout string) (_ context.Context, deadline time.Time, _ context.CancelFunc) {
	d, ok := parseTimeout(timeout)
	if !ok {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, time.Time{}, cancel
	}
	deadline = time.Now().Add(d)
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(deadlineGrace))
	return ctx, deadline, cancel
}

// parseTimeout parses a grpc-timeout: at most eight digits and a unit
// (PROTOCOL-HTTP2.md, "Timeout").
func parseTimeout(timeout string) (time.Duration, bool) {
	if len(timeout) < 2 || len(timeout) > 9 {
		return 0, false
	}
	var unit time.Duration
	switch timeout[len(timeout)-1] {
	case 'H':
		unit = time.Hour
	case 'M':
		unit = time.Minute
	case 'S':
		unit = time.Second
	case 'm':
		unit = time.Millisecond
	case 'u':
		unit = time.Microsecond
	case 'n':
		unit = time.Nanosecond
	default:
		return 0, false
	}
	n, err := strconv.ParseUint(timeout[:len(timeout)-1], 10, 63)
	if err != nil {
		return 0, false
	}
	if n > uint64(maxTimeout/unit) {
		return maxTimeout, true
	}
	return time.Duration(n) * unit, true
}
