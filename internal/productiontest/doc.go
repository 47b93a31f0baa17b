// Package productiontest proves what docs/production.md says about metrics: with
// the Prometheus exporter of OpenTelemetry, which prints them, and with the engine
// and the rule parser of Prometheus, which read them. It is a module of its own
// because these are large.
package productiontest
