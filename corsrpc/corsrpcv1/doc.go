// Package corsrpcv1 is the Go code of proto/corsrpc/v1/options.proto: the schema
// options (corsrpc.v1.service) and (corsrpc.v1.method), which say what web pages
// on other origins may send to and read from a service and its methods.
//
// Code generated from a schema that uses the options imports this package. The
// proto file documents each field, how to import it, and how to keep a program
// from linking a second copy of this package.
package corsrpcv1
