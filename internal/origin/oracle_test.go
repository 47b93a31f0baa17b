package origin_test

import (
	"strconv"
	"strings"
)

// The oracle says what a list of origins admits, from the words of the design
// alone: comparison of strings, and loops over labels. It shares no code with
// the package and knows no shortcut.

// listAdmits reports whether one of the entries, each of them valid, admits
// the origin.
func listAdmits(entries []string, origin string) bool {
	for _, entry := range entries {
		if entryAdmits(entry, origin) {
			return true
		}
	}
	return false
}

func entryAdmits(entry, origin string) bool {
	if entry == "*" { // any Origin value, null included
		return true
	}
	if !strings.Contains(entry, "*") { // exact, byte-equal
		return entry == origin
	}
	scheme := entry[:strings.Index(entry, "://")]
	if !strings.HasPrefix(origin, scheme+"://") {
		return false
	}
	pattern, rest := entry[len(scheme+"://"):], origin[len(scheme+"://"):]
	if before, found := strings.CutSuffix(pattern, ":*"); found {
		// No port, or one that the scheme's browsers write.
		if hostAdmits(before, rest) {
			return true
		}
		colon := strings.LastIndex(rest, ":")
		return colon >= 0 && portOf(scheme, rest[colon+1:]) && hostAdmits(before, rest[:colon])
	}
	// The rest of the port must be the entry's own.
	if colon := strings.LastIndex(pattern, ":"); colon >= 0 {
		before, found := strings.CutSuffix(rest, pattern[colon:])
		return found && hostAdmits(pattern[:colon], before)
	}
	return hostAdmits(pattern, rest)
}

// hostAdmits compares a host, or a host after "*.", with a host of an origin.
func hostAdmits(pattern, host string) bool {
	if !strings.HasPrefix(pattern, "*.") {
		return pattern == host
	}
	if len(host) > 253 {
		return false
	}
	apex, labels := strings.Split(pattern[2:], "."), strings.Split(host, ".")
	if len(labels) <= len(apex) { // one or more labels, not the apex
		return false
	}
	more := len(labels) - len(apex)
	for i := range apex {
		if labels[more+i] != apex[i] {
			return false
		}
	}
	for _, label := range labels[:more] {
		if len(label) < 1 || len(label) > 63 {
			return false
		}
		for _, c := range []byte(label) {
			if !strings.Contains("abcdefghijklmnopqrstuvwxyz0123456789-_", string(rune(c))) {
				return false
			}
		}
	}
	return true
}

func portOf(scheme, port string) bool {
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
		return false
	}
	return !(scheme == "https" && n == 443) && !(scheme == "http" && n == 80)
}
