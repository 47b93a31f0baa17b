// Package browsertest starts real browsers for tests: Chromium, Firefox and
// WebKitGTK's MiniBrowser, which are to be installed on the machine.
//
// A [Browser] is opened on a URL and does what the page says. There is no driver
// in between: pages are given to the browser by a test server, and post what they
// have seen back to it.
//
// The tests of this package call the shop behind corsrpc.Wrap with the clients
// that people use in pages. `make browsers` runs them and writes matrix.json.
package browsertest
