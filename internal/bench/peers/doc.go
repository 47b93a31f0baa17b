// Package peers holds other CORS libraries, proxies and servers against the same
// check as corsrpc, and the check against a browser.
package peers
