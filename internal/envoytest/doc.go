// Package envoytest validates what corsexport.Envoy writes, as messages of
// Envoy's API, and holds it to [corsrpc.Policy.Wrap] by a model of Envoy that is
// written from its source. It is a module of its own for the sake of the API's
// Go packages. No Envoy binary was run: none can be had from a package registry.
package envoytest
