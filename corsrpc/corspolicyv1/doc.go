// Package corspolicyv1 is the Go code of proto/corsrpc/policy/v1/policy.proto: a
// corsrpc policy as data. Package corsconfig reads it from files and turns it
// into a corsrpc.Config.
//
// Beside the code is policy.schema.json, the JSON Schema with which editors
// complete and check policy files. It is generated from the same proto file.
package corspolicyv1
