package edgetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// aliases sends requests to paths that some router or server takes for that of
// a procedure. Every spelling of the path has every sender and every shape, and
// every sender has every shape, but not all three of them together.
func (m *matrix) aliases(r *corsrpc.Rule) {
	service, method, _ := strings.Cut(strings.TrimPrefix(r.Procedure, "/"), "/")
	if method == "" {
		method = "Edgetest"
	}
	senders := slices.DeleteFunc(m.fewSenders(r), func(s sender) bool { return s.forged || s.host != "" && s.host != "evil.test" })
	for i, spelling := range spellings(m.config.PathPrefix, service, method) {
		p := path{target: spelling.target, about: "alias of " + r.Path + ": " + spelling.about}
		for j, s := range senders {
			s.forged = s.forged || spelling.forged
			shapes := basicShapes
			if !s.hasOrigin() {
				shapes = basicShapes[:2] // the last one is a preflight
			}
			at := (i + j) % len(shapes)
			m.path(p, []sender{s}, shapes[at:at+1])
		}
		if m.done {
			return
		}
	}
}

// A spelling is a path that might mean a procedure's.
type spelling struct {
	target, about string
	forged        bool // browsers send it to no server
}

func spellings(prefix, service, method string) []spelling {
	var all []spelling
	add := func(about string, targets ...string) {
		for _, target := range targets {
			all = append(all, spelling{target: target, about: about})
		}
	}
	at := func(service, method string) string { return prefix + "/" + service + "/" + method }
	own := at(service, method)
	add("other case", at(strings.ToUpper(service), method), at(service, strings.ToUpper(method)), strings.ToLower(own), at(swapCase(service), swapCase(method)))
	for _, percent := range []string{"%", "%25", "%2525"} {
		escapes := strings.Count(percent, "25") + 1
		about := fmt.Sprintf("escaped %d times", escapes)
		s, e := strings.LastIndexByte(service, '.')+1, percent
		add(about,
			at(escapeAt(service, 0, e), method),
			at(escapeAt(service, s, e), method),
			at(escapeAt(service, len(service)-1, e), method),
			at(service, escapeAt(method, 0, e)),
			at(service, escapeAt(method, len(method)-1, e)),
			at(escapeAt(strings.ToUpper(service), 0, e), method),
			at(strings.ReplaceAll(service, ".", e+"2E"), method),
			at(strings.ReplaceAll(service, ".", e+"2e"), method),
			prefix+"/"+service+e+"2F"+method,
			prefix+"/"+service+e+"2f"+method,
			prefix+"/"+service+e+"5C"+method,
			prefix+"/"+service+e+"5c"+method,
			prefix+"/x"+e+"2F"+service+"/"+method,
			prefix+"/"+e+"2F"+service+"/"+method,
			prefix+"/"+e+"2e/"+service+"/"+method,
			prefix+"/x/"+e+"2e"+e+"2E/"+service+"/"+method,
			prefix+"/"+service+"/x/"+e+"2e"+e+"2e/"+method,
			prefix+"/"+service+e+"3Bx/"+method,
			at(service, method+e+"3Bx"),
			at(service, method+e+"00"),
			at(service, method+e+"20"),
		)
	}
	add("parameters", at(service+";", method), at(service+";x=1", method), at(service, method+";x"), prefix+"/;/"+service+"/"+method, prefix+"/;x"+own, prefix+"/"+service+"/;x/"+method, prefix+"/x;/../"+service+"/"+method)
	add("backslash", prefix+"/"+service+`\`+method, prefix+`/x\`+service+`\`+method, prefix+`/\`+service+"/"+method)
	add("empty segment", prefix+"//"+service+"/"+method, prefix+"/"+service+"//"+method, own+"/", own+"//", "/"+own)
	add("dot segment", prefix+"/./"+service+"/"+method, at(service, "./"+method), prefix+"/x/../"+service+"/"+method, at(service, "x/../"+method), own+"/.", own+"/x/..", at(service, method+"/../"+method), prefix+"/../"+service+"/"+method, prefix+"/"+service+"/../"+service+"/"+method)
	add("longer path", own+"/x", own+".json", at(service, "x/"+method), prefix+"/"+service, prefix+"/"+service+"/")
	add("other prefix", "/docs"+own, "/edgetest/a/b/"+service+"/"+method, "/"+service+"/"+method)
	add("invalid escape", own+"%zz", own+"%", "/%zz"+own, at("%"+service, method))
	for _, similar := range []struct{ letter, raw, escaped string }{{"s", "\u017f", "C5%BF"}, {"k", "\u212a", "E2%84%AA"}} {
		for _, name := range []string{service, method} {
			i := strings.Index(strings.ToLower(name), similar.letter)
			if i < 0 {
				continue
			}
			for _, by := range []string{similar.raw, "%" + similar.escaped, strings.ReplaceAll("%"+similar.escaped, "%", "%25")} {
				other := name[:i] + by + name[i+1:]
				if name == service {
					add("letter that folds to "+similar.letter, at(other, method))
				} else {
					add("letter that folds to "+similar.letter, at(service, other))
				}
			}
		}
	}
	all = append(all, spelling{"http://edgetest.invalid" + own, "absolute form", true})
	return all
}

// ungoverned returns paths that no rule of the policy can have.
func (m *matrix) ungoverned() []path {
	name := "/edgetest/other"
	for _, r := range m.rules {
		if r.Match == corsrpc.MatchProcedure {
			name = "/edgetest/other?path=" + r.Procedure
			break
		}
	}
	return []path{
		{target: "/edgetest/other", clean: true, about: "not governed"},
		{target: name, clean: true, about: "not governed, a procedure in its query"},
		{target: "/edgetest.v1.NoService/Method", clean: true, about: "a service that is not governed"},
	}
}

// documentation returns a path of a resource that ends in that of a procedure, as
// those of documentation pages do. The resource's rule alone decides there.
func (m *matrix) documentation(r *corsrpc.Rule) (string, bool) {
	i := slices.IndexFunc(m.rules, func(r corsrpc.Rule) bool { return r.Match == corsrpc.MatchProcedure })
	if r.Match != corsrpc.MatchResource || i < 0 || len(r.Path) < 2 || strings.Contains(r.Path, "{") || !strings.HasSuffix(r.Path, "/") {
		return "", false
	}
	return escape(r.Path) + m.rules[i].Procedure[1:], true
}

// escapeAt escapes the byte at a position, with escaped instead of "%".
func escapeAt(s string, i int, percent string) string {
	return s[:i] + percent + fmt.Sprintf("%02X", s[i]) + s[i+1:]
}

func swapCase(s string) string {
	swapped := []byte(s)
	for i, c := range swapped {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			swapped[i] = c ^ 0x20
		}
	}
	return string(swapped)
}

// escape returns a decoded path as clients send it.
func escape(decoded string) string {
	var b strings.Builder
	for i := range len(decoded) {
		if c := decoded[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"#%<>?`{}\\^|", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
