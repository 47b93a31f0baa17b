// Package citest runs what docs/ci.md tells people to put into CI, and what
// docs/buf-plugin.md shows: in the repository of a server, with the commands as
// `go get -tool` installs them, from a module proxy that has this tree. It builds
// the published nested modules from such a proxy too. It is a module of its own
// because its tests build with a module cache of their own, which takes minutes,
// and need buf.
package citest
