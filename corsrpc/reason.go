package corsrpc

import "github.com/corsrpc/corsrpc-go/internal/access"

// A Reason explains why a page is not allowed what it asks for. Its text and its
// code are stable.
type Reason uint8

const (
	// ReasonOK means that the request is allowed.
	ReasonOK = Reason(access.ReasonOK)
	// ReasonOriginMalformed means that Origin is empty or repeated.
	ReasonOriginMalformed = Reason(access.ReasonOriginMalformed)
	// ReasonOriginNotAllowed means that the origin is not listed for this
	// path.
	ReasonOriginNotAllowed = Reason(access.ReasonOriginNotAllowed)
	// ReasonOriginMissing means that the request has no Origin and was caused
	// by another site, through an image, script, frame, form, navigation or
	// speculation rule.
	ReasonOriginMissing = Reason(access.ReasonOriginMissing)
	// ReasonInternalMethod means that the method is internal: by
	// ACCESS_INTERNAL in the schema or by Override.Internal.
	ReasonInternalMethod = Reason(access.ReasonInternalMethod)
	// ReasonMethodNotAllowed means that the browser will not find the HTTP
	// method in the allow list.
	ReasonMethodNotAllowed = Reason(access.ReasonMethodNotAllowed)
	// ReasonHeaderNotAllowed means that the browser will not find a request
	// header in the allow list.
	ReasonHeaderNotAllowed = Reason(access.ReasonHeaderNotAllowed)
	// ReasonHeadersMalformed means that Access-Control-Request-Headers is not
	// a list of header names.
	ReasonHeadersMalformed = Reason(access.ReasonHeadersMalformed)
	// ReasonCredentialsNotAllowed means that the request has cookies and the
	// rule does not allow credentials.
	ReasonCredentialsNotAllowed = Reason(access.ReasonCredentialsNotAllowed)
	// ReasonHostNotAllowed means that Config.RequireHosts is set and the
	// request's host is not in Config.Hosts.
	ReasonHostNotAllowed = Reason(access.ReasonHostNotAllowed)
	// ReasonFetchMetadataMissing means that Config.RequireFetchMetadata is set
	// and the request has neither Origin nor Sec-Fetch-Site.
	ReasonFetchMetadataMissing = Reason(access.ReasonFetchMetadataMissing)
	// ReasonNoRule means that the path is not governed.
	ReasonNoRule = Reason(access.ReasonNoRule)
	// ReasonWrongPathPrefix means that the path is that of a procedure below a
	// prefix which is not Config.PathPrefix. Such a path is not governed.
	ReasonWrongPathPrefix = Reason(access.ReasonWrongPathPrefix)
	// ReasonNotConfigured means that the policy is zero, or that the service
	// of this path is listed in neither Config.Services nor Config.Except.
	ReasonNotConfigured = Reason(access.ReasonNotConfigured)
	// ReasonHTTP2Preface means that the method is PRI. An h2c handler inside Wrap
	// would take over the connection then, and its calls would bypass the policy.
	ReasonHTTP2Preface = Reason(access.ReasonHTTP2Preface)
)

var reasonTexts, reasonCodes = func() (texts, codes []string) {
	for _, row := range access.Reasons {
		texts, codes = append(texts, row.Text), append(codes, row.Code)
	}
	return texts, codes
}()

// String returns the reason's text, such as "origin not allowed".
func (r Reason) String() string { return enumText(r, reasonTexts) }

// Code returns the reason as one word in snake case, such as
// origin_not_allowed, for metrics, JSON and links into the documentation.
func (r Reason) Code() string { return enumText(r, reasonCodes) }

// MarshalText implements [encoding.TextMarshaler]. It returns the code.
func (r Reason) MarshalText() ([]byte, error) { return marshalEnum(r, reasonCodes) }

// UnmarshalText implements [encoding.TextUnmarshaler]. It takes the code.
func (r *Reason) UnmarshalText(text []byte) error { return unmarshalEnum(r, reasonCodes, text) }
