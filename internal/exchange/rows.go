package exchange

import (
	"net/http"
	"sync"

	shopv1 "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1"
)

// A Behaviour is what a handler does in one call.
type Behaviour struct {
	Header, Trailer http.Header
	// SendHeaders flushes the header of a stream before any message. Only v2
	// has a method for it.
	SendHeaders bool
	// Messages are how many a stream sends; other calls send theirs if they
	// succeed.
	Messages int
	Error    *Error
	// V1 and V2 stand in for Error where a test wants one of its own.
	V1, V2 error
	// InContext sets metadata through the context also if the call succeeds,
	// where v1 has the response for that. In v2 there is no other way.
	InContext bool
}

// An Error describes the error with which a handler ends.
type Error struct {
	Form     Form
	Metadata http.Header

	once sync.Once
	v1   error
}

// A Form is the Go form of an error.
type Form int

// The forms.
const (
	Detailed   Form = iota // Connect's type, with code, message and a detail
	Bare                   // Connect's type, with code and message alone
	Around                 // another type around Detailed
	Joined                 // Detailed beside one of another type
	Foreign                // another type
	OfContext              // context.DeadlineExceeded
	NilPointer             // a nil pointer of Connect's type
	Remote                 // an upstream's, as its client returned it
)

const (
	bareMessage     = "quota exceeded"
	detailedMessage = "only 3 left"
)

var outOfStock = &shopv1.OutOfStock{ProductId: "kettle", Available: 3}

// Lines are what Access-Control-Expose-Headers must have beside the static
// list, by the form in which the protocol carries metadata; "" for no line.
type Lines struct {
	ConnectUnary, ConnectStream, GRPCWeb, GRPC string
}

// Everywhere is the line of responses that have a header, whatever the
// protocol.
func Everywhere(line string) Lines { return Lines{line, line, line, line} }

// Of returns the line of one response.
func (l Lines) Of(p Protocol, k Kind) string {
	switch {
	case p.Web:
		return l.GRPCWeb
	case p.GRPC:
		return l.GRPC
	case k.Unary:
		return l.ConnectUnary
	}
	return l.ConnectStream
}

// A Row is one case: what the handler does, and which names the response must
// expose.
type Row struct {
	Name  string
	Kinds []Kind // nil: all
	Behaviour

	// Baseline is the behaviour without foreign CORS headers, if it has any.
	Baseline *Behaviour
	Want     Lines
	// V2 is what Connect v2 must expose, if that is not Want. OnlyV2 marks what
	// v1 cannot do.
	V2     *Lines
	OnlyV2 bool
	// Differs is why v2's response is another one than v1's, if it is, in CORS
	// headers or elsewhere.
	Differs string
}

// KindsOf returns the kinds of calls that the row is about.
func (r Row) KindsOf() []Kind {
	if r.Kinds == nil {
		return Kinds
	}
	return r.Kinds
}

// BaselineOf returns the behaviour whose response is that of the row, except
// for CORS headers.
func (r Row) BaselineOf() Behaviour {
	if r.Baseline != nil {
		return *r.Baseline
	}
	return r.Behaviour
}

// ForeignCORS are CORS headers that a handler sets because it means well, or
// because it forwards another server's.
var ForeignCORS = http.Header{
	"Access-Control-Allow-Origin":      {"*"},
	"Access-Control-Allow-Credentials": {"true"},
	"Access-Control-Expose-Headers":    {"X-Foreign", "X-Extra"},
	"Access-Control-Max-Age":           {"86400"},
}

// Metadata of handlers. The policy of all rows declares X-Declared and X-Cost;
// the schema declares more. The others are undeclared.
var (
	Extra    = http.Header{"X-Extra": {"1"}}
	Sum      = http.Header{"X-Sum": {"1"}}
	Cookie   = http.Header{"Set-Cookie": {"session=1"}}
	Declared = http.Header{"X-Declared": {"1"}}
	Cost     = http.Header{"X-Cost": {"1"}}
	Hint     = http.Header{"X-Hint": {"wait"}}
)

