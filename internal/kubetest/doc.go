// Package kubetest holds what corsexport writes for Kubernetes to the API
// server's own validation: structural schema, unknown fields, defaults, lists and
// CEL rules, by k8s.io/apiextensions-apiserver. It is a module of its own for
// that module's sake; no cluster and no network is needed.
//
// testdata/README.md has the origin of the schemas.
package kubetest
