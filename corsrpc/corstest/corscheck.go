package corstest

import (
	"net/http"
	"net/url"
	"strings"
)

// corsCheck is Fetch's "CORS check": whether a response allows this request's
// origin to read it. It returns the cause of its failure, or ""
// if it succeeds. It is the same for the response to the request and for that to
// its preflight.
func (f *fetch) corsCheck(resp http.Header) Code {
	allowed, ok := get(resp, "Access-Control-Allow-Origin")
	include := f.credentials == CredentialsInclude
	switch {
	case !ok:
		return MissingAllowOriginHeader
	case allowed == "*" && include:
		return WildcardOriginNotAllowed
	case allowed == "*":
		return ""
	case allowed != f.serializedOrigin():
		return originFailure(allowed)
	}
	if include {
		if credentials, _ := get(resp, "Access-Control-Allow-Credentials"); credentials != "true" {
			return InvalidAllowCredentials
		}
	}
	return ""
}

// originFailure tells apart, as Chromium does, what can be wrong with an
// Access-Control-Allow-Origin that is not the origin. The standard does not.
func originFailure(allowed string) Code {
	if strings.ContainsAny(allowed, " ,") {
		return MultipleAllowOriginValues
	}
	u, err := url.Parse(allowed)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return InvalidAllowOriginValue
	}
	return AllowOriginMismatch
}
