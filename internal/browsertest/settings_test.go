package browsertest

import "net/http"

// A setting is how page and server stand to each other.
type setting struct {
	name, title string
	page, api   string // names of this machine; the same one for one site that is both
	tls         bool
	credentials string // of every call, as fetch has it
	// origins are what the policy lists, with {page} for the page's origin and
	// {port} for its port; none where it does not have to.
	origins []string
	// explainTo are the origins to which the policy explains, likewise.
	explainTo []string
	// wrap, if not nil, stands in place of Wrap for a page of this origin.
	wrap   func(page string, shop http.Handler) http.Handler
	cookie bool // the calls carry the session cookie
}

const sessionCookie = "session=ada"

var settings = []*setting{
	{
		name: "http", title: "HTTP/1.1, cross-site",
		page: "localhost", api: "127.0.0.1", credentials: "omit",
		origins: []string{"{page}"},
	},
	{
		name: "tls", title: "TLS with HTTP/2, cross-site",
		page: "localhost", api: "127.0.0.1", credentials: "omit", tls: true,
		origins: []string{"{page}"},
	},
	{
		name: "omit", title: "another port of the site, without its cookie",
		page: "localhost", api: "localhost", credentials: "omit",
		origins: []string{"{page}"},
	},
	{
		name: "include", title: "another port of the site, with its session cookie",
		page: "localhost", api: "localhost", credentials: "include", cookie: true,
		origins: []string{"{page}"},
	},
	{
		name: "same-origin", title: "same-origin, with a session cookie, no origin listed",
		page: "localhost", credentials: "same-origin", cookie: true,
	},
	{
		name: "wildcard", title: "HTTP/1.1, a subdomain that a pattern matches",
		page: "pr-7.preview.localhost", api: "127.0.0.1", credentials: "omit",
		origins: []string{"http://*.preview.localhost:{port}"},
	},
}

func (s *setting) sameOrigin() bool { return s.api == "" }
