// Package corstest is a browser for go test: it says what a page of some
// origin may send to a server, and what of the answers it may read.
//
// Nothing else in a test does. Browsers enforce CORS; curl, Go clients and
// test recorders do not, so what breaks in pages passes every other test.
//
// # Test your CORS in go test
//
// One call checks a whole server, middleware included: every procedure of the
// services that are linked into the test, in every protocol that pages speak.
//
//	func TestCORS(t *testing.T) {
//		report := corstest.Check(newServer(), "https://app.example.com", corstest.WithAudiences("storefront"))
//		if err := report.Err(); err != nil {
//			t.Fatal(err)
//		}
//	}
//
// It runs no procedure, needs no network, and takes a fraction of a millisecond
// per procedure. What it finds is a table of what pages could not call, send or
// read, and what the server's answers must say instead. See [Check] for where
// its expectations come from: the schema's options, and [Declare]. Where the
// schema has audiences, [WithAudiences] says to which of them the origin
// belongs. Test every origin that the server knows, and one that must be kept
// out:
//
//	corstest.Check(newServer(), "https://evil.test", corstest.WithNoAccess())
//
// What has no audience in the schema is expected to be open to all origins that
// are tested. Where a server keeps its services apart by other means, such as a
// policy for each, test each origin once for what it may call and once for what
// it may not:
//
//	console, admin := "https://console.example.com", "acme.shop.v1.AdminService"
//	corstest.Check(newServer(), console, corstest.WithServices(admin), corstest.WithAudiences("backoffice"))
//	corstest.Check(newServer(), console, corstest.WithServices("acme.shop.v1.CartService"), corstest.WithNoAccess())
//
// A server that logs denials logs these: give the tests one without OnDenied.
//
// Where a whole conversation matters, cookies, redirects, metadata of single
// answers, give a browser's client to generated code, in place of the one that
// it has in other tests:
//
//	browser := corstest.NewBrowser("https://app.example.com", corstest.WithHandler(newServer()))
//	client := shopv1connect.NewCartServiceClient(browser.Client(), "https://api.example.com", connect.WithGRPCWeb())
//	// call it
//	if err := browser.Err(); err != nil {
//		t.Fatal(err)
//	}
//
// [Browser.Client] reaches servers of [net/http/httptest] as well, with
// [WithTransport] those of httptest.NewTLSServer. Calls fail as in the page,
// with a [BlockedError] that names the cause as Chromium and Firefox do, the
// step of the standard, the header at fault and what to send instead.
// [Browser.Err] also tells of headers that an answer carried and that the page
// needed but could not read: browsers say nothing of these, and RPC clients
// take some of them for an empty success.
//
// [Browser.Fetch] is fetch() itself: any method, header, mode and redirect; and
// images, links, forms and frames, which ask nobody for permission. [Browser.Exchanges] shows what
// went over the wire.
//
// # What it is
//
// The model follows the Fetch standard (text of June 2026) step by step: when
// to ask, what to ask for, what to make of the answer, what to show; the
// preflight cache, with a clock of the test's ([WithClock]); redirects; origins
// that are null; Fetch Metadata; and cookies by RFC 6265bis. With a [Profile]
// it follows Chromium, Firefox or WebKit where they differ. It is held to
// recordings of the three and to the facts of web-platform-tests.
//
// It shares no rule with package corsrpc, which is the server's half: each of
// the two is a test of the other. So it serves any server in Go, with
// whichever CORS library, or none.
//
// # What it is not
//
// It runs no scripts and renders nothing. It has no HTTP cache, no service
// workers, no Content Security Policy, no HTTP authentication, no permission
// prompts for local networks. Of the page's URL it knows the origin alone, and
// takes the page for the tab's: a browser whose origin is null has no cookies
// of the same site.
package corstest
