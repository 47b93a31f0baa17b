package corsexport

import (
	"strconv"
	"strings"
)

// Options say what a policy does not: where the files go, and what stands behind
// the target. The zero value is usable for targets that need no name.
type Options struct {
	// BehindGate says that something behind the target refuses what the policy
	// refuses, such as corsconnect.WithGate, corsconnectv2 or corsgrpc. The
	// export then only answers preflights and sets response headers.
	BehindGate bool
	// Hosts are the host names of the server itself, with ports where they are
	// not the scheme's own. Nil means those of Config.Hosts.
	Hosts []string
	// Prefix begins the names of variables, maps, sections and files. Empty
	// means "corsrpc".
	Prefix string
	// Upstream is the backend, cluster or service behind the target, for
	// targets that need one.
	Upstream string
	// Dir is the directory of the files on the target's machine. It is for
	// targets whose files name each other.
	Dir string
	// Defaults is the name of HAProxy's defaults section that the exported one
	// inherits from.
	Defaults string
	// Name, Namespace, Gateway and Port are those of Kubernetes objects.
	Name, Namespace, Gateway string
	Port                     int
}

// An Export is a policy as configuration of another system.
type Export struct {
	Files []File
	// Notes say, one sentence each, where the target is weaker or stricter
	// than Policy.Wrap and still safe.
	Notes []string
}

// A File is one file of an [Export].
type File struct {
	// Name has no directory.
	Name string
	Data []byte
}

// A Refusal is an error: one thing in a policy that a target cannot say. All
// refusals of an export are joined with errors.Join, and there is no file if
// there is one.
type Refusal struct {
	// Rule is the Path of the rule, or empty if the whole policy is meant.
	Rule string
	// Field is the field of corsrpc.Rule, corsrpc.Config or Options, and Value
	// what stands in it.
	Field, Value string
	// Problem is what the target cannot say, and Fix what to write instead.
	Problem, Fix string
}

// Error returns all fields as one line.
func (r *Refusal) Error() string {
	var text strings.Builder
	text.WriteString("corsexport: ")
	if r.Rule != "" {
		text.WriteString(r.Rule + ": ")
	}
	text.WriteString(r.Field)
	if r.Value != "" {
		text.WriteString(" " + quote(r.Value))
	}
	text.WriteString(": " + r.Problem)
	if r.Fix != "" {
		text.WriteString("; " + r.Fix)
	}
	return text.String()
}

// quote returns s as a Go string of printable ASCII.
func quote(s string) string { return strconv.QuoteToASCII(s) }
