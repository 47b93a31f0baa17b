package origin

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// An Entry is one line of a list of origins: an exact origin, a pattern, or
// any origin at all. Entries come from [Parse]; the zero Entry matches
// nothing.
type Entry struct {
	text     string
	any      bool   // "*"
	scheme   scheme // 0 for exact origins of other schemes
	suffix   string // after "*", as ".example.com:8443", without ":*"
	host     string // without "*.", brackets included
	wildPort bool   // ":*"
}

// Parse reads one entry:
//
//	https://app.example.com    exactly this origin
//	http://localhost:8080      with a port
//	https://*.example.com      one or more labels in place of the star, not the apex
//	http://localhost:*         any port and none
//	chrome-extension://id      another scheme: exactly these bytes
//	*                          any origin, null included
//
// An entry must be what a browser sends, to the byte. The error is what is wrong
// with it and, if there is one, which entry to write instead.
func Parse(s string) (Entry, error) {
	entry, err := Check(s)
	if err == nil {
		return entry, nil
	}
	if instead, ok := suggest(s); ok {
		return Entry{}, fmt.Errorf("%w; write %q", err, instead)
	}
	return Entry{}, err
}

// Check is [Parse] without the search for an entry to write instead, which
// takes twenty times as long: for origins that come from the network.
func Check(s string) (Entry, error) {
	switch s {
	case "*":
		return Entry{text: s, any: true}, nil
	case "":
		return Entry{}, errors.New("is empty: write scheme://host, such as https://app.example.com")
	case "null":
		return Entry{}, errors.New("is the origin of every sandboxed frame and every local file, whatever the site, so it cannot be listed: serve the page from an https origin")
	}
	if !utf8.ValidString(s) {
		return Entry{}, errors.New("is not UTF-8 text")
	}
	if name, _, ok := strings.Cut(s, ":"); ok {
		if reason, ok := refusedSchemes[strings.ToLower(name)]; ok {
			return Entry{}, errors.New(reason)
		}
	}
	if strings.Contains(s, ",") {
		return Entry{}, errors.New("is a list: put each origin in its own list element")
	}
	name, rest, found := strings.Cut(s, "://")
	if !found {
		return Entry{}, errors.New("has no scheme: an origin is scheme://host")
	}
	if !isScheme(name) {
		if strings.TrimSpace(name) != name {
			return Entry{}, checkExtras(name)
		}
		return Entry{}, errors.New("has a scheme that is not valid: begin it with a lower-case letter, then use lower-case letters, digits, +, - and dots")
	}
	if err := checkExtras(rest); err != nil {
		return Entry{}, err
	}
	if name != "http" && name != "https" {
		return parseOther(s, rest)
	}
	return parseWeb(s)
}

// refusedSchemes are those whose pages send another origin than the scheme
// suggests.
var refusedSchemes = map[string]string{
	"file":       "is not an origin that browsers send: pages from files send null; serve them from http://localhost",
	"data":       "is not an origin that browsers send: data URLs send null",
	"blob":       "is not an origin that browsers send: a blob has the origin of the page that made it; list that one",
	"about":      "is not an origin that browsers send: such a page has the origin of its opener; list that one",
	"filesystem": "is not an origin that browsers send: it has the origin of the page that made it; list that one",
	"javascript": "is not an origin that browsers send: it has the origin of the page; list that one",
	"ws":         "is not an origin that browsers send: a WebSocket has the origin of its page; list that one",
	"wss":        "is not an origin that browsers send: a WebSocket has the origin of its page; list that one",
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || (c < '0' || '9' < c) && c != '+' && c != '-' && c != '.') {
			return false
		}
	}
	return s != ""
}

// checkExtras names the parts of a URL that an origin does not have.
func checkExtras(rest string) error {
	for _, r := range rest {
		switch {
		case r == '/' || r == '\\':
			return errors.New("has a path: an origin ends after its host and port")
		case r == '?':
			return errors.New("has a query: an origin ends after its host and port")
		case r == '#':
			return errors.New("has a fragment: an origin ends after its host and port")
		case r == '@':
			return errors.New("has user information, which no origin has")
		case r <= ' ' || r == 0x7f:
			return errors.New("contains white space or a control character, which no origin has")
		case r > 0x7f:
			return errors.New("contains a character that browsers write in Punycode (A-labels)")
		}
	}
	return nil
}

func parseOther(s, rest string) (Entry, error) {
	if strings.Contains(rest, "*") {
		return Entry{}, errors.New("has a pattern, which only http and https origins can have: list each origin by itself")
	}
	if rest == "" {
		return Entry{}, errors.New("has no host: an origin is scheme://host")
	}
	if strings.Trim(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_~:[]") != "" {
		return Entry{}, errors.New("has a host that is not valid: use letters, digits and .-_~:[] only")
	}
	return Entry{text: s}, nil
}

