package edgetest

import (
	"net"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A sender is who sends a request, as its headers show.
type sender struct {
	header []Line
	host   string
	forged bool
	about  string
}

func (s *sender) hasOrigin() bool {
	return slices.ContainsFunc(s.header, func(l Line) bool { return l.Name == "Origin" })
}

// An originForm is the lines of Origin of a request.
type originForm struct {
	lines  []string
	forged bool
	about  string
}

const unlisted = "https://evil.test"

// extras are headers that decide about some requests.
var extras = [][]Line{{{"Cookie", "session=1"}}, {{"Sec-Purpose", "prefetch"}}, {{"Cookie", "session=1"}, {"Sec-Purpose", "prefetch;prerender"}}}

// senders returns all combinations of origins, values of Sec-Fetch-Site, and
// extras; nil stands for none of these.
func (m *matrix) senders(origins []originForm, extras [][]Line) []sender {
	if extras == nil {
		extras = [][]Line{nil}
	}
	var all []sender
	for _, o := range origins {
		for _, site := range []string{"", "same-origin", "same-site", "cross-site", "none", "future-site"} {
			for _, extra := range extras {
				s := sender{forged: o.forged, about: "origin: " + o.about}
				for _, line := range o.lines {
					s.header = append(s.header, Line{"Origin", line})
				}
				if site != "" {
					s.header = append(s.header, Line{headerSite, site})
				}
				s.header = append(s.header, extra...)
				all = append(all, s)
			}
		}
	}
	return all
}

// originKinds returns one origin of each kind.
func (m *matrix) originKinds(r *corsrpc.Rule) []originForm {
	listed := m.listedForms(r)
	return append(listed[:min(1, len(listed))],
		originForm{lines: []string{unlisted}, about: "not listed"},
		originForm{lines: []string{"https://" + m.host}, about: "the server's own"},
		originForm{about: "none"})
}

// fewSenders returns one sender for each step by which Wrap judges calls.
func (m *matrix) fewSenders(r *corsrpc.Rule) []sender {
	listed := "https://app.example.com"
	if forms := m.listedForms(r); len(forms) > 0 {
		listed = forms[0].lines[0]
	}
	site := func(value string) Line { return Line{headerSite, value} }
	origin := func(value string) Line { return Line{"Origin", value} }
	cookie := Line{"Cookie", "session=1"}
	all := []sender{
		{header: []Line{origin(listed), site("cross-site")}, about: "a page of a listed origin"},
		{header: []Line{origin(listed), site("cross-site"), cookie}, about: "a page of a listed origin, with cookies"},
		{header: []Line{origin(listed)}, about: "a page of a listed origin, over plain HTTP"},
		{header: []Line{origin(unlisted), site("cross-site")}, about: "a page that is not listed"},
		{header: []Line{origin(unlisted), cookie}, about: "a page that is not listed, over plain HTTP"},
		{header: []Line{site("cross-site"), cookie}, about: "an image or form"},
		{header: []Line{site("cross-site"), {"Sec-Fetch-Mode", "navigate"}, {"Sec-Fetch-Dest", "document"}, cookie}, about: "a link"},
		{header: []Line{site("none"), cookie}, about: "the user, who typed the address"},
		{header: []Line{site("none"), {"Sec-Purpose", "prefetch"}}, about: "speculation rules of a page"},
		{header: []Line{site("same-origin")}, about: "the server's own page"},
		{about: "a client that is not a browser"},
		{header: []Line{site("same-origin"), site("cross-site")}, forged: true, about: "two lines of Sec-Fetch-Site"},
		{header: []Line{site("NONE")}, forged: true, about: "Sec-Fetch-Site in upper case"},
	}
	base := len(all)
	for _, host := range m.hosts() {
		for _, s := range all[:base] {
			s.host, s.about = host, s.about+"; host: "+host
			all = append(all, s)
		}
	}
	return all
}

// hosts returns values of Host beside the usual one, if they matter.
func (m *matrix) hosts() []string {
	if !m.config.RequireHosts {
		return nil
	}
	hosts := []string{"evil.test"}
	for _, own := range m.config.Hosts[:min(3, len(m.config.Hosts))] {
		hosts = append(hosts, own, strings.ToUpper(own), "x"+own, own+".evil.test")
		if _, _, err := net.SplitHostPort(own); err != nil {
			hosts = append(hosts, own+":443", own+":80", own+":8443")
		}
	}
	return hosts
}

// listedForms returns members of a rule's origins.
func (m *matrix) listedForms(r *corsrpc.Rule) []originForm {
	if r == nil {
		return nil
	}
	var all []originForm
	for _, entry := range r.Origins[:min(4, len(r.Origins))] {
		for _, member := range membersOf(entry) {
			all = append(all, originForm{lines: []string{member}, about: "listed by " + entry})
		}
	}
	return all
}

func (m *matrix) originForms(r *corsrpc.Rule) []originForm {
	all := m.listedForms(r)
	one := func(value, about string) {
		all = append(all, originForm{lines: []string{value}, about: about})
	}
	several := func(lines ...string) {
		all = append(all, originForm{lines: lines, forged: true, about: "several or malformed"})
	}
	if r != nil {
		seen := make(map[string]bool)
		for _, entry := range r.Origins {
			if form := formOf(entry); !seen[form] {
				seen[form] = true
				all = append(all, lookAlikes(entry)...)
			}
		}
		// What other rules list.
		others := 0
		for _, other := range m.rules {
			for _, entry := range other.Origins {
				if others == 3 || seen[entry] || slices.Contains(r.Origins, entry) {
					continue
				}
				seen[entry] = true
				others++
				one(membersOf(entry)[0], "listed elsewhere by "+entry)
			}
		}
	}
	one(unlisted, "not listed")
	one("null", "null")
	one("https://"+m.host, "the server's own")
	one("http://"+m.host, "the server's own, over plain HTTP")
	all = append(all, originForm{about: "none"})
	if r != nil && len(r.Origins) > 0 {
		listed := membersOf(r.Origins[0])[0]
		several(listed, listed)
		several(listed, unlisted)
		several(unlisted, listed)
		several(listed + ", " + unlisted)
		several(listed + "/")
	}
	several("")
	return all
}

// formOf returns what an entry of Origins is: several of one form need only
// one set of look-alikes.
func formOf(entry string) string {
	scheme, rest, _ := strings.Cut(entry, "://")
	switch {
	case entry == "*":
		return "*"
	case scheme != "http" && scheme != "https":
		return "other"
	}
	form := scheme
	if strings.HasPrefix(rest, "*.") {
		form += "*."
	}
	if strings.HasSuffix(rest, ":*") {
		form += ":*"
	}
	return form
}

// membersOf returns origins that an entry admits.
func membersOf(entry string) []string {
	scheme, rest, _ := strings.Cut(entry, "://")
	if entry == "*" {
		return []string{"https://any.example.com", "null", "app://x"}
	}
	hosts := []string{rest}
	if domain, ok := strings.CutPrefix(rest, "*."); ok {
		hosts = []string{"a." + domain, "deep.er_1-x." + domain}
	}
	var all []string
	for _, host := range hosts {
		if h, ok := strings.CutSuffix(host, ":*"); ok {
			all = append(all, scheme+"://"+h, scheme+"://"+h+":3000", scheme+"://"+h+":65535")
			continue
		}
		all = append(all, scheme+"://"+host)
	}
	return all
}

// lookAlikes returns origins that an entry might admit by mistake. One that it
// admits is harmless.
func lookAlikes(entry string) []originForm {
	if entry == "*" {
		return nil
	}
	var all []originForm
	add := func(about string, forged bool, origins ...string) {
		for _, o := range origins {
			all = append(all, originForm{lines: []string{o}, forged: forged, about: about + " than " + entry})
		}
	}
	member := membersOf(entry)[0]
	scheme, rest, _ := strings.Cut(member, "://")
	host, port, hasPort := strings.Cut(rest, ":")
	if strings.HasPrefix(rest, "[") || scheme != "http" && scheme != "https" {
		add("longer", false, member+"x", "x"+member)
		add("other case", true, strings.ToUpper(member))
		return all
	}
	if hasPort {
		port = ":" + port
	}
	other := map[string]string{"http": "https", "https": "http"}[scheme]
	origin := func(scheme, host, port string) string { return scheme + "://" + host + port }
	add("other scheme", false, origin(other, host, port), "ftp://"+host)
	add("other port", false, origin(scheme, host, ":8443"))
	add("longer host", false, origin(scheme, host+".evil.test", port), origin(scheme, "evil"+host, port), origin(scheme, "evil-"+host, port), origin(scheme, "sub."+host, port), origin(scheme, host+"x", port))
	add("trailing dot", false, origin(scheme, host+".", port))
	if _, parent, ok := strings.Cut(host, "."); ok {
		add("shorter host", false, origin(scheme, parent, port))
		i := strings.LastIndexByte(host, '.')
		add("other host by one character", false, origin(scheme, host[:i]+"x"+host[i+1:], port))
	}
	add("other case", true, strings.ToUpper(member), scheme+"://"+strings.ToUpper(host[:1])+host[1:]+port)
	add("malformed", true, origin(scheme, host, ":0"), origin(scheme, host, ":99999"), origin(scheme, host, ":80x"), origin(scheme, host, ":"), origin(scheme, host, map[string]string{"http": ":80", "https": ":443"}[scheme]), "x"+member)
	if domain, ok := strings.CutPrefix(strings.TrimSuffix(strings.TrimPrefix(entry, scheme+"://"), ":*"), "*."); ok {
		add("no subdomain", false, scheme+"://"+domain, scheme+"://evil"+domain)
		add("malformed subdomain", true, scheme+"://."+domain, scheme+"://a.."+domain, scheme+"://evil.test/."+domain, scheme+"://evil.test#."+domain, scheme+"://a@b."+domain, scheme+"://A."+domain, scheme+"://"+strings.Repeat("a", 64)+"."+domain)
	}
	return all
}
