package corsconfig

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestNearest(t *testing.T) {
	t.Parallel()
	fields := []string{"", "origins", "credentials", "request_headers", "response_headers", "require_hosts", "hosts", "rest"}
	for name, want := range map[string]string{
		"credentails":            "credentials",
		"credential":             "credentials",
		"Origins":                "origins",
		"origin":                 "origins",
		"orgins":                 "origins",
		"requestHeaders":         "request_headers",
		"respnse-headers":        "response_headers",
		"REST":                   "rest",
		"host":                   "hosts",
		"cors":                   "",
		"":                       "",
		"x":                      "",
		"\xff":                   "",
		strings.Repeat("o", 999): "",
	} {
		assert.Equal(t, want, nearest(name, fields), name)
	}
	assert.Empty(t, nearest("of", []string{"inherit", "on", "off"}), "it could be either")
}
