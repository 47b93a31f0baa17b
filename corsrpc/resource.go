package corsrpc

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/corsrpc/corsrpc-go/internal/headername"
	"github.com/corsrpc/corsrpc-go/internal/httpmethod"
)

// A Resource is what one plain HTTP path grants to pages. It inherits nothing
// from Config. Apart from preflights, requests to it are never refused, since
// ordinary form posts and font loads must work: other origins simply get no CORS
// headers. The zero Resource lets no page of another origin read.
type Resource struct {
	// Origins are as in Config.
	Origins []string
	// Credentials are as in Config. Fonts, images and scripts that are loaded
	// without crossorigin="use-credentials" need none. A login path beside
	// the procedures needs them, or the browser ignores its cookies.
	Credentials bool
	// Methods are those that pages may use besides GET, HEAD and POST, which always
	// pass. They are case-sensitive, and browsers send PATCH as the script spelled
	// it; they send PUT and DELETE in upper case.
	Methods []string
	// RequestHeaders are the names that pages may send. List Content-Type if
	// pages send other values than HTML forms do, such as application/json.
	RequestHeaders []string
	// ResponseHeaders are the names that pages may read.
	ResponseHeaders []string
	// MaxAge is as in Config.
	MaxAge time.Duration
}

// addResources adds the rules of all resources.
func (c *compiler) addResources() {
	tree := &pathTree[string]{} // of the keys
	for _, path := range slices.Sorted(maps.Keys(c.config.Resources)) {
		fieldName := "Resources[" + quote(path) + "]"
		at := c.mistakes.place(inResources)
		r := c.resourceRule(path, fieldName, c.config.Resources[path])
		if problem := checkResourcePath(path); problem != "" {
			c.mistakes.add(at, fieldName, "", problem)
			continue
		}
		slot := tree.slot(path[1:])
		if *slot != nil {
			c.mistakes.add(at, fieldName, "", "matches the same paths as "+quote(**slot)+"; keep one of them")
			continue
		}
		if binding, ok := c.bindingAt(path); ok {
			c.mistakes.add(at, fieldName, "", "is the template of "+binding+", which has a rule already: remove the key")
			continue
		}
		*slot = &r.Path
		if !c.isBelowService(path) {
			c.rules = append(c.rules, *r)
		}
	}
}

// bindingAt returns the binding whose template is a resource's key, if there is
// one.
func (c *compiler) bindingAt(key string) (string, bool) {
	segments := strings.Split(key, "/")
	for i, segment := range segments {
		if strings.HasPrefix(segment, "{") {
			segments[i] = "*"
		}
	}
	shape, ok := strings.CutPrefix(strings.Join(segments, "/"), c.config.PathPrefix)
	if !ok {
		return "", false
	}
	for _, of := range slices.Sorted(maps.Keys(c.shapes)) {
		if _, template, _ := strings.Cut(of, " "); template == shape {
			return c.shapes[of], true
		}
	}
	return "", false
}

// isBelowService reports whether no request can reach a resource's path, since
// a service has it.
func (c *compiler) isBelowService(path string) bool {
	rest, ok := strings.CutPrefix(path, c.config.PathPrefix+"/")
	service, _, below := strings.Cut(rest, "/")
	return ok && below && c.services["/"+service+"/"]
}

func (c *compiler) resourceRule(path, fieldName string, resource Resource) *Rule {
	r := &Rule{
		Path:        path,
		Match:       MatchResource,
		Credentials: resource.Credentials,
		from: provenance{
			origins:          c.originList(inResources, fieldName+".Origins", resource.Origins),
			credentialsField: fieldName + ".Credentials",
			requestField:     fieldName + ".RequestHeaders",
			methodsField:     fieldName + ".Methods",
		},
	}
	if resource.Credentials {
		c.checkCredentials(r.from.origins, path)
	}
	for i, method := range resource.Methods {
		element := fmt.Sprintf("%s.Methods[%d]", fieldName, i)
		if problem := checkMethod(method); problem != "" {
			c.mistakes.add(c.mistakes.place(inResources), element, method, problem)
		} else if !slices.Contains(r.Methods, method) {
			r.Methods = append(r.Methods, method)
			r.from.methods = append(r.from.methods, Grant{GrantMethod, method, element})
		}
	}
	requestHeaders := nameField{rank: inResources, field: fieldName + ".RequestHeaders"}
	responseHeaders := nameField{rank: inResources, field: fieldName + ".ResponseHeaders"}
	r.from.requestHeaders = newNameList(c.headerNames(requestHeaders, resource.RequestHeaders, checkRequestName))
	r.from.responseHeaders = newNameList(needExposing(c.headerNames(responseHeaders, resource.ResponseHeaders, checkName)))
	r.MaxAge = c.readMaxAge(inResources, fieldName+".MaxAge", resource.MaxAge)
	return r.finish()
}

func checkMethod(method string) string {
	switch {
	case method == "*":
		return "is not a method; browsers take it for a wildcard only without credentials: list the methods"
	case !headername.IsToken(method):
		return "is not a method: put each one in its own list element, such as PUT"
	case httpmethod.IsForbidden(method):
		return "is a forbidden method, which browsers let no page use: leave it out"
	case httpmethod.Normalize(method) != method:
		return "is not how requests carry it: browsers put this method in upper case, so write " + strings.ToUpper(method)
	case method == "patch":
		return "is not PATCH: methods are case-sensitive, and browsers leave this one as the script wrote it; write PATCH here and in scripts"
	}
	return ""
}

func checkResourcePath(path string) string {
	if !strings.HasPrefix(path, "/") {
		return "is not a path: begin it with a slash, such as /fonts/"
	}
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		name, open := strings.CutPrefix(segment, "{")
		name, closed := strings.CutSuffix(name, "}")
		switch {
		case strings.HasSuffix(name, "...") && open:
			return "has a pattern for several segments: end the path in a slash instead, which stands for everything below"
		case open && name == "$":
			return "has {$}, which ends patterns of net/http: leave it out; a path that does not end in a slash is this one alone"
		case segment == "*":
			return "has a star, which would stand for itself: write braces for one segment, such as /products/{id}, or end the path in a slash for everything below"
		case segment == "**" || open && strings.Contains(name, "="):
			return "has a template of google.api.http, which would match nothing: write braces for one segment, such as /products/{id}, or end the path in a slash for everything below"
		case open != closed || strings.ContainsAny(name, "{}") || open && name == "":
			return "has braces that are not one whole segment: write, for example, /products/{id}"
		case open:
			segments[i] = "x"
		}
	}
	return checkLiteral("/" + strings.Join(segments, "/"))
}

// checkLiteral returns what is wrong with a decoded path that requests are
// compared with, byte by byte.
func checkLiteral(path string) string {
	for i := 0; i+2 < len(path); i++ {
		if path[i] == '%' && isHex(path[i+1]) && isHex(path[i+2]) {
			return "is percent-encoded: write the decoded path"
		}
	}
	switch {
	case strings.ContainsFunc(path, unicode.IsControl):
		return "has a control character: leave it out"
	case strings.ContainsAny(path, "?#"):
		return "has a query or a fragment: write the path alone"
	case strings.Contains(path, "//") || strings.Contains(path+"/", "/./") || strings.Contains(path+"/", "/../"):
		return "is not clean: leave out empty segments, . and .."
	case strings.Contains(path, `\`):
		return `has a backslash, which browsers send as a slash: write a slash`
	}
	return ""
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
