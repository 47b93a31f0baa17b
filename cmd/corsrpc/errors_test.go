package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// What cannot be done has the exit status 2, prints nothing to stdout, and says
// what to write.
func TestRefuses(t *testing.T) {
	t.Parallel()
	dir := newDirectory(t)
	dir.write(t, "empty.binpb", nil)
	dir.write(t, "text.binpb", []byte("syntax = \"proto3\";\n"))
	dir.write(t, "json.binpb", []byte(" {\"file\": []}"))
	dir.write(t, "zstd.binpb", []byte("\x28\xb5\x2f\xfd...."))
	dir.write(t, "gzip.binpb", []byte("\x1f\x8bno"))
	shop := shopImage(t)
	image, err := proto.Marshal(shop)
	require.NoError(t, err)
	dir.write(t, "cut.binpb", image[:len(image)-7])
	double, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: append(shop.File, shop.File[0])})
	require.NoError(t, err)
	dir.write(t, "double.binpb", double)
	dir.write(t, "no.pem", []byte("no"))

	_, err = os.Open(dir.path("missing.yaml"))
	notFound := errors.Unwrap(err).Error() // in the words of the system

	const (
		explain = "explain --image shop.binpb --policy policy.yaml --origin https://app.example.com "
		call    = "--call acme.shop.v1.CartService/AddItem "
		export  = "export --image shop.binpb --policy policy.yaml "
	)
	for command, want := range map[string]string{
		"":                         "corsrpc rules",
		"rulez":                    `corsrpc: there is no command "rulez"`,
		"--image shop.binpb rules": `there is no command "--image"`,
		"rules --imag shop.binpb":  "corsrpc rules: flag provided but not defined: -imag",
		"rules --image":            "corsrpc rules: flag needs an argument: -image",
		"rules":                    "where are the services? Give --image with what `buf build -o image.binpb` writes, or --reflect",
		"rules --image shop.binpb --reflect http://localhost":              "give either --image or --reflect",
		"rules --image shop.binpb surplus":                                 `the argument "surplus" is not expected here`,
		"rules --image shop.binpb --format yaml":                           `--format "yaml": write text or json`,
		"rules --image shop.binpb --policy missing.yaml":                   "missing.yaml: cannot be read: " + notFound,
		"rules --image shop.binpb --policy broken.yaml":                    `broken.yaml:3:1: unknown field "credentails"; did you mean credentials?`,
		"rules --image shop.binpb --timeout 0s":                            "--timeout 0s: write a duration above zero, such as 10s",
		"rules --image shop.binpb --timeout soon":                          `invalid value "soon" for flag -timeout`,
		"rules --image missing.binpb":                                      notFound,
		"rules --image empty.binpb":                                        "empty.binpb has no files",
		"rules --image text.binpb":                                         "text.binpb is not a buf image or FileDescriptorSet",
		"rules --image json.binpb":                                         "json.binpb is JSON, which loses options",
		"rules --image zstd.binpb":                                         "zstd.binpb is compressed with zstd, which is not supported",
		"rules --image gzip.binpb":                                         "gzip.binpb: unexpected EOF",
		"rules --image cut.binpb":                                          "cut.binpb is not a buf image or FileDescriptorSet",
		"rules --image double.binpb":                                       "double.binpb: ",
		"rules --image " + string(dir):                                     "corsrpc rules: ",
		"rules --reflect localhost:8080":                                   `"localhost:8080": write a URL such as https://api.example.com`,
		"rules --reflect https://localhost --cacert " + dir.path("no.pem"): "no.pem has no certificates in PEM form",

		"explain --image shop.binpb":                                       "give --policy with a policy file",
		"explain --image shop.binpb --policy policy.yaml":                  "give --origin and --call, or --curl",
		"explain --policy policy.yaml --origin https://a.example --call a": "where are the services?",
		explain: "give --origin and --call, or --curl",
		"explain --image shop.binpb --policy policy.yaml --origin app.example.com " + call: `--origin: "app.example.com" is not an origin: write scheme://host[:port], such as https://app.example.com, or null`,
		explain + call + "--protocol soap":                                                 `--protocol "soap": write connect, get, grpc-web or rest`,
		explain + call + "-X PUT":                                                          "-X is for --protocol rest alone",
		explain + call + "--protocol rest -X GE/T":                                         "GE/T",
		explain + call + "-H X-Debug":                                                      `-H "X-Debug": write Name: value`,
		explain + call + "-H X/Debug:1":                                                    `-H "X/Debug:1": write Name: value`,
		explain + call + "--url localhost":                                                 `--url "localhost": write a URL such as https://api.example.com`,
		explain + call + "--format xml":                                                    `--format "xml": write text or json`,
		explain + call + "surplus":                                                         `the argument "surplus" is not expected here`,
		explain + call + "--curl curl":                                                     "--curl has the whole request: leave out --call, --url, -X and -H",
		explain + "--curl @missing.txt":                                                    "--curl: open missing.txt: ",
		explain + "--curl curl":                                                            "--curl: there is no URL",
		explain + "--curl wget":                                                            "--curl: the text must begin with curl",
		explain + call + "--policy policy-absent.yaml":                                     "policy-absent.yaml: cannot be read",

		"check": "give the URL of the server",
		"check https://a.example https://b.example --origin https://c.example": `the argument "https://b.example" is not expected here: check takes one URL`,
		"check https://a.example":                                                       "give --origin with the origin of the page",
		"check https://a.example --origin a.example":                                    `--origin: "a.example" is not an origin`,
		"check https://a.example --origin https://b.example --profile safari":           `--profile "safari": write standard, chromium, firefox or webkit`,
		"check https://a.example --origin https://b.example --protocol grpc":            `--protocol "grpc": write connect, get, grpc-web, rest-gateway or rest-transcoding`,
		"check https://a.example --origin https://b.example --no-access --audience a":   "give either --audience or --no-access",
		"check https://a.example --origin https://b.example --no-audience --audience a": "give --no-audience without --audience and --no-access",
		"check https://a.example --origin https://b.example -H X":                       `-H "X": write Name: value`,
		"check a.example --origin https://b.example":                                    "write a URL such as https://api.example.com",
		"check a.example --image shop.binpb --no-audience --origin https://b.example":   `"a.example" is not an absolute URL of http or https`,

		"diff":            "give the old and the new image",
		"diff shop.binpb": "give the old and the new image",
		"diff shop.binpb next.binpb --policy-old policy.yaml":                          "give both --policy-old and --policy-new, or neither",
		"diff shop.binpb next.binpb --allow losses":                                    `--allow "losses": write gains`,
		"diff shop.binpb next.binpb --format html":                                     `--format "html": write text, json or github-actions`,
		"diff shop.binpb empty.binpb":                                                  "empty.binpb has no files",
		"diff empty.binpb shop.binpb":                                                  "empty.binpb has no files",
		"diff shop.binpb next.binpb --policy-old broken.yaml --policy-new policy.yaml": "old: ",
		"diff shop.binpb next.binpb --policy-old policy.yaml --policy-new broken.yaml": "new: ",

		"policy":                   "write `corsrpc policy validate F…` or `corsrpc policy print F…`",
		"policy validate":          "write `corsrpc policy validate F…`",
		"policy show policy.yaml":  `"show": write validate or print`,
		"policy print broken.yaml": `unknown field "credentails"`,
		"policy validate policy.yaml --image empty.binpb": "empty.binpb has no files",
		"exports": `there is no command "exports"`,

		"export":                         "give --image with what `buf build -o image.binpb` writes",
		"export json --image shop.binpb": "give --policy with a policy file",
		"export json --image missing.binpb --policy policy.yaml -o out": notFound,
		"export json --image shop.binpb --policy broken.yaml -o out":    `unknown field "credentails"`,
		export + "-o out":                                     "give the target: write ",
		export + "json":                                       "give -o with the directory to write the files to",
		export + "-o out varnish":                             `there is no target "varnish": write nginx`,
		export + "-o out json nginx":                          `the argument "nginx" is not expected here: export takes one target`,
		export + "-o out json --upstream shop":                "--upstream has no effect on json: leave it out",
		export + "-o out json --prefix a-b":                   `--prefix "a-b": is not a name that all parts of the files can have; use at most 64 letters`,
		export + "-o out json --host https://api.example.com": `--host "https://api.example.com": is not a host; write host or host:port`,
		export + "-o policy.yaml json":                        "policy.yaml",
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			r := execute(t.Context(), dir.args(strings.Fields(command)...)...)
			assert.Equal(t, failed, r.status)
			assert.Empty(t, r.stdout)
			assert.Contains(t, r.stderr, want)
			for line := range strings.Lines(r.stderr) {
				if command != "" && !strings.Contains(want, "there is no command") {
					assert.True(t, strings.HasPrefix(line, "corsrpc "+strings.Fields(command)[0]+": "), line)
				}
			}
		})
	}
}

