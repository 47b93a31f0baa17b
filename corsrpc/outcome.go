package corsrpc

// An Outcome is what happens to a request.
type Outcome uint8

const (
	// OutcomeAllowed means that the request passes, or the preflight succeeds,
	// and that a conforming browser lets the page go on.
	OutcomeAllowed Outcome = iota
	// OutcomeRefused means that Wrap responds with 403. No handler runs.
	OutcomeRefused
	// OutcomeBlocked means that nothing is refused, but that the browser will
	// not let the page go on: it does not send the call after this preflight,
	// or does not let the page read this response.
	OutcomeBlocked
	// OutcomeReported means that the request passes, but would be refused
	// without ReportOnly, or without the exemption of top-level navigations
	// that [Policy.Wrap] describes.
	OutcomeReported
)

var outcomeTexts = []string{"allowed", "refused", "blocked", "reported"}

// String returns the outcome as one word, such as refused.
func (o Outcome) String() string { return enumText(o, outcomeTexts) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of
// String.
func (o Outcome) MarshalText() ([]byte, error) { return marshalEnum(o, outcomeTexts) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *Outcome) UnmarshalText(text []byte) error { return unmarshalEnum(o, outcomeTexts, text) }
