package corsdiff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Kind is what a page can do or can no longer do.
type Kind uint8

const (
	// Call is to call, from the origin that is the change's Value.
	Call Kind = iota
	// Credentials is to call with cookies, from that origin.
	Credentials
	// Method is to use the HTTP method.
	Method
	// Send is to send the request header.
	Send
	// Read is to read the response header.
	Read
	// Run is to make the handler run from every page of the web, although the
	// page cannot read the response. Value is how: a page's "call", or a
	// "link".
	Run
	// Config is a field of Config that permits more, or less, without being
	// about one path.
	Config
)

var kindTexts = []string{"call", "credentials", "method", "send", "read", "run", "config"}

// String returns the kind as one word, such as send.
func (k Kind) String() string {
	if int(k) < len(kindTexts) {
		return kindTexts[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// MarshalText implements [encoding.TextMarshaler]. It returns the text of
// String.
func (k Kind) MarshalText() ([]byte, error) {
	if int(k) >= len(kindTexts) {
		return nil, fmt.Errorf("corsdiff: there is no kind %d", k)
	}
	return []byte(kindTexts[k]), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (k *Kind) UnmarshalText(text []byte) error {
	i := slices.Index(kindTexts, string(text))
	if i < 0 {
		return fmt.Errorf("corsdiff: there is no kind %.40q", text)
	}
	*k = Kind(i)
	return nil
}

// A Change is one thing that pages gain or lose, on every path where it has the
// same cause.
type Change struct {
	Kind Kind
	// Value is the origin, method or header name, as Kind says.
	Value string
	// Cause is the place that permits it, in the policy that does: a Source of
	// [corsrpc.Grant], or the name of a field.
	Cause string
	// Paths are those of the rules that it concerns, as in [corsrpc.Rule],
	// sorted. A REST binding's path follows its method and a space. It is
	// empty for Config.
	Paths []string
}

// A Report is the difference between two policies, sorted by kind, value and
// cause. The zero Report is no difference.
type Report struct {
	// Lost is what pages could do under the old policy and cannot do under
	// the new one.
	Lost []Change
	// Gained is the reverse.
	Gained []Change
}

// Empty reports whether there is no difference.
func (r *Report) Empty() bool { return len(r.Lost) == 0 && len(r.Gained) == 0 }

// describe returns what the change is about, after "can" or "can no longer".
func (c Change) describe() string {
	switch c.Kind {
	case Call:
		return "call from " + c.Value
	case Credentials:
		return "call with cookies from " + c.Value
	case Method:
		return "use the method " + c.Value
	case Send:
		return "send the header " + c.Value
	case Read:
		return "read the header " + c.Value
	case Run:
		return "run handlers by a " + c.Value + " from any site"
	}
	return c.describeConfig()
}

// describeConfig does so for a field that is not about one path.
func (c Change) describeConfig() string {
	field, value, _ := strings.Cut(c.Value, " ")
	switch field {
	case "RequireHosts":
		return "call through hosts that are not in Hosts"
	case "RequireFetchMetadata":
		return "call without Origin and Sec-Fetch-Site"
	case "DangerouslyAllowInsecureOrigins":
		return "be served over plain HTTP and listed"
	case "DangerouslyAllowPublicSuffixes":
		return "be listed by a pattern on a public suffix"
	case "ExplainTo":
		return "read why calls from " + value + " are refused"
	}
	if value == "" {
		value = "each host of the server"
	}
	return "call as pages of " + value + " itself, from browsers that do not say so"
}

// Title returns what the change is about and its cause, without its direction
// and its paths: "send the header X-Tenant-Id (RequestHeaders[0])".
func (c Change) Title() string { return c.describe() + " (" + c.Cause + ")" }

// String returns the change in one line, without its direction.
func (c Change) String() string {
	text := c.Title()
	switch len(c.Paths) {
	case 0:
	case 1:
		text += ": " + c.Paths[0]
	default:
		text += fmt.Sprintf(": %d paths", len(c.Paths))
	}
	return text
}

// changes groups what is found by cause.
type changes map[changeKey]*Change

type changeKey struct {
	kind         Kind
	value, cause string
}

func (c changes) add(kind Kind, value, cause, path string) {
	key := changeKey{kind, value, cause}
	change := c[key]
	if change == nil {
		change = &Change{Kind: kind, Value: value, Cause: cause}
		c[key] = change
	}
	if path != "" && !slices.Contains(change.Paths, path) {
		change.Paths = append(change.Paths, path)
	}
}

func (c changes) sorted() []Change {
	var list []Change
	for _, change := range c {
		slices.Sort(change.Paths)
		list = append(list, *change)
	}
	slices.SortFunc(list, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Value, b.Value), strings.Compare(a.Cause, b.Cause))
	})
	return list
}
