package access

// The values of the headers of refusals, apart from CORS headers. Wrap sends
// them, and so does what is exported from a policy.
const (
	// NoStore is Cache-Control's: refusals share their cache key with good
	// responses.
	NoStore = "no-store"
	// ContentType and NoSniff are those of the body, where there is one.
	ContentType = "text/plain; charset=utf-8"
	NoSniff     = "nosniff"
	// Vary is what responses depend on.
	Vary = "Origin"
)

// Body returns the body of the response to a call that is refused for this
// reason.
func (r Reason) Body() string { return "corsrpc: " + Reasons[r].Text + "\n" }
