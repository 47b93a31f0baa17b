// Package bench measures corsrpc side by side with other CORS libraries, with
// two hand-written floors and with no middleware: the same configuration, the
// same requests, one run. It is a module of its own for the sake of the
// libraries.
//
// The benchmarks are named for benchstat:
//
//	go test -run '^$' -bench . -count 10 | benchstat -col /subject -
//
// Command sidebyside interleaves the subjects, which serves better on a machine
// that does other things besides, and writes docs/benchmarks.md.
package bench
