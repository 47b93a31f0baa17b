// Package corstest is a browser for go test. It shows what a page of some origin
// can send to a server, and what the page can read of the responses.
//
// Browsers enforce CORS; curl, Go clients and httptest do not. So a server
// that fails in a real page can pass all other tests.
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
// per procedure. The report is a table of what pages cannot call, send or read,
// and a list of what the server must change. The expectations come from the
// options in the schema and from [Declare]: see [Check]. If the schema has
// audiences, [WithAudiences] names those that the origin belongs to. Test every
// origin that the server knows, and one that it must keep out:
//
//	corstest.Check(newServer(), "https://evil.test", corstest.WithNoAccess())
//
// Methods without an audience in the schema are expected to be open to every
// origin that is tested. If a server restricts its services by other means, such
// as a policy for each, test each origin twice: once for what it can call, and
// once for what it cannot:
//
//	console, admin := "https://console.example.com", "acme.shop.v1.AdminService"
//	corstest.Check(newServer(), console, corstest.WithServices(admin), corstest.WithAudiences("backoffice"))
//	corstest.Check(newServer(), console, corstest.WithServices("acme.shop.v1.CartService"), corstest.WithNoAccess())
//
// [CheckURL] does the same with a live server.
//
// If a gateway serves the REST bindings of the schema, add its kind to
// [WithProtocols]. Check then tests every binding too, and expects of it what it
// expects of the procedure itself.
//
//	corstest.Check(newServer(), "https://app.example.com", corstest.WithProtocols(corstest.Connect, corstest.RESTGateway))
//
// A server that logs refused requests also logs those of the check. To keep them
// out of the log, pass the check a server that does not log.
//
// To test a whole conversation, with cookies, redirects and the metadata of
// individual responses, pass a browser's client to generated code:
//
//	browser := corstest.NewBrowser("https://app.example.com", corstest.WithHandler(newServer()))
//	client := shopv1connect.NewCartServiceClient(browser.Client(), "https://api.example.com", connect.WithGRPCWeb())
//	// call it
//	if err := browser.Err(); err != nil {
//		t.Fatal(err)
//	}
//
// [Browser.Client] also reaches the servers of [net/http/httptest]; for those
// of httptest.NewTLSServer, use [WithTransport]. Calls fail as they do in a
// page, with a [BlockedError]. It has the cause (as Chromium and Firefox name
// it), the step of the standard, the header at fault, and what to send
// instead. [Browser.Err] also returns an error for each header that a response
// had and the page needed but could not read. Browsers do not report that they
// hide a header, and without it RPC clients can mistake a failure for an empty
// success.
//
// [Browser.Fetch] is fetch() itself, with any method, header, mode and redirect.
// It also makes the requests that need no permission: those of images, links,
// forms, frames and speculation rules. [Browser.Exchanges] returns what went over
// the wire.
//
// # What it is
//
// The model follows the Fetch standard (text of June 2026) step by step: which
// requests are preflighted, what the preflight asks for, how the response is
// judged, and what the page can read of it. It includes redirects, null origins,
// Fetch Metadata, cookies (RFC 6265bis), and the preflight cache, whose clock the
// test can set ([WithClock]). With a [Profile] it follows
// Chromium, Firefox or WebKit where they differ. It is tested against
// recordings of all three, and against the expectations of web-platform-tests,
// the test suite that browsers share.
//
// It shares no rules with package corsrpc, which is the server's side, so that
// each tests the other. It works with any server in Go and any CORS library.
//
// # What it is not
//
// It runs no scripts and renders nothing. It has no HTTP cache, no service
// workers, no Content Security Policy, no HTTP authentication, and no permission
// prompts for local networks. It knows the origin of the page and not its URL.
// The page is always a top-level page, never a frame.
package corstest
