package envoytest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// normalizations are what meshConfig.pathNormalization of Istio makes of a path:
// ProxyPathNormalization in istio.io/api v1.31.1, mesh/v1alpha1/config.proto.
// Older versions of Envoy unescape letters, digits and three other characters
// too; newer ones cut dot segments that have parameters.
var normalizations = map[string]func(path string) (string, bool){
	"NONE": nil,
	"BASE": func(path string) (string, bool) { return canonicalPath(withoutParameters(path), false) },
	"BASE, older": func(path string) (string, bool) {
		return canonicalPath(path, true)
	},
	"MERGE_SLASHES": func(path string) (string, bool) {
		path, ok := canonicalPath(path, true)
		return mergeSlashes(path), ok
	},
	"DECODE_AND_MERGE_SLASHES": func(path string) (string, bool) {
		path, ok := canonicalPath(withoutParameters(unescapeSlashes(path)), false)
		return mergeSlashes(path), ok
	},
}

// unescapeSlashes: PathUtil::unescapeSlashes (source/common/http/path_utility.cc).
func unescapeSlashes(path string) string {
	return strings.NewReplacer("%2F", "/", "%2f", "/", "%5C", `\`, "%5c", `\`).Replace(path)
}

// mergeSlashes: PathUtil::mergeSlashes (source/common/http/path_utility.cc).
func mergeSlashes(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// withoutParameters: PathUtil::stripParametersFromDotSegments
// (source/common/http/path_utility.cc).
func withoutParameters(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		for _, dots := range []string{"..", "."} {
			if strings.HasPrefix(s, dots+";") {
				segments[i] = dots
				break
			}
		}
	}
	return strings.Join(segments, "/")
}

// canonicalPath: PathUtil::canonicalPath (source/common/http/path_utility.cc) by
// url::CanonicalizePath of Chromium (url/url_canon_path.cc,
// DoPartialPathInternal and kPathCharLookup).
func canonicalPath(path string, unescape bool) (string, bool) {
	var out []byte
	if path == "" || path[0] != '/' && path[0] != '\\' {
		out = append(out, '/')
	}
	ok := true
	for i := 0; i < len(path); {
		c := path[i]
		dots := dotLength(path[i:])
		switch {
		case dots > 0 && (i == 0 || out[len(out)-1] == '/'):
			rest := path[i+dots:]
			second := dotLength(rest)
			switch {
			case endsSegment(rest):
				i = len(path) - len(rest) + min(1, len(rest))
			case second > 0 && endsSegment(rest[second:]):
				rest = rest[second:]
				out = backUp(out)
				i = len(path) - len(rest) + min(1, len(rest))
			default:
				out = append(out, '.')
				i += dots
			}
		case dots > 0:
			out = append(out, '.')
			i += dots
		case c == '\\':
			out = append(out, '/')
			i++
		case c == '%' && i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]):
			var decoded byte
			fmt.Sscanf(path[i+1:i+3], "%02x", &decoded)
			ok = ok && (decoded != 0 || !unescape)
			if unescape && (isAlphanumeric(decoded) || strings.IndexByte("-_~", decoded) >= 0) {
				out = append(out, decoded)
			} else {
				out = append(out, path[i:i+3]...)
			}
			i += 3
		case c < ' ' || c >= 0x7f || strings.IndexByte(" \"#<>?`{}", c) >= 0:
			out = fmt.Appendf(out, "%%%02X", c)
			i++
		default:
			out = append(out, c)
			i++
		}
	}
	return string(out), ok
}

// backUp removes the last segment.
func backUp(out []byte) []byte {
	if len(out) <= 1 {
		return out
	}
	return out[:strings.LastIndexByte(string(out[:len(out)-1]), '/')+1]
}

func dotLength(text string) int {
	switch {
	case strings.HasPrefix(text, "."):
		return 1
	case len(text) >= 3 && strings.EqualFold(text[:3], "%2e"):
		return 3
	}
	return 0
}

func endsSegment(rest string) bool { return rest == "" || rest[0] == '/' || rest[0] == '\\' }

func isAlphanumeric(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' }

func isHex(c byte) bool { return isAlphanumeric(c) && c|0x20 <= 'f' }

func TestNormalizations(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][4]string{ // BASE, older, MERGE_SLASHES, DECODE_AND_MERGE_SLASHES
		"/a/../b":      {"/b", "/b", "/b", "/b"},
		`/a\b`:         {"/a/b", "/a/b", "/a/b", "/a/b"},
		"/%41%2d":      {"/%41%2d", "/A-", "/A-", "/%41%2d"},
		"/a//b":        {"/a//b", "/a//b", "/a/b", "/a/b"},
		"/a%2f/b%5Cc":  {"/a%2f/b%5Cc", "/a%2f/b%5Cc", "/a%2f/b%5Cc", "/a/b/c"},
		"/a/%2e%2E/b":  {"/b", "/b", "/b", "/b"},
		"/a/..;x/b":    {"/b", "/a/..;x/b", "/a/..;x/b", "/b"},
		"/a/./.b/c..":  {"/a/.b/c..", "/a/.b/c..", "/a/.b/c..", "/a/.b/c.."},
		"/../..":       {"/", "/", "/", "/"},
		"/a/..":        {"/", "/", "/", "/"},
		"/\xc3\xbc":    {"/%C3%BC", "/%C3%BC", "/%C3%BC", "/%C3%BC"},
		"/a%zz%":       {"/a%zz%", "/a%zz%", "/a%zz%", "/a%zz%"},
		"/a/..%2fb/.c": {"/a/..%2fb/.c", "/a/..%2fb/.c", "/a/..%2fb/.c", "/b/.c"},
	} {
		for i, name := range []string{"BASE", "BASE, older", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"} {
			got, ok := normalizations[name](path)
			assert.True(t, ok)
			assert.Equal(t, want[i], got, "%s of %s", name, path)
		}
	}
	_, ok := normalizations["BASE, older"]("/a%00")
	assert.False(t, ok)
}
