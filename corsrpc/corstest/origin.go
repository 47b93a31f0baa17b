package corstest

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// An origin is a tuple origin, or an opaque one: the zero value, which
// serialises to "null" and is the same as no origin, not even itself (HTML,
// "Origin").
type origin struct {
	scheme, host, port string // port is empty where it is the scheme's own
}

// parseOrigin reads the serialisation of an origin, as scripts see it in
// window.origin and servers in the Origin header.
func parseOrigin(s string) (origin, error) {
	if s == "null" {
		return origin{}, nil
	}
	u, err := url.Parse(s)
	if err != nil {
		return origin{}, fmt.Errorf("%q is not an origin: %w", s, err)
	}
	if u.Scheme == "" || u.Host == "" {
		return origin{}, fmt.Errorf("%q is not an origin: write scheme://host[:port], such as https://app.example.com, or null", s)
	}
	o := originOf(u)
	if o.String() != s {
		return origin{}, fmt.Errorf("%q is not how a browser writes an origin: write %q", s, o)
	}
	return o, nil
}

// originOf returns the origin of a URL that has a host.
func originOf(u *url.URL) origin {
	o := origin{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Hostname()), port: u.Port()}
	if o.scheme == "http" && o.port == "80" || o.scheme == "https" && o.port == "443" {
		o.port = ""
	}
	return o
}

func (o origin) opaque() bool { return o == origin{} }

// String serialises the origin.
func (o origin) String() string {
	if o.opaque() {
		return "null"
	}
	s := o.scheme + "://" + o.bracketedHost()
	if o.port != "" {
		s += ":" + o.port
	}
	return s
}

func (o origin) bracketedHost() string {
	if strings.Contains(o.host, ":") {
		return "[" + o.host + "]"
	}
	return o.host
}

// sameOrigin is HTML's "same origin".
func (o origin) sameOrigin(other origin) bool { return !o.opaque() && o == other }

// sameSite is HTML's "same site", which looks at the scheme but not at the
// port.
func (o origin) sameSite(other origin) bool {
	return !o.opaque() && !other.opaque() && o.site() == other.site()
}

// site is the scheme and the registrable domain, or the whole host where it
// has none: an IP address, localhost, a public suffix.
func (o origin) site() string {
	domain := o.host
	if _, err := netip.ParseAddr(o.host); err != nil {
		if registrable, err := publicsuffix.EffectiveTLDPlusOne(o.host); err == nil {
			domain = registrable
		}
	}
	return o.scheme + "://" + domain
}

// trustworthy reports whether browsers treat the origin of a URL as safe from
// the network (Secure Contexts, "Is origin potentially trustworthy?").
func (o origin) trustworthy() bool { return o.scheme == "https" || o.loopback() }

func (o origin) loopback() bool {
	if o.host == "localhost" || strings.HasSuffix(o.host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(o.host)
	return err == nil && ip.IsLoopback()
}
