package corscaddy_test

import (
	"errors"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport/edgetest"
)

// The export for Caddy without this module is tested here, where Caddy is.

// Whatever is exported loads, or a Refusal says why not.
func FuzzExportLoads(f *testing.F) {
	for _, seed := range [][6]string{
		{"corsrpc", app, "/fonts/{x}/", "X-Name", "api.example.com", "/v1/products/*:read"},
		{"p", "http://[::1]:*", "/a\"b'c$d;e`f#g/\\", "X-$'`|~", "localhost:8080", "/v1/$uri/**"},
		{"http", "https://*.example.com:8443", "/a\nb\\c/", "default", "1.2.3.4", "/**:a:b"},
		{"a b;", "capacitor://$host_[x]~.:", "/~^(.*)+[/", "-", "a..b", "/%7B*/**"},
		{"corsrpc", app, "/a", "X", "x", "/v1/%7B%22x%7D/%7B$HOME%7D/%60%5C/*"},
		{"map", "app://" + strings.Repeat("x", 5000), "/" + strings.Repeat("ü", 900), strings.Repeat("X", 4500), "x", "/" + strings.Repeat("sk/", 31) + "x"},
		{"import", "app://import", "/import/{$HOME}/{args[0]}", "*", "default", "/{block}<<X"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], seed[5])
	}
	f.Fuzz(func(t *testing.T, prefix, o, path, name, host, template string) {
		if _, export := exported(t, prefix, o, path, name, host, template); export != nil {
			assert.NoError(t, validate(t, exportConfig(t, export)))
		}
	})
}

// Texts of characters that mean something to Caddy or to expressions.
func TestExportLoadsSpecialCharacters(t *testing.T) {
	draws := uint64(20)
	if *edgeAll {
		draws = 1500
	}
	words := []string{"{$HOME}", "{args[0]}", "{block}", "{host}", "{}", "<<X", "import ", "default", "\xff", "\u017f", "\u2028"}
	loaded := 0
	for seed := range draws {
		r := rand.New(rand.NewPCG(seed, 31))
		text := func(characters string) string {
			var b strings.Builder
			for range 1 + r.IntN(20) {
				if r.IntN(12) == 0 {
					b.WriteString(words[r.IntN(len(words))])
				} else {
					b.WriteByte(characters[r.IntN(len(characters))])
				}
			}
			return b.String()
		}
		const all = "abcXYZ019 \t\n\"'`$;{}#\\()[]*+?.|^~!&%@:=,<>/-_"
		prefix := "corsrpc"
		if r.IntN(4) == 0 {
			prefix = text("abc_{}`9")
		}
		_, export := exported(t, prefix, "app://"+text("aZ9.-_~:[]{}"), "/"+text(all)+"/{x}/"+text(all), text("aZ9$'`|~!#%&*+-.^_"), text("abc.-_019")+":8080", "/"+escaped(text("aZ9-._~!$&'()+,;=:@*{}\"#\\`")))
		if export != nil {
			loaded++
			assert.NoError(t, validate(t, exportConfig(t, export)))
		}
	}
	assert.Greater(t, loaded, int(draws/4))
}

// Characters that mean something to Caddy or to expressions stand for themselves.
func TestExportOfSpecialCharacters(t *testing.T) {
	draws := uint64(15)
	if *edgeAll {
		draws = 1000
	}
	loaded := 0
	for seed := range draws {
		r := rand.New(rand.NewPCG(seed, 29))
		text := func(characters string) string {
			var b strings.Builder
			for range 1 + r.IntN(20) {
				b.WriteByte(characters[r.IntN(len(characters))])
			}
			return b.String()
		}
		const all = "abcXYZ019 \t\n\"'`$;#\\()[]*+?.|^~!&%@:=,<>/-_\xc3\xbc"
		const token = "aZ9$'`|~!#%&*+-.^_"
		policy, export := exported(t, "corsrpc", "app://"+text("aZ9.-_~:[]"), "/"+text(all)+"/{x}/"+text(all), text(token), text("abc.-_019")+":8080", "/"+escaped(text("aZ9-._~!$&'()+,;=:@{}\"#\\`")))
		if export == nil {
			continue
		}
		loaded++
		backend := new(edgetest.Backend)
		upstream := httptest.NewServer(backend)
		caddy := startWith(t, string(export.Files[0].Data), "invoke corsrpc_policy\nreverse_proxy "+upstream.URL)
		report, err := edgetest.Run(t.Context(), "http://caddy", policy, edgetest.Options{
			Backend: backend, Host: "api.example.com", DialContext: caddy.dial, Size: 60, Seed: seed,
		})
		require.NoError(t, err, report)
		for _, d := range report.Differences {
			otherMethod := d.Class == edgetest.Loses && strings.HasPrefix(d.Request.About, "binding ")
			assert.True(t, d.Class == edgetest.Differs || otherMethod, "%s: %s: %s (%s)\nWrap   %s\nCaddy  %s", d.Class, d.What, d.Request, d.Request.About, d.Want, d.Got)
		}
		upstream.Close()
	}
	assert.Greater(t, loaded, int(draws/4))
}

