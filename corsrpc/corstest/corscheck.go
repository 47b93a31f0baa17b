package corstest

import (
	"net/http"
	"net/url"
	"strings"
)

// corsCheck is Fetch's "CORS check": whether an answer permits this request's
// origin to read it. It returns the cause of its failure, "" where it
// succeeds. It takes no part which answer it is: one to the request, or one to
// its preflight.
func (f *fetch) corsCheck(answer http.Header) Code {
	allowed, ok := get(answer, "Access-Control-Allow-Origin")
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
		if credentials, _ := get(answer, "Access-Control-Allow-Credentials"); credentials != "true" {
			return InvalidAllowCredentials
		}
	}
	return ""
}

// originFailure tells apart, as Chromium does, what may be wrong with an
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
