package corscaddy_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Mistakes name the file and what to write. `caddy adapt` finds those in the
// Caddyfile, and `caddy validate` all.
func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	broken := write(t, filepath.Join(dir, "broken.yaml"), `origins:
  - app.example.com
credentails: true
audiences:
  storefront: []
  backoffice: []
overrides:
  acme.shop.v1.CartServise: {credentials: on}
`)
	undecided := write(t, filepath.Join(dir, "undecided.yaml"), "origins: [https://app.example.com]\naudiences: {backoffice: []}\n")
	text := write(t, filepath.Join(dir, "shop.proto"), "syntax = \"proto3\";\n")
	absolute, err := filepath.Abs("missing.binpb")
	require.NoError(t, err)
	t.Setenv("SHOP_EMPTY", "")
	const good = " image testdata/shop.binpb\n policy testdata/policy.yaml\n"
	for _, test := range []struct {
		name, directive string
		adapts          bool
		want            []string
	}{
		{"no block", "corsrpc", true, []string{"image is missing: name the file that `buf build -o image.binpb` writes"}},
		{"an argument", "corsrpc shop.binpb", false, []string{`unexpected "shop.binpb": write image and policy into a block, at Caddyfile:3`}},
		{"no image", "corsrpc {\n policy testdata/policy.yaml\n}", true, []string{"image is missing"}},
		{"no policy", "corsrpc {\n image testdata/shop.binpb\n}", true, []string{"policy is missing: name at least one policy file"}},
		{"policy without a file", "corsrpc {\n policy\n}", false, []string{"policy with 0 arguments: write image <file>, policy <files...> or watch [<interval>], at Caddyfile:4"}},
		{"two images", "corsrpc {\n image a b\n}", false, []string{"image with 2 arguments", "Caddyfile:4"}},
		{"a second image", "corsrpc {\n image a\n image b\n}", false, []string{"a second image: one image can have all services", "Caddyfile:5"}},
		{"unknown subdirective", "corsrpc {\n origins *\n}", false, []string{`unknown subdirective "origins": write image, policy or watch`, "Caddyfile:4"}},
		{"watch never", "corsrpc {\n" + good + " watch 0s\n}", false, []string{`watch "0s": write how often to read the policy files, such as 3s`, "Caddyfile:6"}},
		{"watch sometimes", "corsrpc {\n" + good + " watch often\n}", false, []string{`watch "often"`}},
		{"missing image", "corsrpc {\n image missing.binpb\n policy testdata/policy.yaml\n}", true, []string{"image: open " + absolute + ": "}},
		{"image is no image", "corsrpc {\n image " + text + "\n policy testdata/policy.yaml\n}", true, []string{text + " is not a buf image or FileDescriptorSet", "write one with `buf build -o image.binpb`"}},
		{"missing policy", "corsrpc {\n image testdata/shop.binpb\n policy testdata/policy.yaml missing.yaml\n}", true, []string{"missing.yaml: cannot be read: "}},
		{"mistakes in a policy, all at once", "corsrpc {\n image testdata/shop.binpb\n policy " + broken + "\n}", true, []string{
			"policy: " + broken + `:2:5: origins[0]: "app.example.com" has no scheme: an origin is scheme://host; write "https://app.example.com"`,
			broken + `:3:1: unknown field "credentails"; did you mean credentials?`,
			broken + `:8:3: overrides["acme.shop.v1.CartServise"]: `,
		}},
		{"a policy that does not fit the services", "corsrpc {\n image testdata/shop.binpb\n policy " + undecided + "\n}", true, []string{undecided + `:2:1: audiences["storefront"]: is missing: the schema names this audience`}},
		{"with watch too", "corsrpc {\n image testdata/shop.binpb\n policy " + broken + "\n watch\n}", true, []string{broken + ":3:1: "}},
		{"unset variable", "corsrpc {\n image {env.SHOP_UNSET}/shop.binpb\n policy testdata/policy.yaml\n}", true, []string{`image: "{env.SHOP_UNSET}/shop.binpb": `, "write a placeholder that has a value when Caddy starts, such as {env.NAME}"}},
		{"empty variable", "corsrpc {\n image testdata/shop.binpb\n policy {env.SHOP_EMPTY}/policy.yaml\n}", true, []string{`policy: "{env.SHOP_EMPTY}/policy.yaml": `}},
		{"placeholder of a request", "corsrpc {\n image {path}\n policy testdata/policy.yaml\n}", true, []string{`image: "{http.request.uri.path}": `}},
	} {
		t.Run(test.name, func(t *testing.T) {
			config, err := adapt(":0 {\n bind 127.0.0.1\n " + test.directive + "\n}\n")
			require.Equal(t, test.adapts, err == nil, "%v", err)
			if err == nil {
				err = validate(t, config)
			}
			require.Error(t, err)
			for _, want := range test.want {
				assert.Contains(t, err.Error(), want)
			}
		})
	}
}

