// Command engines prints which browsers the tests run in, and which they leave out.
// If CORSRPC_REQUIRE_BROWSERS is set, it fails if one is left out.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

func main() {
	leftOut := false
	for _, e := range browsers.Engines {
		version, err := e.Version(context.Background())
		var missing *browsers.MissingError
		switch {
		case errors.As(err, &missing):
			leftOut = true
			fmt.Println("LEFT OUT:", missing)
		case err != nil:
			fmt.Fprintln(os.Stderr, "engines:", err)
			os.Exit(1)
		default:
			fmt.Println(e.Name, version)
		}
	}
	if leftOut && os.Getenv("CORSRPC_REQUIRE_BROWSERS") != "" {
		fmt.Fprintln(os.Stderr, "engines: CORSRPC_REQUIRE_BROWSERS is set, so that no browser may be left out")
		os.Exit(1)
	}
}
