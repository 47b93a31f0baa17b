// Package origin knows web origins: the grammar in which browsers serialize
// them, the patterns in which people list them, and sets of both.
//
// An origin is scheme://host or scheme://host:port (HTML, section 7.1.1,
// "serialization of an origin"). Browsers write it in exactly one form, so
// two origins are the same if and only if their bytes are: nothing here
// normalizes what a request carries.
package origin

import (
	"net/netip"
	"strconv"
	"strings"
)

const (
	// maxHost is the longest host name of the DNS (RFC 1035, section 2.3.4,
	// in text form), and maxLabel its longest label.
	maxHost  = 253
	maxLabel = 63
)

// A scheme whose origins may be listed as patterns.
type scheme uint8

const (
	http scheme = 1 << iota
	https
)

// cutScheme splits "http://" or "https://" off.
func cutScheme(s string) (scheme, string, bool) {
	if rest, ok := strings.CutPrefix(s, "https://"); ok {
		return https, rest, true
	}
	if rest, ok := strings.CutPrefix(s, "http://"); ok {
		return http, rest, true
	}
	return 0, s, false
}

// cutPort splits a host from what follows its last colon; the colons of an
// IPv6 address stand inside brackets.
func cutPort(hostport string) (host, port string, hasPort bool) {
	if strings.IndexByte(hostport, ':') < 0 {
		// Most have no port, and going through them from the left is a
		// quarter of the work.
		return hostport, "", false
	}
	i := strings.LastIndexByte(hostport, ':')
	if strings.IndexByte(hostport[i:], ']') >= 0 {
		return hostport, "", false
	}
	return hostport[:i], hostport[i+1:], true
}

// isPort reports whether browsers could write port in an origin of this
// scheme: a number from 1 to 65535 in its shortest form that is not the
// scheme's default, which they leave out. Port 0 cannot be connected to.
func isPort(s scheme, port string) bool {
	if port == "" || len(port) > len("65535") || port[0] == '0' {
		return false
	}
	n := 0
	for i := range len(port) {
		if port[i] < '0' || '9' < port[i] {
			return false
		}
		n = 10*n + int(port[i]-'0')
	}
	return n <= 65535 && !isDefaultPort(s, port)
}

func isDefaultPort(s scheme, port string) bool {
	return s == https && port == "443" || s == http && port == "80"
}

// isLabels reports whether s is one or more labels, separated by dots, as
// browsers write them: lower-case letters, digits, hyphens anywhere (the URL
// standard parses domains with CheckHyphens=false), and underscores.
func isLabels(s string) bool {
	length := 0 // of the current label
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_':
			if length++; length > maxLabel {
				return false
			}
		case c == '.' && length > 0:
			length = 0
		default:
			return false
		}
	}
	return length > 0
}

// endsInNumber is the "ends in a number checker" of the URL standard, section
// 3.5: such a host is an IPv4 address or fails to parse.
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// isIPv4 reports whether host is a dotted quad in its shortest form.
func isIPv4(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Is4()
}

// isIPv6 reports whether host is a bracketed IPv6 address as the URL
// standard's host serializer writes it.
func isIPv6(host string) bool {
	canonical, ok := canonicalIPv6(host)
	return ok && canonical == host
}

// canonicalIPv6 returns the form in which browsers write a bracketed IPv6
// address. It differs from [netip.Addr.String] in the IPv4-mapped addresses,
// whose last pieces are hexadecimal too.
func canonicalIPv6(host string) (string, bool) {
	if len(host) < 2 || host[0] != '[' || host[len(host)-1] != ']' {
		return "", false
	}
	addr, err := netip.ParseAddr(host[1 : len(host)-1])
	if err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", false
	}
	if b := addr.As16(); addr.Is4In6() {
		high := uint64(b[12])<<8 | uint64(b[13])
		low := uint64(b[14])<<8 | uint64(b[15])
		return "[::ffff:" + strconv.FormatUint(high, 16) + ":" + strconv.FormatUint(low, 16) + "]", true
	}
	return "[" + addr.String() + "]", true
}

// isLoopback reports whether the host can only be this machine: localhost and
// the names below it (RFC 6761, section 6.3), 127.0.0.0/8 and ::1.
func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "[::1]" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Is4() && addr.IsLoopback()
}

// SameHost reports whether an Origin names the host and port of a request's
// own Host header. Schemes are ignored, since TLS may end at a proxy in front
// of the server; so are the default ports of both, and the case of host, which
// a proxy may have changed.
func SameHost(origin, host string) bool {
	_, own, ok := cutScheme(origin)
	return ok && EqualHosts(own, host)
}

// EqualHosts reports whether host is own, which is in lower case, whatever the
// case of host, and with or without the default port of either scheme. An empty
// host equals none.
func EqualHosts(own, host string) bool {
	own, host = trimDefaultPort(own), trimDefaultPort(host)
	if len(own) != len(host) {
		return false
	}
	for i := range len(own) {
		c := host[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if own[i] != c {
			return false
		}
	}
	return own != ""
}

func trimDefaultPort(hostport string) string {
	if host, ok := strings.CutSuffix(hostport, ":443"); ok {
		return host
	}
	return strings.TrimSuffix(hostport, ":80")
}
