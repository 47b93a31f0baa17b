package corsrpc

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/corsrpc/corsrpc-go/internal/preflight"
)

// A Rule is what a Policy grants on one path: the generated lists. It is a
// copy; changing it changes nothing.
type Rule struct {
	// Path is where requests find it: "/acme.shop.v1.CartService/AddItem"
	// below Config.PathPrefix, or a key of Config.Resources. A service has a
	// rule of its own, "/acme.shop.v1.CartService/", for what is below it and
	// is no method in the schema: the strictest of its methods' rules, so
	// that a page which is newer than the server reads "unimplemented".
	Path string
	// Procedure is Path without Config.PathPrefix; empty for resources.
	Procedure string
	// Origins may call: as they are written in Config.
	Origins []string
	// Credentials, Internal (ACCESS_INTERNAL) and ReportOnly are as resolved.
	// Internal methods are refused in spite of ReportOnly.
	Credentials, Internal, ReportOnly bool
	// Methods are the value of Access-Control-Allow-Methods, RequestHeaders
	// that of Access-Control-Allow-Headers, ResponseHeaders that of
	// Access-Control-Expose-Headers: complete, canonical and sorted, but for
	// the Methods of a resource, which are in Config's order.
	Methods, RequestHeaders, ResponseHeaders []string
	// MaxAge is the value of Access-Control-Max-Age.
	MaxAge time.Duration
}

// A rule is ready to be answered with. It is immutable.
type rule struct {
	preflight.Rule
	path      string
	procedure string
	fields    ruleFields
	closed    bool // stands for the lack of a rule

	origins        *originList
	requestHeaders *nameList
	exposeHeaders  *nameList
	maxAge         time.Duration

	// The lines of its answers, apart from that of the origin; empty lines
	// are not sent.
	allowMethodsLine, allowHeadersLine, exposeHeadersLine, maxAgeLine string
	// anyOrigin means that answers do not depend on the origin.
	anyOrigin bool
}

// ruleFields are where in Config the rule's permissions stand, for Fix; empty
// where they follow from several places. Those of origins are in their list.
type ruleFields struct {
	credentials, requestHeaders, methods string
	// insecure means that Config lets http origins have credentials.
	insecure bool
}

// finish derives the lines.
func (r *rule) finish() *rule {
	r.Rule.Origins = r.origins.set
	r.Rule.RequestHeaders = r.requestHeaders.set
	for i, method := range r.Methods {
		if i > 0 {
			r.allowMethodsLine += ", "
		}
		r.allowMethodsLine += method
	}
	r.allowHeadersLine = r.requestHeaders.text
	r.exposeHeadersLine = r.exposeHeaders.text
	r.maxAgeLine = strconv.FormatInt(int64(r.maxAge/time.Second), 10)
	r.anyOrigin = r.origins.set.Any()
	return r
}

// public returns the rule for people to read.
func (r *rule) public() Rule {
	return Rule{
		Path:            r.path,
		Procedure:       r.procedure,
		Origins:         r.origins.texts(),
		Credentials:     r.Credentials,
		Internal:        r.Internal,
		ReportOnly:      r.ReportOnly,
		Methods:         slices.Clone(r.Methods),
		RequestHeaders:  slices.Clone(r.requestHeaders.names),
		ResponseHeaders: slices.Clone(r.exposeHeaders.names),
		MaxAge:          r.maxAge,
	}
}

// Header-field names in the form of http.Header's keys.
const (
	headerAllowOrigin      = "Access-Control-Allow-Origin"
	headerAllowCredentials = "Access-Control-Allow-Credentials"
	headerAllowMethods     = "Access-Control-Allow-Methods"
	headerAllowHeaders     = "Access-Control-Allow-Headers"
	headerExposeHeaders    = "Access-Control-Expose-Headers"
	headerMaxAge           = "Access-Control-Max-Age"
	headerVary             = "Vary"
)

// answerPreflight writes the rule's complete lists for a permitted origin.
//
// All values of an answer stand in one array of its own: whoever appends to
// one of them or changes it reaches no other answer and no other field, at the
// price of a single allocation.
func (r *rule) answerPreflight(header http.Header, origin string) {
	lines := &[6]string{origin, "true", r.allowMethodsLine, r.allowHeadersLine, r.maxAgeLine, "Origin"}
	if r.anyOrigin {
		lines[0] = "*"
	} else {
		addVary(header, lines[5:6:6])
	}
	header[headerAllowOrigin] = lines[0:1:1]
	if r.Credentials {
		header[headerAllowCredentials] = lines[1:2:2]
	}
	if r.allowMethodsLine != "" {
		header[headerAllowMethods] = lines[2:3:3]
	}
	if r.allowHeadersLine != "" {
		header[headerAllowHeaders] = lines[3:4:4]
	}
	header[headerMaxAge] = lines[4:5:5]
}

// answerCall writes what a page with a permitted origin must be told with
// every answer.
func (r *rule) answerCall(header http.Header, origin string) {
	lines := &[4]string{origin, "true", r.exposeHeadersLine, "Origin"}
	if r.anyOrigin {
		lines[0] = "*"
	} else {
		addVary(header, lines[3:4:4])
	}
	header[headerAllowOrigin] = lines[0:1:1]
	if r.Credentials {
		header[headerAllowCredentials] = lines[1:2:2]
	}
	if r.exposeHeadersLine != "" {
		header[headerExposeHeaders] = lines[2:3:3]
	}
}

// addVary adds the line to those that the answer already has. Most answers
// have no field at all when it comes first, and then its look-up is free.
func addVary(header http.Header, line []string) {
	present := header[headerVary]
	if len(present) == 0 {
		header[headerVary] = line
		return
	}
	if !slices.Contains(present, line[0]) {
		header[headerVary] = append(present[:len(present):len(present)], line[0])
	}
}