// Hinting has undeclared metadata, and Forwarding another server's CORS headers
// beside it. Calls share them.
var (
	Hinting    = &Error{Metadata: Hint}
	Forwarding = &Error{Metadata: Join(Hint, http.Header{
		"Access-Control-Allow-Origin":      {"https://upstream.example.com"},
		"Access-Control-Allow-Credentials": {"true"},
		"Access-Control-Expose-Headers":    {"X-Upstream"},
	})}
)

const (
	metadataIsTrailers = "errors of v2 have no metadata: set as trailers, it has Connect's prefix in unary responses"
	plainErrorsAreMute = "v2 sends no message of errors that are not its own"
)

// Rows are all cases.
var Rows = []Row{
	{
		Name:      "ok, with nothing set",
		Behaviour: Behaviour{Messages: 2},
	},
	{
		Name:      "ok, with what is declared",
		Behaviour: Behaviour{Header: Declared, Messages: 1, Trailer: Cost},
	},
	{
		Name:      "ok, with what is safelisted or a protocol's",
		Behaviour: Behaviour{Header: http.Header{"Cache-Control": {"no-store"}, "Content-Language": {"en"}, "Vary": {"Accept-Language"}}, Messages: 1},
	},
	{
		Name:      "ok, header and trailer",
		Behaviour: Behaviour{Header: Join(Extra, Declared), Messages: 2, Trailer: Join(Sum, Cost)},
		Want:      Lines{ConnectUnary: "Trailer-X-Sum, X-Extra", ConnectStream: "X-Extra", GRPCWeb: "X-Extra", GRPC: "X-Extra"},
	},
	{
		Name:      "ok, header and trailer set through the context",
		Behaviour: Behaviour{Header: Extra, Messages: 1, Trailer: Sum, InContext: true},
		Want:      Lines{ConnectUnary: "Trailer-X-Sum, X-Extra", ConnectStream: "X-Extra", GRPCWeb: "X-Extra", GRPC: "X-Extra"},
	},
	{
		Name:      "ok, trailer alone",
		Behaviour: Behaviour{Messages: 1, Trailer: Sum},
		Want:      Lines{ConnectUnary: "Trailer-X-Sum"},
	},
	{
		Name:      "ok, several names, several lines, a binary one",
		Behaviour: Behaviour{Header: http.Header{"X-Zone": {"b"}, "X-Extra": {"1", "2"}, "X-Key-Bin": {"AAEC"}, "Etag": {`"1"`}}, Messages: 1},
		Want:      Everywhere("Etag, X-Extra, X-Key-Bin, X-Zone"),
	},
	{
		Name:      "ok, cookies",
		Behaviour: Behaviour{Header: Cookie, Messages: 1, Trailer: Cookie},
	},
	{
		Name:      "ok, names that v1 drops from metadata",
		Behaviour: Behaviour{Header: http.Header{"Host": {"internal.example.com"}, "User-Agent": {"shop/1"}}, Messages: 1},
		Differs:   "v2 sends Host and User-Agent that a handler sets; no page needs them",
	},
	{
		Name: "empty stream", Kinds: Streams,
	},
	{
		Name: "empty stream, trailer", Kinds: Streams,
		Behaviour: Behaviour{Trailer: Join(Sum, Cost)},
		Want:      Lines{GRPCWeb: "X-Sum"},
	},
	{
		Name: "empty stream, header and trailer", Kinds: Streams,
		Behaviour: Behaviour{Header: Extra, Trailer: Sum},
		Want:      Everywhere("X-Extra"),
	},
	{
		Name: "empty stream, declared header and trailer", Kinds: Streams,
		Behaviour: Behaviour{Header: Declared, Trailer: Sum},
	},
	{
		Name: "empty stream, headers sent at once", Kinds: Streams, OnlyV2: true,
		Behaviour: Behaviour{SendHeaders: true, Trailer: Sum},
		Differs:   "v1's handlers have no method for it; the response is not trailers-only, though it has no header",
	},
	{
		Name: "error after headers that were sent at once", Kinds: Streams, OnlyV2: true,
		Behaviour: Behaviour{Header: Extra, SendHeaders: true, Trailer: Sum, Error: Hinting},
		Want:      Everywhere("X-Extra"),
		Differs:   "v1's handlers have no method for it",
	},
	{
		Name:      "error, with nothing set",
		Behaviour: Behaviour{Error: &Error{Form: Bare}},
	},
	{
		Name:      "error, metadata",
		Behaviour: Behaviour{Error: Hinting},
		Want:      Lines{ConnectUnary: "X-Hint", GRPCWeb: "X-Hint"},
		V2:        &Lines{ConnectUnary: "Trailer-X-Hint", GRPCWeb: "X-Hint"},
		Differs:   metadataIsTrailers,
	},
	{
		Name:      "error, trailer and metadata",
		Behaviour: Behaviour{Trailer: Join(Sum, Cost), Error: Hinting},
		Want:      Lines{ConnectUnary: "Trailer-X-Sum, X-Hint", GRPCWeb: "X-Hint, X-Sum"},
		V2:        &Lines{ConnectUnary: "Trailer-X-Hint, Trailer-X-Sum", GRPCWeb: "X-Hint, X-Sum"},
		Differs:   metadataIsTrailers,
	},
	{
		Name:      "error, header, trailer and metadata",
		Behaviour: Behaviour{Header: Extra, Trailer: Sum, Error: Hinting},
		Want:      Lines{ConnectUnary: "Trailer-X-Sum, X-Extra, X-Hint", ConnectStream: "X-Extra", GRPCWeb: "X-Extra", GRPC: "X-Extra"},
		V2:        &Lines{ConnectUnary: "Trailer-X-Hint, Trailer-X-Sum, X-Extra", ConnectStream: "X-Extra", GRPCWeb: "X-Extra", GRPC: "X-Extra"},
		Differs:   metadataIsTrailers,
	},
	{
		Name:      "error, header and trailer without metadata",
		Behaviour: Behaviour{Header: Extra, Trailer: Sum, Error: &Error{Form: Bare}},
		Want:      Lines{ConnectUnary: "Trailer-X-Sum, X-Extra", ConnectStream: "X-Extra", GRPCWeb: "X-Extra", GRPC: "X-Extra"},
	},
	{
		Name:      "error, cookies",
		Behaviour: Behaviour{Trailer: Cookie, Error: &Error{Metadata: Cookie}},
		Differs:   metadataIsTrailers,
	},
	{
		Name:      "error of another type",
		Behaviour: Behaviour{Trailer: Sum, Error: &Error{Form: Foreign}},
		Want:      Lines{ConnectUnary: "Trailer-X-Sum", GRPCWeb: "X-Sum"},
		Differs:   plainErrorsAreMute,
	},
	{
		Name:      "error of the context",
		Behaviour: Behaviour{Error: &Error{Form: OfContext}},
		Differs:   plainErrorsAreMute,
	},
	{
		Name:      "error around another",
		Behaviour: Behaviour{Error: &Error{Form: Around, Metadata: Hint}},
		Want:      Lines{ConnectUnary: "X-Hint", GRPCWeb: "X-Hint"},
		V2:        &Lines{ConnectUnary: "Trailer-X-Hint", GRPCWeb: "X-Hint"},
		Differs:   metadataIsTrailers,
	},
	{
		Name:      "error of connect's type that is nil",
		Behaviour: Behaviour{Trailer: Sum, Error: &Error{Form: NilPointer}},
		Want:      Lines{ConnectUnary: "Trailer-X-Sum", GRPCWeb: "X-Sum"},
		Differs:   plainErrorsAreMute,
	},
	{
		Name:      "error of an upstream, whose metadata is not sent",
		Behaviour: Behaviour{Error: &Error{Form: Remote, Metadata: Join(ForeignCORS, Hint)}},
		Differs:   "v2 does not hand on an upstream's error: it ends as internal, without a message",
	},
	{
		Name: "error after a message", Kinds: Streams,
		Behaviour: Behaviour{Messages: 1, Trailer: Sum, Error: Hinting},
	},
	{
		Name: "error after a message, header", Kinds: Streams,
		Behaviour: Behaviour{Header: Extra, Messages: 2, Trailer: Sum, Error: Hinting},
		Want:      Everywhere("X-Extra"),
	},
	{
		Name:      "ok, the handler sets CORS headers",
		Behaviour: Behaviour{Header: Join(Extra, ForeignCORS), Messages: 1, Trailer: ForeignCORS},
		Baseline:  &Behaviour{Header: Extra, Messages: 1},
		Want:      Everywhere("X-Extra"),
	},
	{
		Name:      "ok, the handler sets CORS headers through the context",
		Behaviour: Behaviour{Header: Join(Extra, ForeignCORS), Messages: 1, Trailer: ForeignCORS, InContext: true},
		Baseline:  &Behaviour{Header: Extra, Messages: 1},
		Want:      Everywhere("X-Extra"),
	},
	{
		Name: "empty stream, the handler sets CORS headers alone", Kinds: Streams,
		Behaviour: Behaviour{Header: ForeignCORS, Trailer: Join(ForeignCORS, Sum)},
		Baseline:  &Behaviour{Trailer: Sum},
		Want:      Lines{GRPCWeb: "X-Sum"},
	},
	{
		Name:      "error, the handler sets CORS headers alone",
		Behaviour: Behaviour{Header: ForeignCORS, Trailer: Join(ForeignCORS, Sum), Error: Hinting},
		Baseline:  &Behaviour{Trailer: Sum, Error: Hinting},
		Want:      Lines{ConnectUnary: "Trailer-X-Sum, X-Hint", GRPCWeb: "X-Hint, X-Sum"},
		V2:        &Lines{ConnectUnary: "Trailer-X-Hint, Trailer-X-Sum", GRPCWeb: "X-Hint, X-Sum"},
		Differs:   metadataIsTrailers,
	},
	{
		Name:      "error that forwards an upstream's CORS headers",
		Behaviour: Behaviour{Error: Forwarding},
		Baseline:  &Behaviour{Error: Hinting},
		Want:      Lines{ConnectUnary: "X-Hint", GRPCWeb: "X-Hint"},
		V2:        &Lines{ConnectUnary: "Trailer-X-Hint", GRPCWeb: "X-Hint"},
		Differs:   metadataIsTrailers,
	},
	{
		Name:      "error around one that forwards an upstream's CORS headers",
		Behaviour: Behaviour{Header: Extra, Error: &Error{Form: Around, Metadata: Forwarding.Metadata}},
		Baseline:  &Behaviour{Header: Extra, Error: &Error{Form: Around, Metadata: Hint}},
		Want:      Lines{ConnectUnary: "X-Extra, X-Hint", ConnectStream: "X-Extra", GRPCWeb: "X-Extra", GRPC: "X-Extra"},
		V2:        &Lines{ConnectUnary: "Trailer-X-Hint, X-Extra", ConnectStream: "X-Extra", GRPCWeb: "X-Extra", GRPC: "X-Extra"},
		Differs:   metadataIsTrailers,
	},
	{
		Name:      "errors, one with an upstream's CORS headers",
		Behaviour: Behaviour{Error: &Error{Form: Joined, Metadata: Forwarding.Metadata}},
		Baseline:  &Behaviour{Error: &Error{Form: Joined, Metadata: Hint}},
		Want:      Lines{ConnectUnary: "X-Hint", GRPCWeb: "X-Hint"},
		V2:        &Lines{ConnectUnary: "Trailer-X-Hint", GRPCWeb: "X-Hint"},
		Differs:   metadataIsTrailers,
	},
	{
		Name: "error after a message that forwards an upstream's CORS headers", Kinds: Streams,
		Behaviour: Behaviour{Messages: 1, Trailer: ForeignCORS, Error: Forwarding},
		Baseline:  &Behaviour{Messages: 1, Error: Hinting},
	},
}