func parseWeb(s string) (Entry, error) {
	entry := Entry{text: s}
	var rest string
	entry.scheme, rest, _ = cutScheme(s)
	host, port, hasPort := cutPort(rest)
	subdomains := strings.HasPrefix(host, "*.")
	if subdomains {
		entry.suffix = rest[1:]
		host = host[2:]
	}
	if err := checkHost(host, subdomains); err != nil {
		return Entry{}, err
	}
	entry.host = host
	switch {
	case !hasPort:
	case port == "*":
		entry.wildPort = true
		entry.suffix = strings.TrimSuffix(entry.suffix, ":*")
	case isDefaultPort(entry.scheme, port):
		return Entry{}, errors.New("names the scheme's default port, which browsers leave out")
	case !isPort(entry.scheme, port):
		return Entry{}, errors.New("has a port that is not valid: write a number from 1 to 65535 without leading zeros")
	}
	return entry, nil
}

func checkHost(host string, subdomains bool) error {
	const star = "has a * in a place where it means nothing: it can stand for whole labels before the host (https://*.example.com) and for the port (http://localhost:*)"
	switch {
	case host == "":
		return errors.New("has no host: an origin is scheme://host")
	case strings.Contains(host, "*"):
		return errors.New(star)
	case host[0] == '[':
		if subdomains {
			return errors.New("has a pattern on an IP address, which has no subdomains: list the address itself")
		}
		if !isIPv6(host) {
			return errors.New("has an IPv6 address in another form than browsers send: write it in brackets, compressed, in lower case, without a zone")
		}
		return nil
	case strings.ToLower(host) != host:
		return errors.New("has upper-case letters, which browsers write in lower case")
	case strings.HasSuffix(host, "."):
		return errors.New("has a host that ends in a dot, which makes it another origin than without")
	case !isLabels(host):
		return errors.New("has a host that is not labels of letters, digits, hyphens and underscores, each of 1 to 63 characters, separated by dots")
	case endsInNumber(host) && subdomains:
		return errors.New("has a pattern on an IP address, which has no subdomains: list the address itself")
	case endsInNumber(host) && !isIPv4(host):
		return errors.New("has a host that ends in a number and is not an IPv4 address as browsers send it: write four decimal numbers, such as 127.0.0.1")
	case len(host) > maxHost, subdomains && len("x.")+len(host) > maxHost:
		return errors.New("has a host longer than 253 characters, the limit of the DNS")
	}
	return nil
}

// suggest returns the entry that was probably meant.
func suggest(s string) (string, bool) {
	if s = strings.TrimSpace(s); s == "" || strings.EqualFold(s, "null") || !utf8.ValidString(s) {
		return "", false
	}
	s = strings.TrimPrefix(s, "blob:")
	bare := !strings.Contains(s, "://")
	if bare {
		s = "https://" + s
	}
	// "*" is not a port to url.Parse.
	s, wildPort := strings.CutSuffix(s, ":*")
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return "", false
	}
	name, host, port := strings.ToLower(u.Scheme), u.Hostname(), u.Port()
	switch name {
	case "ws":
		name = "http"
	case "wss":
		name = "https"
	case "http", "https":
	default:
		// The hosts of other schemes are not normalized (URL, "opaque host").
		instead := name + "://" + u.Host
		_, err = Check(instead)
		return instead, err == nil && !wildPort
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		if host, _ = canonicalIPv6("[" + host + "]"); host == "" {
			return "", false
		}
	} else {
		labels, subdomains := strings.CutPrefix(strings.TrimSuffix(host, "."), "*.")
		if host, err = domainToASCII.ToASCII(labels); err != nil {
			host = strings.ToLower(labels)
		}
		switch {
		case bare && (host == "http" || host == "https"): // "https:/host"
			return "", false
		case bare && isLoopback(host):
			name = "http"
		}
		if subdomains {
			host = "*." + host
		}
	}
	instead := name + "://" + host
	switch {
	case wildPort:
		instead += ":*"
	case port != "" && !(name == "https" && port == "443" || name == "http" && port == "80"):
		instead += ":" + port
	}
	_, err = Check(instead)
	return instead, err == nil
}

// domainToASCII is the "domain to ASCII" of the URL standard, section 3.3,
// with beStrict false: hyphens and underscores anywhere.
var domainToASCII = idna.New(
	idna.MapForLookup(),
	idna.BidiRule(),
	idna.CheckHyphens(false),
	idna.StrictDomainName(false),
)

// String returns the entry as it was written.
func (e Entry) String() string { return e.text }

// Any reports whether the entry admits any origin.
func (e Entry) Any() bool { return e.any }

// Insecure reports whether the entry admits pages that came over plain HTTP
// from another machine, which whoever is on the network can write.
func (e Entry) Insecure() bool {
	return e.scheme == http && !isLoopback(e.host)
}

// PublicSuffix reports whether the entry is a pattern that spans the sites of
// unrelated registrants: one on a public suffix, or on a domain all of whose
// children are public suffixes (https://publicsuffix.org/list/, with its
// private section).
func (e Entry) PublicSuffix() bool {
	if e.suffix == "" || isLoopback(e.host) {
		return false
	}
	// No list names this label, so it stands for any child.
	child := "corsrpc-any-child." + e.host
	return isPublicSuffix(e.host) || isPublicSuffix(child)
}

func isPublicSuffix(domain string) bool {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return suffix == domain
}
