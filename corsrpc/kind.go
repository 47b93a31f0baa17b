package corsrpc

import "github.com/corsrpc/corsrpc-go/internal/access"

// A Kind classifies a request by its sender and purpose.
type Kind uint8

const (
	// KindUngoverned is a request to a path without a rule. Only the handler
	// responds.
	KindUngoverned = Kind(access.KindUngoverned)
	// KindSameOrigin is a request from a page of the server's own origin, or
	// from the user, who typed an address or opened a bookmark.
	KindSameOrigin = Kind(access.KindSameOrigin)
	// KindNonBrowser is a request that is not marked. Over plain HTTP to
	// another machine, a browser's GET without Origin looks the same.
	KindNonBrowser = Kind(access.KindNonBrowser)
	// KindPreflight is a request in which a browser asks whether a page may
	// call.
	KindPreflight = Kind(access.KindPreflight)
	// KindCrossOrigin is a request from a page of another origin.
	KindCrossOrigin = Kind(access.KindCrossOrigin)
)

var kindTexts = []string{"ungoverned", "same_origin", "non_browser", "preflight", "cross_origin"}

// String returns the kind as one word in snake case, such as cross_origin.
func (k Kind) String() string { return enumText(k, kindTexts) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of
// String.
func (k Kind) MarshalText() ([]byte, error) { return marshalEnum(k, kindTexts) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (k *Kind) UnmarshalText(text []byte) error { return unmarshalEnum(k, kindTexts, text) }
