// Package exportflags has the flags of `corsrpc export`, which are the same for
// the command and for programs that call corsexport.Main.
package exportflags

import (
	"flag"
	"strconv"
	"strings"
)

// Flags are those that say what to export, and where to.
type Flags struct {
	Output, Dir, Prefix, Upstream, Defaults string
	Name, Namespace, Gateway                string
	Port                                    int
	Hosts                                   []string
	BehindGate, Check                       bool
}

// Declare adds the flags to a set.
func (f *Flags) Declare(set *flag.FlagSet) {
	set.StringVar(&f.Output, "o", "", "`directory` to write the files to")
	set.StringVar(&f.Dir, "dir", "", "`directory` of the files on the target's machine; without it, that of -o")
	set.BoolVar(&f.BehindGate, "behind-gate", false, "only answer preflights and set headers: something behind the target refuses calls")
	set.Func("host", "`host` of the server itself, in place of the policy's hosts; can be repeated", func(value string) error {
		f.Hosts = append(f.Hosts, value)
		return nil
	})
	set.StringVar(&f.Prefix, "prefix", "", "`name` that those of files, variables and sections begin with (default corsrpc)")
	set.StringVar(&f.Upstream, "upstream", "", "`name` of the backend, cluster or service behind the target")
	set.StringVar(&f.Defaults, "defaults", "", "`name` of the defaults section that HAProxy's inherits from")
	set.StringVar(&f.Name, "name", "", "`name` of the objects for Kubernetes")
	set.StringVar(&f.Namespace, "namespace", "", "`namespace` of the objects for Kubernetes")
	set.StringVar(&f.Gateway, "gateway", "", "`gateway` that the objects for Kubernetes attach to, as NAME or NAMESPACE/NAME")
	set.IntVar(&f.Port, "port", 0, "`port` of the service behind the objects for Kubernetes")
	set.BoolVar(&f.Check, "check", false, "write nothing; fail if a file is stale")
}

// Args returns arguments that are parsed as these flags.
func (f *Flags) Args() []string {
	var args []string
	for _, value := range []struct{ name, value string }{
		{"o", f.Output}, {"dir", f.Dir}, {"prefix", f.Prefix}, {"upstream", f.Upstream}, {"defaults", f.Defaults},
		{"name", f.Name}, {"namespace", f.Namespace}, {"gateway", f.Gateway},
	} {
		if value.value != "" {
			args = append(args, "-"+value.name+"="+value.value)
		}
	}
	if f.Port != 0 {
		args = append(args, "-port="+strconv.Itoa(f.Port))
	}
	for _, host := range f.Hosts {
		args = append(args, "-host="+host)
	}
	if f.BehindGate {
		args = append(args, "-behind-gate")
	}
	if f.Check {
		args = append(args, "-check")
	}
	return args
}

// Set returns the names of the flags for some targets alone that are set.
func (f *Flags) Set() []string {
	var names []string
	for _, value := range []struct {
		name string
		set  bool
	}{
		{"dir", f.Dir != ""}, {"upstream", f.Upstream != ""}, {"defaults", f.Defaults != ""},
		{"name", f.Name != ""}, {"namespace", f.Namespace != ""}, {"gateway", f.Gateway != ""}, {"port", f.Port != 0},
	} {
		if value.set {
			names = append(names, value.name)
		}
	}
	return names
}

// List returns words as a list with a word before the last.
func List(words []string, last string) string {
	if n := len(words) - 1; n > 0 {
		return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
	}
	return strings.Join(words, "")
}
