package edge_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
)

var update = flag.Bool("update", false, "write the exports again")

// image has the schema of the shop, as `buf build` writes it.
const image = "../../corsrpc/corscaddy/testdata/shop.binpb"

func newPolicy(t *testing.T, path string) *corsrpc.Policy {
	t.Helper()
	files, err := corsconfig.ReadImage(image)
	require.NoError(t, err)
	config, err := corsconfig.Load(files, path)
	require.NoError(t, err)
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	return policy
}

// An export is a `corsrpc export` of README.md.
type export struct {
	policy    string   // its path
	arguments []string // without the image and the policy
}

// exports returns each of them.
func exports(t *testing.T) (all []export) {
	t.Helper()
	text := strings.ReplaceAll(read(t, "README.md"), "\\\n", "")
	for line := range strings.Lines(text) {
		command, ok := strings.CutPrefix(line, "corsrpc export ")
		if !ok {
			continue
		}
		words := strings.Fields(command)
		require.Equal(t, []string{"--image", "image.binpb", "--policy"}, words[1:4], line)
		all = append(all, export{words[4], append(words[:1:1], words[5:]...)})
	}
	return all
}

// What is committed is what README.md's commands make of policy and schema.
func TestExportsAreFresh(t *testing.T) {
	t.Parallel()
	commands := exports(t)
	require.Len(t, commands, 9)
	for _, command := range commands {
		var output strings.Builder
		arguments := command.arguments
		if *update {
			arguments = slices.DeleteFunc(arguments, func(flag string) bool { return flag == "--check" })
		} else {
			arguments = append(arguments, "--check")
		}
		status := corsexport.Main(newPolicy(t, command.policy), arguments, &output, &output)
		assert.Zero(t, status, "%q: %s\nRun go test ./examples/edge -run TestExportsAreFresh -update", arguments, &output)
	}
}

// readDir returns the files of an export.
func readDir(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	files := map[string]string{}
	for _, entry := range entries {
		files[entry.Name()] = read(t, dir+"/"+entry.Name())
	}
	return files
}
