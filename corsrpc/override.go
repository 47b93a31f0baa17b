package corsrpc

// An Override is an exception for one service or method. The zero Override
// changes nothing.
type Override struct {
	// Origins replace those of the levels above: nil inherits, an empty slice
	// lets no page call. A service's Origins give way to a method's own
	// audience or Override; a service's Internal does not.
	Origins []string
	// Credentials and ReportOnly replace those of the levels above.
	Credentials Switch
	ReportOnly  Switch
	// Internal closes the service or method to pages whatever its audience,
	// as ACCESS_INTERNAL does in the schema: every marked request is refused,
	// including those of the server's own pages. No Override opens what is
	// internal at a level above.
	Internal bool
	// Links lets other sites link to the method's REST bindings with GET, and
	// embed them, although such requests carry no Origin: links in webmail,
	// downloads, images, sign-in callbacks. The method then runs for every
	// site, with the user's cookies. Links does not open internal methods or
	// Connect GETs. A method's value overrides the service's.
	// If a gateway forwards Sec-Fetch-Site, an interceptor behind it refuses
	// such requests, because it knows the procedure but not the binding.
	Links Switch
	// These add to Config's and the schema's.
	RequestHeaders, ResponseHeaders, ResponseTrailers []string
}

// A Switch turns something on or off, or leaves it as it is.
type Switch uint8

const (
	// Inherit leaves it as it is at the level above.
	Inherit Switch = iota
	// On turns it on.
	On
	// Off turns it off.
	Off
)

var switchTexts = []string{"inherit", "on", "off"}

// String returns the switch as one word, such as on.
func (s Switch) String() string { return enumText(s, switchTexts) }

// MarshalText implements [encoding.TextMarshaler]. It returns the text of
// String.
func (s Switch) MarshalText() ([]byte, error) { return marshalEnum(s, switchTexts) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Switch) UnmarshalText(text []byte) error { return unmarshalEnum(s, switchTexts, text) }

// apply returns the switch's effect on an inherited value.
func (s Switch) apply(inherited bool) bool {
	return s == On || s == Inherit && inherited
}
