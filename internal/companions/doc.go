// Package companions runs the other modules of Connect beside corsrpc, on one
// mux behind one Wrap: connectrpc.com/otelconnect and connectrpc.com/validate,
// which serve Connect v1 and v2, and connectrpc.com/grpcreflect, which serves
// v1. It is a module of its own for their sake; go.mod has the versions.
package companions
