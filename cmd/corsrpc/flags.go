package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	"github.com/corsrpc/corsrpc-go/internal/exportflags"
	"github.com/corsrpc/corsrpc-go/internal/headername"
)

// flags are those of all subcommands. Each declares what it takes.
type flags struct {
	set  *flag.FlagSet
	args []string

	image, reflect         string
	policies               stringList
	policyOld, policyNew   stringList
	why                    bool
	format                 string
	origin, call, protocol string
	method, url, curl      string
	headers                stringList
	audiences              stringList
	noAudience, noAccess   bool
	services, protocols    stringList
	links                  stringList
	profile                string
	credentials            bool
	preflights             bool
	cacert                 string
	timeout                time.Duration
	allow                  string
	export                 exportflags.Flags
}

// A stringList is a flag that can be given several times.
type stringList []string

func (l *stringList) String() string { return strings.Join(*l, ", ") }

func (l *stringList) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func newFlags(c command) *flags {
	f := &flags{set: flag.NewFlagSet("corsrpc "+c.name, flag.ContinueOnError)}
	f.set.SetOutput(io.Discard) // run prints errors
	f.set.Usage = func() {}
	declare[c.name](f)
	return f
}

// help prints the arguments and flags of a subcommand.
func (f *flags) help(c command, w io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "corsrpc %s %s\n\n%s\n\n", c.name, c.arguments, c.summary)
	f.set.SetOutput(&b)
	f.set.PrintDefaults()
	if c.name == "export" {
		b.WriteString("\nTargets:\n")
		for name, text := range corsexport.Targets() {
			fmt.Fprintf(&b, "  %s\n    \t%s\n", name, text)
		}
	}
	fmt.Fprint(w, b.String())
}

// declare has the flags of each subcommand.
var declare = map[string]func(*flags){
	"rules": func(f *flags) {
		f.schema()
		f.set.Var(&f.policies, "policy", "policy `file`, YAML or JSON; several are merged in order; without one, the schema alone is judged")
		f.set.BoolVar(&f.why, "why", false, "add the source of every permission")
		f.set.StringVar(&f.format, "format", "text", "text or json")
	},
	"explain": func(f *flags) {
		f.schema()
		f.set.Var(&f.policies, "policy", "policy `file`, YAML or JSON; several are merged in order")
		f.set.StringVar(&f.origin, "origin", "", "`origin` of the page")
		f.set.StringVar(&f.call, "call", "", "`procedure`, pkg.Service/Method, or the path of a REST binding")
		f.set.StringVar(&f.protocol, "protocol", "connect", "connect, get, grpc-web or rest")
		f.set.StringVar(&f.method, "X", "", "HTTP `method` of a rest call")
		f.set.StringVar(&f.url, "url", "", "`URL` of the server, for its host and scheme (default https://api.example.com)")
		f.set.Var(&f.headers, "H", "`header` of the call, Name: value; can be repeated")
		f.set.StringVar(&f.curl, "curl", "", "the request, as the browser's \"Copy as cURL\" writes it, for bash or cmd; or @FILE, a file that has it")
		f.set.StringVar(&f.format, "format", "text", "text or json")
	},
	"check": func(f *flags) {
		f.schema()
		f.set.StringVar(&f.origin, "origin", "", "`origin` of the page")
		f.set.Var(&f.audiences, "audience", "`label` of the schema's audience to which the origin belongs; can be repeated")
		f.set.BoolVar(&f.noAccess, "no-access", false, "expect that the server keeps the origin out of everything")
		f.set.Var(&f.headers, "H", "`header` that calls carry, Name: value, a token for example; can be repeated")
		f.set.BoolVar(&f.preflights, "H-on-preflights", false, "send -H with preflights too, as no browser does: for a gateway that demands a token of every request")
		f.set.StringVar(&f.profile, "profile", "standard", "`browser` whose rules to follow: standard, chromium, firefox or webkit")
		f.set.BoolVar(&f.credentials, "credentials", false, "the page calls with cookies")
		f.set.BoolVar(&f.noAudience, "no-audience", false, "the origin belongs to none of the schema's audiences")
		f.set.Var(&f.services, "service", "full `name` of a service to check; can be repeated; without it, all that the server has")
		f.set.Var(&f.protocols, "protocol", "`protocol` that the server serves to pages: connect, get, grpc-web, rest-gateway (grpc-gateway) or rest-transcoding (Vanguard, Envoy); can be repeated; without it, the first three")
		f.set.Var(&f.links, "links", "full `name` of a service or method whose REST bindings for GET other sites can link to; can be repeated")
	},
	"diff": func(f *flags) {
		f.set.Var(&f.policyOld, "policy-old", "policy `file` for the old schema; can be repeated")
		f.set.Var(&f.policyNew, "policy-new", "policy `file` for the new schema; can be repeated")
		f.set.StringVar(&f.allow, "allow", "", "gains: what pages gain is not a finding")
		f.set.StringVar(&f.format, "format", "text", "text, json or github-actions")
	},
	"policy": func(f *flags) {
		f.set.StringVar(&f.image, "image", "", "buf image or FileDescriptorSet `file` with the services; without it, syntax and origins alone are checked")
	},
	"export": func(f *flags) {
		f.set.StringVar(&f.image, "image", "", "buf image or FileDescriptorSet `file` with the services (buf build -o image.binpb)")
		f.set.Var(&f.policies, "policy", "policy `file`, YAML or JSON; several are merged in order")
		f.export.Declare(f.set)
	},
}

