package corsexport

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/exportflags"
)

// The values that Main returns.
const (
	fine   = 0
	stale  = 1
	failed = 2
)

// Main is the command `corsrpc export` for a policy that a program makes itself,
// of a Config in Go. args are those after `corsrpc export`, without --image and
// --policy:
//
//	TARGET -o DIR [--dir D] [--behind-gate] [--host H]… [--prefix P] [--upstream U] [--check]
//
// It writes the files of the target to DIR, each at once, and reports on stdout
// what it wrote, the Notes of the export, and files in DIR of an earlier export
// of the same target and prefix that are no longer part of it. The file
// .corsrpc-export in DIR remembers which these are. With --check, it writes nothing and reports which files
// are stale.
//
// Main returns the exit status: 0 if all is fine, 1 if a file is stale, and 2 if
// the policy cannot be exported or a file not be written; stderr then has the
// reasons.
func Main(p *corsrpc.Policy, args []string, stdout, stderr io.Writer) int {
	status, err := export(p, args, stdout)
	if err == nil {
		return status
	}
	for line := range strings.Lines(err.Error()) {
		// All lines begin with the package's name, those of refusals already.
		line = strings.TrimPrefix(strings.TrimRight(line, "\n"), errorPrefix)
		_, _ = fmt.Fprintln(stderr, errorPrefix+optionField.ReplaceAllStringFunc(line, flagOf))
	}
	return failed
}

// optionField is the field of Options that a refusal is about.
var optionField = regexp.MustCompile(`^Options\.\w+(\[\d+\])?`)

// flagOf returns the flag for a field of Options.
func flagOf(field string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(field, "Options."), "[")
	switch name {
	case "BehindGate":
		return "--behind-gate"
	case "Hosts":
		return "--host"
	}
	return "--" + strings.ToLower(name)
}

const errorPrefix = "corsexport: "

// defaultPrefix is Options.Prefix where it is empty.
const defaultPrefix = "corsrpc"

func export(p *corsrpc.Policy, args []string, stdout io.Writer) (int, error) {
	var flags exportflags.Flags
	set := flag.NewFlagSet("export", flag.ContinueOnError)
	set.SetOutput(io.Discard) // Main prints errors
	set.Usage = func() {}
	flags.Declare(set)
	names, err := parse(set, args)
	if errors.Is(err, flag.ErrHelp) {
		return fine, help(set, stdout)
	}
	if err != nil {
		return failed, err
	}
	t, err := findTarget(names, &flags)
	if err != nil {
		return failed, err
	}
	o := Options{
		BehindGate: flags.BehindGate,
		Hosts:      flags.Hosts,
		Prefix:     flags.Prefix,
		Upstream:   flags.Upstream,
		Dir:        flags.Dir,
		Defaults:   flags.Defaults,
		Name:       flags.Name,
		Namespace:  flags.Namespace,
		Gateway:    flags.Gateway,
		Port:       flags.Port,
	}
	if o.Dir == "" {
		if o.Dir, err = filepath.Abs(flags.Output); err != nil {
			return failed, err
		}
	}
	exported, err := t.export(p, o)
	if err != nil {
		return failed, err
	}
	d := &outputDir{path: flags.Output, owner: t.name + " " + cmp.Or(flags.Prefix, defaultPrefix), files: exported.Files}
	if flags.Check {
		return d.check(stdout)
	}
	return d.write(stdout, exported.Notes)
}

// parse reads flags before, between and after arguments, and returns these.
func parse(set *flag.FlagSet, args []string) ([]string, error) {
	var names []string
	for {
		if err := set.Parse(args); err != nil {
			return nil, err
		}
		if args = set.Args(); len(args) == 0 {
			return names, nil
		}
		names, args = append(names, args[0]), args[1:]
	}
}

// findTarget returns the target that the arguments name, and checks that the
// flags are for it.
func findTarget(names []string, flags *exportflags.Flags) (*target, error) {
	known := make([]string, len(targets))
	for i := range targets {
		known[i] = targets[i].name
	}
	switch {
	case len(names) == 0:
		return nil, errors.New("give the target: write " + exportflags.List(known, "or"))
	case len(names) > 1:
		return nil, fmt.Errorf("the argument %.80q is not expected here: export takes one target", names[1])
	}
	i := slices.Index(known, names[0])
	if i < 0 {
		return nil, fmt.Errorf("there is no target %.40q: write %s", names[0], exportflags.List(known, "or"))
	}
	for _, name := range flags.Set() {
		if !slices.Contains(targets[i].flags, name) {
			return nil, fmt.Errorf("--%s has no effect on %s: leave it out", name, names[0])
		}
	}
	if flags.Output == "" {
		return nil, errors.New("give -o with the directory to write the files to")
	}
	return &targets[i], nil
}

func help(set *flag.FlagSet, w io.Writer) error {
	var b strings.Builder
	b.WriteString("TARGET -o DIR [flags]\n\nTargets:\n")
	for name, text := range Targets() {
		fmt.Fprintf(&b, "  %s\n    \t%s\n", name, text)
	}
	b.WriteString("\nFlags:\n")
	set.SetOutput(&b)
	set.PrintDefaults()
	_, err := io.WriteString(w, b.String())
	return err
}
