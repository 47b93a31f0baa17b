// Package browsertest calls the shop behind corsrpc.Wrap from pages in real browsers,
// with the clients that people use in pages, and attacks it from other pages.
// `make browsers` runs the tests and writes matrix.json.
package browsertest
