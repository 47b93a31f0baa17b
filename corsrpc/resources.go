package corsrpc

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/corsrpc/corsrpc-go/internal/field"
	"github.com/corsrpc/corsrpc-go/internal/preflight"
)

// A resourceTree holds the rules of resources by the segments of their paths.
type resourceTree struct {
	literal map[string]*resourceTree
	braces  *resourceTree // {segment}
	here    *rule         // the path ends here
	below   *rule         // the path ends here with a slash: the subtree
}

// find returns the rule of a path that follows a slash, or nil. From the left,
// segment by segment, a literal one wins before braces, and both before the
// rest of a subtree.
func (t *resourceTree) find(path string) *rule {
	segment, rest, more := strings.Cut(path, "/")
	for _, next := range [2]*resourceTree{t.literal[segment], t.braces} {
		if next == nil || segment == "" {
			continue
		}
		if !more {
			if next.here != nil {
				return next.here
			}
		} else if found := next.find(rest); found != nil {
			return found
		}
	}
	return t.below
}

// slot returns where the rule of a checked path belongs.
func (t *resourceTree) slot(path string) **rule {
	segment, rest, more := strings.Cut(path, "/")
	if segment == "" && !more {
		return &t.below
	}
	var next *resourceTree
	if strings.HasPrefix(segment, "{") {
		if t.braces == nil {
			t.braces = &resourceTree{}
		}
		next = t.braces
	} else {
		if next = t.literal[segment]; next == nil {
			if t.literal == nil {
				t.literal = make(map[string]*resourceTree)
			}
			next = &resourceTree{}
			t.literal[segment] = next
		}
	}
	if !more {
		return &next.here
	}
	return next.slot(rest)
}

// addResources adds the rules of all resources.
func (c *compiler) addResources(s *snapshot) {
	for _, path := range slices.Sorted(maps.Keys(c.config.Resources)) {
		fieldName := "Resources[" + quote(path) + "]"
		at := c.mistakes.place(inResources)
		r := c.resourceRule(path, fieldName, c.config.Resources[path])
		if problem := checkResourcePath(path); problem != "" {
			c.mistakes.add(at, fieldName, "", problem)
			continue
		}
		slot := s.resources.slot(path[1:])
		if *slot != nil {
			c.mistakes.add(at, fieldName, "", "matches the same paths as "+quote((*slot).path)+"; keep one of them")
			continue
		}
		*slot = r
		if rest, ok := strings.CutPrefix(path, s.prefix); ok && s.procedure(rest) != nil {
			continue // no request finds it
		}
		s.ordered = append(s.ordered, r)
	}
}

func (c *compiler) resourceRule(path, fieldName string, resource Resource) *rule {
	r := &rule{
		Rule: preflight.Rule{
			Credentials: resource.Credentials,
			Hosts:       c.hosts,
		},
		path:    path,
		origins: c.originList(inResources, fieldName+".Origins", resource.Origins),
		fields: ruleFields{
			credentials:    fieldName + ".Credentials",
			requestHeaders: fieldName + ".RequestHeaders",
			methods:        fieldName + ".Methods",
		},
	}
	if resource.Credentials {
		c.checkCredentials(r.origins, path)
	}
	for i, method := range resource.Methods {
		if problem := checkMethod(method); problem != "" {
			c.mistakes.add(c.mistakes.place(inResources), fmt.Sprintf("%s.Methods[%d]", fieldName, i), method, problem)
		} else if !slices.Contains(r.Methods, method) {
			r.Methods = append(r.Methods, method)
		}
	}
	r.requestHeaders = newNameList(c.requestNames(inResources, fieldName+".RequestHeaders", resource.RequestHeaders))
	r.exposeHeaders = newNameList(exposed(c.responseNames(inResources, fieldName+".ResponseHeaders", resource.ResponseHeaders)))
	r.maxAge = c.readMaxAge(inResources, fieldName+".MaxAge", resource.MaxAge)
	return r.finish()
}

func checkMethod(method string) string {
	switch {
	case method == "*":
		return "is no method; browsers take it for a wildcard only without credentials, so list the methods"
	case !field.IsToken(method):
		return "is no method; write one per element, as PUT"
	case field.IsForbiddenMethod(method):
		return "is a forbidden method: browsers let no page use it, so leave it out"
	case field.NormalizeMethod(method) != method:
		return "is not how requests carry it: browsers put this method in upper case, so write " + strings.ToUpper(method)
	case method == "patch":
		return "is not PATCH: methods are case-sensitive, and browsers leave this one as the script wrote it; write PATCH here and in scripts"
	}
	return ""
}

func checkResourcePath(path string) string {
	if !strings.HasPrefix(path, "/") {
		return "is no path; begin it with a slash, as /fonts/"
	}
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		name, open := strings.CutPrefix(segment, "{")
		name, closed := strings.CutSuffix(name, "}")
		switch {
		case strings.HasSuffix(name, "...") && open:
			return "has a pattern for several segments; end the path in a slash instead, which stands for everything below"
		case open && name == "$":
			return "has {$}, as patterns of net/http end; leave it out: a path that does not end in a slash is this one alone"
		case segment == "*":
			return "has a star, which would stand for itself; write braces for one segment, as /products/{id}, or end the path in a slash for everything below"
		case open != closed || strings.ContainsAny(name, "{}") || open && name == "":
			return "has braces that are not one whole segment, as in /products/{id}"
		case open:
			segments[i] = "x"
		}
	}
	return checkLiteral("/" + strings.Join(segments, "/"))
}

// checkLiteral says what is wrong with a decoded path that requests are
// compared with, byte by byte.
func checkLiteral(path string) string {
	for i := 0; i+2 < len(path); i++ {
		if path[i] == '%' && isHex(path[i+1]) && isHex(path[i+2]) {
			return "is percent-encoded; write the decoded path"
		}
	}
	switch {
	case strings.ContainsFunc(path, unicode.IsControl):
		return "has a control character; leave it out"
	case strings.ContainsAny(path, "?#"):
		return "has a query or a fragment; write the path alone"
	case strings.Contains(path, "//") || strings.Contains(path+"/", "/./") || strings.Contains(path+"/", "/../"):
		return "is not clean: leave out empty segments, . and .."
	}
	return ""
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
