// Command corsrpc checks, explains and compares CORS policies of RPC servers.
//
// Run it without arguments for its subcommands. Exit status: 0 if all is fine, 1
// if there are findings, 2 if it could not check.
//
// Add the command to your server's module, so that it applies the rules of the
// library version that the server links:
//
//	go get -tool github.com/corsrpc/corsrpc-go/cmd/corsrpc
//	go tool corsrpc rules --image image.binpb --policy policy.yaml
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
)

// Exit statuses.
const (
	fine     = 0
	findings = 1
	failed   = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// A command is a subcommand.
type command struct {
	name, arguments, summary string
	run                      func(ctx context.Context, f *flags, stdout io.Writer) (int, error)
}

// commands are listed in the order in which people meet them.
var commands = []command{
	{"rules", "(--image F | --reflect URL) [--policy F]… [--why] [--format text|json]", "print what pages can do on every path", runRules},
	{"explain", "(--image F | --reflect URL) --policy F… (--origin O --call pkg.Service/Method [-H …] | --curl 'curl …')", "explain what happens to a page's request, and why", runExplain},
	{"check", "URL --origin O [--image F | --reflect URL] [--audience A | --no-access] [-H …]", "check a live server as browsers would, without running a handler", runCheck},
	{"diff", "OLD NEW [--policy-old F… --policy-new F…] [--allow gains] [--format text|json|github-actions]", "compare what pages can do under two schemas or policies", runDiff},
	{"policy", "(validate | print) [--image F] F…", "check policy files, or print them as one", runPolicy},
	{"export", "TARGET --image F --policy F… -o DIR [--dir D] [--behind-gate] [--host H]… [--prefix P] [--upstream U] [--check]", "write a policy as configuration of a proxy or gateway, or check that it is not stale", runExport},
}

// run is the whole command. It returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	stdout, stderr = terminal{stdout}, terminal{stderr}
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		if len(args) > 0 {
			usage(stdout)
			return fine
		}
		usage(stderr)
		return failed
	}
	i := slices.IndexFunc(commands, func(c command) bool { return c.name == args[0] })
	if i < 0 {
		fmt.Fprintf(stderr, "corsrpc: there is no command %.40q\n\n", args[0])
		usage(stderr)
		return failed
	}
	c := commands[i]
	f := newFlags(c)
	if err := f.parse(args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			f.help(c, stdout)
			return fine
		}
		fmt.Fprintf(stderr, "corsrpc %s: %v\n", c.name, err)
		return failed
	}
	status, err := c.run(ctx, f, stdout)
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintf(stderr, "corsrpc %s: %s\n", c.name, strings.TrimRight(line, "\n"))
		}
		return failed
	}
	return status
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "corsrpc checks, explains and compares CORS policies of RPC servers.")
	fmt.Fprintln(w)
	for _, c := range commands {
		fmt.Fprintf(w, "  corsrpc %s %s\n        %s\n", c.name, c.arguments, c.summary)
	}
	fmt.Fprintln(w, "\nExit status: 0 if all is fine, 1 if there are findings, 2 if it could not check.")
}
