// Command table prints matrix.json as a table, writes docs/browsers.md from it and
// brings the README up to date. It is run by `make browsers`, in
// internal/browsertest.
package main

import (
	"fmt"
	"os"

	"github.com/corsrpc/corsrpc-go/internal/browsertest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func run() error {
	matrix, err := browsertest.ReadMatrix("matrix.json")
	if err != nil {
		return err
	}
	fmt.Print(matrix.Tables("calls"))
	if err := os.WriteFile("../../docs/browsers.md", []byte(matrix.Document()), 0o644); err != nil {
		return err
	}
	const readme = "../../README.md"
	text, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	updated, err := browsertest.Insert(string(text), matrix.Brief())
	if err != nil {
		return fmt.Errorf("%s: %w", readme, err)
	}
	return os.WriteFile(readme, []byte(updated), 0o644)
}
