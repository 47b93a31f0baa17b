package corsconfig_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
)

// What Marshal writes is read as the same Config, whatever its text: as YAML, and
// as a change to a file that says something else.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		random := &randomConfig{rand.New(rand.NewPCG(seed, 15))}
		config := random.config()
		text, err := corsconfig.Marshal(config)
		require.NoError(t, err)
		got, err := corsconfig.DecodeConfig(text)
		require.NoError(t, err, "%s", text)
		require.Equal(t, plain(config), got, "seed %d:\n%s", seed, text)
		again, err := corsconfig.Marshal(got)
		require.NoError(t, err)
		require.Equal(t, string(text), string(again), "the text of a Config does not depend on its past")
	}
}

func TestMarshalRefuses(t *testing.T) {
	t.Parallel()
	for want, config := range map[string]corsrpc.Config{
		`corsconfig: origins[1]: "\xff" is not UTF-8 text`:                {Origins: []string{"a", "\xff"}},
		`corsconfig: audiences: "\xff" is not UTF-8 text`:                 {Audiences: map[string][]string{"\xff": {}}},
		`corsconfig: audiences["a"][0]: "\xff" is not UTF-8 text`:         {Audiences: map[string][]string{"a": {"\xff"}}},
		`corsconfig: protocols[0]: Protocol has no value 0`:               {Protocols: []corsrpc.Protocol{0}},
		`corsconfig: protocols[0]: Protocol has no value 200`:             {Protocols: []corsrpc.Protocol{200}},
		`corsconfig: rest: REST has no value 9`:                           {REST: 9},
		`corsconfig: overrides["a.B"].credentials: Switch has no value 3`: {Overrides: map[string]corsrpc.Override{"a.B": {Credentials: 3}}},
	} {
		_, err := corsconfig.Marshal(config)
		assert.EqualError(t, err, want)
	}
}

// plain returns what a file can tell of a Config: nil and empty lists are one
// where they mean the same.
func plain(c corsrpc.Config) corsrpc.Config {
	nilIfEmpty(&c.Origins, &c.RequestHeaders, &c.ResponseHeaders, &c.ResponseTrailers, &c.Except, &c.ExplainTo, &c.ExplainIgnore)
	c.Bindings, c.Audiences = plainLists(c.Bindings), plainLists(c.Audiences)
	if len(c.Overrides) == 0 {
		c.Overrides = nil
	}
	for name, o := range c.Overrides {
		nilIfEmpty(&o.RequestHeaders, &o.ResponseHeaders, &o.ResponseTrailers)
		c.Overrides[name] = o
	}
	if len(c.Resources) == 0 {
		c.Resources = nil
	}
	for path, r := range c.Resources {
		nilIfEmpty(&r.Origins, &r.Methods, &r.RequestHeaders, &r.ResponseHeaders)
		c.Resources[path] = r
	}
	return c
}

func nilIfEmpty(lists ...*[]string) {
	for _, list := range lists {
		if len(*list) == 0 {
			*list = nil
		}
	}
}

// plainLists is for maps of lists, whose keys say that the list is there.
func plainLists(lists map[string][]string) map[string][]string {
	if len(lists) == 0 {
		return nil
	}
	for name, list := range lists {
		if list == nil {
			lists[name] = []string{}
		}
	}
	return lists
}

type randomConfig struct{ *rand.Rand }

func (r *randomConfig) config() corsrpc.Config {
	c := corsrpc.Config{
		Origins: r.list(), Credentials: r.bool(), RequestHeaders: r.list(), ResponseHeaders: r.list(), ResponseTrailers: r.list(),
		REST: corsrpc.REST(r.IntN(4)), Bindings: r.lists(), Services: r.list(), Except: r.list(), Audiences: r.lists(),
		PathPrefix: r.text(), Hosts: r.list(), RequireHosts: r.bool(), RequireFetchMetadata: r.bool(), MaxAge: r.duration(),
		ReportOnly: r.bool(), ExplainTo: r.list(), ExplainIgnore: r.list(), DangerouslyAllowInsecureOrigins: r.bool(), DangerouslyAllowPublicSuffixes: r.bool(),
	}
	if r.bool() {
		c.Protocols = []corsrpc.Protocol{}
		for range r.IntN(4) {
			c.Protocols = append(c.Protocols, corsrpc.Protocol(1+r.IntN(3)))
		}
	}
	c.Overrides, c.Resources = map[string]corsrpc.Override{}, map[string]corsrpc.Resource{}
	for range r.IntN(3) {
		c.Overrides[r.text()] = corsrpc.Override{
			Origins: r.list(), Credentials: r.toggle(), ReportOnly: r.toggle(), Internal: r.bool(), Links: r.toggle(),
			RequestHeaders: r.list(), ResponseHeaders: r.list(), ResponseTrailers: r.list(),
		}
		c.Resources[r.text()] = corsrpc.Resource{
			Origins: r.list(), Credentials: r.bool(), Methods: r.list(), RequestHeaders: r.list(), ResponseHeaders: r.list(), MaxAge: r.duration(),
		}
	}
	return c
}

func (r *randomConfig) bool() bool             { return r.IntN(2) == 0 }
func (r *randomConfig) toggle() corsrpc.Switch { return corsrpc.Switch(r.IntN(3)) }

func (r *randomConfig) duration() time.Duration {
	switch r.IntN(4) {
	case 0:
		return 0
	case 1:
		return time.Duration(r.IntN(48*3600)-3600) * time.Second
	case 2:
		return time.Duration(r.IntN(100)) * time.Minute
	}
	return time.Duration(r.Uint64())
}

func (r *randomConfig) lists() map[string][]string {
	lists := map[string][]string{}
	for range r.IntN(3) {
		lists[r.text()] = r.list()
	}
	return lists
}

func (r *randomConfig) list() []string {
	switch n := r.IntN(5); n {
	case 0:
		return nil
	default:
		list := make([]string, n-1)
		for i := range list {
			list[i] = r.text()
		}
		return list
	}
}

// text returns what files are likely to get wrong: text that YAML takes for
// something else, and text that needs quotes.
func (r *randomConfig) text() string {
	known := []string{
		"", "https://*.example.com", "http://localhost:*", "*", "&a", "*a", "!x", "null", "~", "true", "No", "on", "1", "0x1f", "1_000", ".5", "1e3", ".inf",
		"2001-01-01", "12:30:45", "a: b", "a #b", "- a", "? a", "| a", "> a", "%a", "@a", "`a`", "{", "[a", "]", ",", "'", `"`, `\`, "<<", "=", "...", "---",
		" a", "a ", "\ta", "a\t", "a\nb", "\na", "a\n", "a\n\n", "\r", "\r\n", "a\rb", "\x00", "\x1b[31m", "\x7f", "\u0085", "\u00a0", "\u2028", "\ufeff", "\ufffe", "é", "日本", "😀", "{}", "[]",
	}
	switch r.IntN(4) {
	case 0:
		return fmt.Sprintf("https://app-%d.example.com", r.IntN(1000))
	case 1:
		var text strings.Builder
		for range r.IntN(8) {
			if c := rune(r.IntN(0x300)); utf8.ValidRune(c) {
				text.WriteRune(c)
			}
		}
		return text.String()
	case 2:
		return known[r.IntN(len(known))] + known[r.IntN(len(known))]
	}
	return known[r.IntN(len(known))]
}
