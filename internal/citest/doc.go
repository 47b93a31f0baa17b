// Package citest runs what docs/ci.md tells people to put into CI: in the
// repository of a server, with the command as `go get -tool` installs it, from a
// module proxy that has this tree. It is a module of its own because its tests
// build the command without a build cache, which takes minutes, and need buf.
package citest