// escaped returns a template of a text, whose other characters are escaped.
func escaped(text string) string {
	return strings.NewReplacer("/", "%2F", "{", "%7B", "}", "%7D", `"`, "%22", "#", "%23", `\`, "%5C", "`", "%60", "<", "%3C", " ", "%20", "$", "%24", "[", "%5B", "]", "%5D").Replace(strings.ToValidUTF8(text, "")) + "/**"
}

// exported makes a policy of texts, without those that New does not take, and
// exports it. There is no export if it is refused.
func exported(t testing.TB, prefix, o, path, name, host, template string) (*corsrpc.Policy, *corsexport.Export) {
	t.Helper()
	files, err := corsconfig.ReadImage("testdata/shop.binpb")
	require.NoError(t, err)
	config := corsrpc.Config{
		Files:           files,
		Origins:         []string{o, app},
		RequestHeaders:  []string{name},
		ResponseHeaders: []string{name},
		Hosts:           []string{host, "api.example.com"},
		RequireHosts:    true,
		Audiences:       map[string][]string{"storefront": nil, "backoffice": {o}},
		REST:            corsrpc.RESTGateway,
		Bindings:        map[string][]string{"acme.shop.v1.CatalogService.GetProduct": {name + " " + template, "POST " + template}},
		Resources:       map[string]corsrpc.Resource{path: {Origins: []string{o}, Methods: []string{name}, RequestHeaders: []string{name}}},
	}
	for range 8 { // without what it does not take
		policy, err := corsrpc.New(config)
		if err == nil {
			export, err := corsexport.Caddyfile(policy, corsexport.Options{Prefix: prefix})
			var refusal *corsexport.Refusal
			if err != nil {
				require.True(t, errors.As(err, &refusal), "%v", err)
				assert.Nil(t, export)
			}
			return policy, export
		}
		var mistake *corsrpc.ConfigError
		require.True(t, errors.As(err, &mistake), "%v", err)
		switch field, _, _ := strings.Cut(mistake.Field, "["); field {
		case "Origins", "Audiences":
			config.Origins, config.Audiences["backoffice"], config.Resources = []string{app}, nil, nil
		case "Resources":
			config.Resources = nil
		case "RequestHeaders", "ResponseHeaders":
			config.RequestHeaders, config.ResponseHeaders = nil, nil
		case "Hosts", "RequireHosts":
			config.Hosts, config.RequireHosts = nil, false
		default:
			if bindings := config.Bindings["acme.shop.v1.CatalogService.GetProduct"]; len(bindings) > 1 {
				config.Bindings["acme.shop.v1.CatalogService.GetProduct"] = bindings[1:]
			} else {
				config.REST, config.Bindings = corsrpc.RESTNone, nil
			}
		}
	}
	t.Fatal("no part of the policy can be loaded")
	return nil, nil
}

// exportConfig returns the JSON of a Caddyfile with an export, which is the same
// whether the export is imported or stands in the Caddyfile itself.
func exportConfig(t testing.TB, export *corsexport.Export) []byte {
	t.Helper()
	file := write(t, filepath.Join(t.TempDir(), export.Files[0].Name), string(export.Files[0].Data))
	name := strings.TrimSuffix(export.Files[0].Name, ".caddyfile")
	site := "\nhttp://:0 {\n\tinvoke " + name + "_policy\n\trespond 200\n}\n"
	imported, err := adapt("{\n\tadmin off\n}\nimport " + file + site)
	require.NoError(t, err)
	inline, err := adapt("{\n\tadmin off\n}\n" + string(export.Files[0].Data) + site)
	require.NoError(t, err)
	assert.Equal(t, string(inline), string(imported))
	assert.Equal(t, string(export.Files[0].Data), string(caddyfile.Format(export.Files[0].Data)), "caddy fmt changes it")
	return imported
}

// What docs/edge-caddyfile.md shows can be loaded.
func TestExportDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/edge-caddyfile.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?ms)^```caddyfile\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, blocks)
	export, err := corsexport.Caddyfile(newPolicy(t, "testdata/policy.yaml"), corsexport.Options{})
	require.NoError(t, err)
	file := write(t, filepath.Join(t.TempDir(), export.Files[0].Name), string(export.Files[0].Data))
	for _, block := range blocks {
		config := block[1]
		if !strings.HasPrefix(config, "{") { // part of a file
			config = "{\n}\nimport /etc/caddy/corsrpc/corsrpc.caddyfile\n" + config
		}
		adapted, err := adapt(strings.NewReplacer(
			"/etc/caddy/corsrpc/corsrpc.caddyfile", file,
			"\napi.example.com", "\nhttp://api.example.com:0", // no certificates
		).Replace(strings.Replace(config, "{\n", "{\n\tadmin off\n", 1)))
		require.NoError(t, err)
		assert.Contains(t, string(adapted), `{"handler":"invoke","name":"corsrpc_policy"}`)
		assert.NoError(t, validate(t, adapted))
		_, afterPolicy, _ := strings.Cut(string(adapted), `{"handler":"invoke"`)
		for _, handler := range []string{"authentication", "reverse_proxy"} {
			assert.Equal(t, strings.Count(string(adapted), `"handler":"`+handler+`"`), strings.Count(afterPolicy, `"handler":"`+handler+`"`), "%s comes before the policy", handler)
		}
	}
}