func (f *flags) schema() {
	f.set.StringVar(&f.image, "image", "", "buf image or FileDescriptorSet `file` with the services (buf build -o image.binpb)")
	f.set.StringVar(&f.reflect, "reflect", "", "`URL` of a server that has gRPC reflection, to ask it for the services")
	f.set.StringVar(&f.cacert, "cacert", "", "PEM `file` with the certificates to trust, in place of the system's")
	f.set.DurationVar(&f.timeout, "timeout", 10*time.Second, "how long a response, and reflection as a whole, can take")
}

// parse reads flags before, between and after arguments.
func (f *flags) parse(args []string) error {
	for {
		if err := f.set.Parse(args); err != nil {
			return err
		}
		if f.timeout < 0 || f.declares("timeout") && f.timeout == 0 {
			return fmt.Errorf("--timeout %s: write a duration above zero, such as 10s", f.timeout)
		}
		args = f.set.Args()
		if len(args) == 0 {
			return nil
		}
		f.args = append(f.args, args[0])
		args = args[1:]
	}
}

func (f *flags) declares(name string) bool { return f.set.Lookup(name) != nil }

// oneOf returns an error if a flag's value is not one of these.
func oneOf(name, value string, values ...string) error {
	if slices.Contains(values, value) {
		return nil
	}
	known := values[0]
	if last := len(values) - 1; last > 0 {
		known = strings.Join(values[:last], ", ") + " or " + values[last]
	}
	return fmt.Errorf("--%s %.40q: write %s", name, value, known)
}

// header returns the values of -H.
func (f *flags) header() (http.Header, error) {
	header := make(http.Header)
	for _, line := range f.headers {
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || !headername.IsToken(name) || strings.ContainsAny(value, "\r\n\x00") {
			return nil, fmt.Errorf("-H %.80q: write Name: value", line)
		}
		header.Add(name, value)
	}
	return header, nil
}

// noArguments returns an error if there are any.
func (f *flags) noArguments() error {
	if len(f.args) > 0 {
		return fmt.Errorf("the argument %.80q is not expected here: values of flags follow their flag", f.args[0])
	}
	return nil
}

var errNoSchema = errors.New("where are the services? Give --image with what `buf build -o image.binpb` writes, or --reflect with the URL of a server that has gRPC reflection")
