// Command buf-plugin-corsrpc is a plugin for buf. It checks the options of
// corsrpc/v1/options.proto, by which a schema says what web pages may send to
// and read from its procedures.
//
// buf lint reports mistakes in these options. buf breaking reports what pages
// can no longer call, send or read.
//
// Add it to your module with
//
//	go get -tool github.com/corsrpc/corsrpc-go/cmd/buf-plugin-corsrpc
//
// and to buf.yaml with
//
//	version: v2
//	lint:
//	  use: [STANDARD, CORSRPC]
//	breaking:
//	  use: [FILE, CORSRPC]
//	plugins:
//	  - plugin: [go, tool, buf-plugin-corsrpc]
//	    options:
//	      audiences: [storefront, backoffice]
//
// CORSRPC is the category of all rules. The plugin option "audiences" may be
// omitted; it lists the audiences that the servers' configurations define.
//
// https://github.com/corsrpc/corsrpc-go/blob/main/docs/buf-plugin.md has an
// example of each rule.
package main

import (
	"fmt"
	"os"

	"buf.build/go/bufplugin/check"
	"buf.build/go/bufplugin/info"
	"pluginrpc.com/pluginrpc"
)

func main() {
	if len(os.Args) == 1 {
		fmt.Fprintln(os.Stderr, "buf-plugin-corsrpc: buf runs this program; add it to buf.yaml as `buf-plugin-corsrpc --help` shows")
		os.Exit(2)
	}
	pluginrpc.Main(func() (pluginrpc.Server, error) { return check.NewServer(spec) })
}

// category is that of all rules, for `use` in buf.yaml.
const category = "CORSRPC"

// documentation is the beginning of --help.
const documentation = `buf-plugin-corsrpc checks what a schema declares for web pages with the options
of corsrpc/v1/options.proto. buf runs it; add it to buf.yaml:

    version: v2
    lint:
      use: [STANDARD, CORSRPC]
    breaking:
      use: [FILE, CORSRPC]
    plugins:
      - plugin: [go, tool, buf-plugin-corsrpc]
        options:
          audiences: [storefront, backoffice]

The option audiences is optional. "buf config ls-lint-rules" and
"buf config ls-breaking-rules" list the rules, and
https://github.com/corsrpc/corsrpc-go/blob/main/docs/buf-plugin.md explains them.`

var spec = &check.Spec{
	Rules: []*check.RuleSpec{
		lintRule("CORSRPC_HEADER_NAME", "Checks that declared headers and trailers have names that a page can send or read.", checkHeaderNames),
		lintRule("CORSRPC_TRAILER_PREFIX", `Checks that trailers are declared without the prefix "Trailer-".`, checkTrailerPrefix),
		lintRule("CORSRPC_PROTOCOL_HEADER", "Checks that headers of the RPC protocols, which corsrpc knows, are not declared.", checkProtocolHeaders),
		lintRule("CORSRPC_AUDIENCE_KNOWN", `Checks that audiences are in the list of the plugin option "audiences", if it is set.`, checkAudiences),
		lintRule("CORSRPC_GET_PREFLIGHTED", "Checks that methods without side effects have no request headers, which cost a preflight for every message of a Connect GET.", checkGetPreflighted),
		lintRule("CORSRPC_INTERNAL_MIXED", "Checks that internal methods are in services of their own.", checkInternalMixed),
		breakingRule(pageCanCall, "Checks that pages can still call what they could call."),
		breakingRule(pageCanSend, "Checks that pages can still send the request headers that they could send."),
		breakingRule(pageCanRead, "Checks that pages can still read the response headers and trailers that they could read."),
	},
	Categories: []*check.CategorySpec{{ID: category, Purpose: "Checks what web pages can call, send and read, as declared with the options of corsrpc/v1/options.proto."}},
	Info: &info.Spec{
		Documentation: documentation,
		SPDXLicenseID: "Apache-2.0",
		LicenseURL:    "https://github.com/corsrpc/corsrpc-go/blob/main/LICENSE",
	},
	Before: before,
}

// The breaking rules.
const (
	pageCanCall = "CORSRPC_PAGE_CAN_CALL"
	pageCanSend = "CORSRPC_PAGE_CAN_SEND"
	pageCanRead = "CORSRPC_PAGE_CAN_READ"
)
