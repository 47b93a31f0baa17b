// Command engines says which browsers the tests will run in, and which they will
// leave out. With CORSRPC_REQUIRE_BROWSERS in the environment it fails if one is
// left out.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/corsrpc/corsrpc-go/internal/browsertest"
)

func main() {
	leftOut := false
	for _, e := range browsertest.Engines {
		version, err := e.Version(context.Background())
		var missing *browsertest.MissingError
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
		fmt.Fprintln(os.Stderr, "engines: CORSRPC_REQUIRE_BROWSERS is set, so no browser may be left out")
		os.Exit(1)
	}
}
