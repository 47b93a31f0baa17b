package origin

import (
	"regexp"
	"strings"
)

// Regexp returns a regular expression that matches the origins which the entry
// admits, from the first byte to the last, and the same ones in RE2 and in PCRE.
// There is one exception: it does not count the bytes of a host, so it also
// matches hosts that are longer than the DNS has names. It is empty if the entry
// admits any origin.
func (e Entry) Regexp() string {
	if e.any || e.text == "" {
		return ""
	}
	if e.suffix == "" && !e.wildPort {
		return "^" + regexp.QuoteMeta(e.text) + "$"
	}
	name, port := "https", otherThan443
	if e.scheme == http {
		name, port = "http", otherThan80
	}
	var b strings.Builder
	b.WriteString("^" + name + "://")
	if e.suffix != "" {
		b.WriteString(labels + regexp.QuoteMeta(e.suffix))
	} else {
		b.WriteString(regexp.QuoteMeta(e.host))
	}
	if e.wildPort {
		b.WriteString("(?::(?:" + port + "))?")
	}
	b.WriteString("$")
	return b.String()
}

const (
	// labels are those before a suffix that begins with a dot.
	labels = `[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*`
	// Ports from 1 to 65535 without the default one.
	fiveDigits   = `[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]`
	otherThan80  = `[1-9]|[1-79][0-9]|8[1-9]|[1-9][0-9]{2,3}|` + fiveDigits
	otherThan443 = `[1-9][0-9]?|[1-35-9][0-9]{2}|4[0-35-9][0-9]|44[0-24-9]|[1-9][0-9]{3}|` + fiveDigits
)
