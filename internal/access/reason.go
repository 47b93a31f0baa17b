package access

// A Reason is why a request is not allowed.
type Reason uint8

// The reasons. The public package documents them. The last four are never the
// result of judging by a rule.
const (
	ReasonOK Reason = iota
	ReasonOriginMalformed
	ReasonOriginNotAllowed
	ReasonOriginMissing
	ReasonInternalMethod
	ReasonMethodNotAllowed
	ReasonHeaderNotAllowed
	ReasonHeadersMalformed
	ReasonCredentialsNotAllowed
	ReasonHostNotAllowed
	ReasonFetchMetadataMissing
	ReasonNoRule
	ReasonWrongPathPrefix
	ReasonNotConfigured
	ReasonHTTP2Preface
)

// Reasons are the stable texts of all reasons: Code for programs, Text for
// people.
var Reasons = [...]struct{ Code, Text string }{
	ReasonOK:                    {"ok", "ok"},
	ReasonOriginMalformed:       {"origin_malformed", "origin malformed"},
	ReasonOriginNotAllowed:      {"origin_not_allowed", "origin not allowed"},
	ReasonOriginMissing:         {"origin_missing", "cross-site request without an origin"},
	ReasonInternalMethod:        {"internal_method", "internal method"},
	ReasonMethodNotAllowed:      {"method_not_allowed", "method not allowed"},
	ReasonHeaderNotAllowed:      {"header_not_allowed", "request header not allowed"},
	ReasonHeadersMalformed:      {"headers_malformed", "request header list malformed"},
	ReasonCredentialsNotAllowed: {"credentials_not_allowed", "credentials not allowed"},
	ReasonHostNotAllowed:        {"host_not_allowed", "host not allowed"},
	ReasonFetchMetadataMissing:  {"fetch_metadata_missing", "fetch metadata missing"},
	ReasonNoRule:                {"no_rule", "no rule for this path"},
	ReasonWrongPathPrefix:       {"wrong_path_prefix", "path prefix not configured"},
	ReasonNotConfigured:         {"not_configured", "policy not configured"},
	ReasonHTTP2Preface:          {"http2_preface", "HTTP/2 preface refused"},
}
