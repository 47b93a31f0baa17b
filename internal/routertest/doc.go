// Package routertest puts [corsrpc.Policy.Wrap] around routers that find a
// procedure in paths which are not its spelling: they clean, redirect, decode
// once more, cut parameters or ignore case. It is a module of its own for the
// sake of the routers.
//
// Testdata/reached.txt is the table of which router finds a procedure in how
// many of the targets.
package routertest