// Flags can stand before, between and after arguments; after -- there are
// arguments alone.
func TestFlagsStandAnywhere(t *testing.T) {
	t.Parallel()
	dir := newDirectory(t)
	want := execute(t.Context(), dir.args("diff", "shop.binpb", "next.binpb", "--format", "json")...)
	require.Equal(t, findings, want.status)
	for _, command := range []string{
		"diff --format json shop.binpb next.binpb",
		"diff shop.binpb -format=json next.binpb",
		"diff --format=json shop.binpb -- next.binpb",
		"diff shop.binpb next.binpb --format text --format json",
	} {
		assert.Equal(t, want, execute(t.Context(), dir.args(strings.Fields(command)...)...), command)
	}
	r := execute(t.Context(), dir.args("diff", "--", "--format", "json")...)
	assert.Contains(t, r.stderr, "corsrpc diff: open --format: ", "%v", r)
}

// buf's images have more fields than a FileDescriptorSet, and can be compressed.
func TestImages(t *testing.T) {
	t.Parallel()
	dir := newDirectory(t)
	want := execute(t.Context(), dir.args("rules", "--image", "shop.binpb")...)
	require.Equal(t, fine, want.status)
	image, err := proto.Marshal(shopImage(t))
	require.NoError(t, err)

	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	_, err = w.Write(image)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	assert.Equal(t, want, execute(t.Context(), "rules", "--image", dir.write(t, "image.binpb.gz", compressed.Bytes())))

	// Without imports, as `buf build --exclude-imports` writes it.
	alone := shopImage(t)
	var own []*descriptorpb.FileDescriptorProto
	for _, file := range alone.File {
		if strings.HasPrefix(file.GetName(), "acme/") {
			own = append(own, file)
		}
	}
	image, err = proto.Marshal(&descriptorpb.FileDescriptorSet{File: own})
	require.NoError(t, err)
	assert.Equal(t, want, execute(t.Context(), "rules", "--image", dir.write(t, "alone.binpb", image)))
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"help"}, {"-h"}, {"--help"}} {
		r := execute(t.Context(), args...)
		assert.Equal(t, fine, r.status)
		assert.Empty(t, r.stderr)
		for _, c := range commands {
			assert.Contains(t, r.stdout, "corsrpc "+c.name+" ")
			r := execute(t.Context(), c.name, "-h")
			assert.Equal(t, fine, r.status)
			assert.Empty(t, r.stderr)
			assert.Contains(t, r.stdout, c.summary)
		}
	}
}

// A pipe that is closed is an error.
func TestBrokenPipe(t *testing.T) {
	t.Parallel()
	dir := newDirectory(t)
	for _, command := range []string{
		"rules --image shop.binpb", "rules --image shop.binpb --format json", "diff shop.binpb next.binpb", "diff shop.binpb next.binpb --format json",
		"diff shop.binpb next.binpb --format github-actions", "policy print policy.yaml", "policy validate policy.yaml", "policy validate broken.yaml",
		"export json --image shop.binpb --policy policy.yaml -o out", "export json --image shop.binpb --policy policy.yaml -o out --check",
		"explain --image shop.binpb --policy policy.yaml --origin https://app.example.com --call a.B/C",
	} {
		var stderr bytes.Buffer
		status := run(context.Background(), dir.args(strings.Fields(command)...), broken{}, &stderr)
		assert.Equal(t, failed, status, command)
		assert.Contains(t, stderr.String(), "broken pipe", command)
	}
}
