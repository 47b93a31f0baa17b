// Package citest runs what docs/ci.md tells people to put into CI: in the
// repository of a server, with the command as `go get -tool` installs it, from a
// module proxy that has this tree. It builds the published nested modules from
// such a proxy too. It is a module of its own because its tests build with a module
// cache of their own, which takes minutes, and need buf.
package citest