// validate does what `caddy validate` does with JSON.
func validate(t *testing.T, text []byte) error {
	t.Helper()
	var config *caddy.Config
	if err := caddy.StrictUnmarshalJSON(text, &config); err != nil {
		return err
	}
	return caddy.Validate(config)
}

func TestMistakesInJSON(t *testing.T) {
	const config = `{"apps":{"http":{"servers":{"shop":{"listen":["127.0.0.1:0"],"routes":[{"handle":[{"handler":"corsrpc",%s}]}]}}}}}`
	for fields, want := range map[string]string{
		`"image":"testdata/shop.binpb","policies":["testdata/policy.yaml"]`:                "policies",
		`"image":"testdata/shop.binpb","policy":"testdata/policy.yaml"`:                    "policy",
		`"image":"testdata/shop.binpb","policy":["testdata/policy.yaml"],"watch":"-3s"`:    "watch is negative: write how often to read the policy files, such as 3s",
		`"image":"testdata/shop.binpb","policy":["testdata/policy.yaml"],"watch":"always"`: "always",
		`"image":"testdata/shop.binpb","policy":["testdata/policy.yaml"],"watch":"3s"`:     "",
	} {
		err := validate(t, []byte(strings.Replace(config, "%s", fields, 1)))
		if want == "" {
			assert.NoError(t, err, fields)
		} else {
			assert.ErrorContains(t, err, want, fields)
		}
	}
}

// Files can be named by what the environment says when Caddy starts, and when the
// Caddyfile is read.
func TestPlaceholders(t *testing.T) {
	t.Setenv("SHOP_DIR", "testdata")
	config, err := adapt(":0 {\n bind 127.0.0.1\n corsrpc {\n image {env.SHOP_DIR}/shop.binpb\n policy {$SHOP_DIR}/policy.yaml\n }\n}\n")
	require.NoError(t, err)
	assert.Contains(t, string(config), `"image":"{env.SHOP_DIR}/shop.binpb","policy":["testdata/policy.yaml"]`)
	assert.NoError(t, validate(t, config))
}

// Wherever the directives stand in the Caddyfile, paths are rewritten before, and
// all that can respond comes after, authentication first.
func TestOrder(t *testing.T) {
	config, err := adapt(`:0 {
	reverse_proxy localhost:8080
	respond /health ok
	encode gzip
	request_header X-Via edge
	forward_auth localhost:9000 {
		uri /verify
	}
	basic_auth {
		ada $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG
	}
	corsrpc {
		image  image.binpb
		policy base.yaml
		policy production.yaml local.yaml
		watch
	}
	try_files {path} /index
	uri strip_prefix /api
	rewrite /a /b
	method /c POST
	redir /old /new
	header X-Edge 1
}
`)
	require.NoError(t, err)
	var names []string
	for _, handler := range handlers(t, config) {
		names = append(names, handler["handler"].(string))
		if handler["handler"] == "corsrpc" {
			assert.Equal(t, map[string]any{
				"handler": "corsrpc", "image": "image.binpb", "policy": []any{"base.yaml", "production.yaml", "local.yaml"}, "watch": 3e9,
			}, handler)
		}
	}
	assert.Equal(t, []string{
		"headers", "static_response", "rewrite", "rewrite", "rewrite", "rewrite",
		"corsrpc",
		"authentication", "reverse_proxy", "headers", "encode", "static_response", "reverse_proxy",
	}, names)
}

// handlers returns the handlers of a configuration, in the order in which requests
// come to them.
func handlers(t testing.TB, config []byte) (found []map[string]any) {
	t.Helper()
	var walk func(any)
	walk = func(value any) {
		switch value := value.(type) {
		case []any:
			for _, element := range value {
				walk(element)
			}
		case map[string]any:
			if handler, ok := value["handler"].(string); ok && handler != "subroute" {
				found = append(found, value)
				return // not what is inside
			}
			for _, key := range []string{"routes", "handle"} {
				walk(value[key])
			}
		}
	}
	var parsed struct {
		Apps struct {
			HTTP struct {
				Servers map[string]struct{ Routes []any }
			}
		}
	}
	require.NoError(t, json.Unmarshal(config, &parsed))
	for _, server := range parsed.Apps.HTTP.Servers {
		walk(server.Routes)
	}
	return found
}
