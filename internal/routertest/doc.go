// Package routertest puts [corsrpc.Policy.Wrap] around routers that find a
// procedure in paths which are not its spelling: they clean, redirect, decode
// once more, cut parameters or ignore case. It is a module of its own for the
// sake of the routers.
//
// The table in testdata/reached.txt has, for every router, the number of targets
// in which it finds a procedure.
package routertest
