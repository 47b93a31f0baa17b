// Package proxies runs real proxies for tests.
//
// `make proxies-install` installs them. A test whose proxy is not installed is
// left out, unless CORSRPC_REQUIRE_PROXIES is in the environment: then it fails.
package proxies
