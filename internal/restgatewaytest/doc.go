// Package restgatewaytest compares package httprule with the gateways whose
// paths it has to find. The version of grpc-gateway that routes otherwise is in
// a module of its own, v230.
package restgatewaytest
