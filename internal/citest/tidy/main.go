// Tidy does in every published module what `go mod tidy` does elsewhere. It runs
// in the root of the tree: `make tidy`.
package main

import (
	"log"
	"os"
	"path/filepath"

	"github.com/corsrpc/corsrpc-go/internal/citest"
)

func main() {
	log.SetFlags(0)
	root := os.Args[1]
	modules, err := citest.FindPublished(root)
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range modules {
		log.Print("tidy ", m.Dir)
		gomod, gosum, err := citest.Tidy(root, m)
		if err != nil {
			log.Fatal(err)
		}
		for name, text := range map[string][]byte{"go.mod": gomod, "go.sum": gosum} {
			if err := os.WriteFile(filepath.Join(root, m.Dir, name), text, 0o644); err != nil {
				log.Fatal(err)
			}
		}
	}
}
