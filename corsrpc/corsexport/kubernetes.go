package corsexport

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// kubeObjects is a plan with the options of objects for Kubernetes.
type kubeObjects struct {
	*plan
	kind                      string // of the objects, for refusals
	gateway, gatewayNamespace string
	hostnames                 []string
	dnsNames                  bool // whether Upstream can be the DNS name of a Service
	refusals                  []error
}

var (
	dnsLabel     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	dnsSubdomain = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	serviceName  = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
)

func (k *kubeObjects) refuse(rule, field, value, problem, fix string) {
	k.refusals = append(k.refusals, &Refusal{Rule: rule, Field: field, Value: value, Problem: problem, Fix: fix})
}

// checkOptions checks what Kubernetes needs, and sets what follows from it.
func (k *kubeObjects) checkOptions() {
	o := &k.options
	if o.Name == "" {
		o.Name = "corsrpc"
	}
	// A label has 63 bytes.
	if len(o.Name) > 63 || !dnsSubdomain.MatchString(o.Name) {
		k.refuse("", "Options.Name", o.Name, "is not a name for objects", "use at most 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends and beside dots")
	}
	k.checkNamespace("Options.Namespace", o.Namespace)
	namespace, gateway, found := strings.Cut(o.Gateway, "/")
	if !found {
		namespace, gateway = "", o.Gateway
	}
	if len(gateway) > 253 || !dnsSubdomain.MatchString(gateway) || found && namespace == "" {
		k.refuse("", "Options.Gateway", o.Gateway, "is not the name of a Gateway", "write name or namespace/name")
	}
	k.checkNamespace("Options.Gateway", namespace)
	k.gateway, k.gatewayNamespace = gateway, namespace
	switch {
	case len(o.Upstream) <= 63 && serviceName.MatchString(o.Upstream):
	case !k.dnsNames:
		k.refuse("", "Options.Upstream", o.Upstream, "is not the name of a Service", "write the Service's name, without a namespace")
	case !isDNSName(o.Upstream) || !strings.Contains(o.Upstream, "."):
		k.refuse("", "Options.Upstream", o.Upstream, "is not the name of a Service", "write the Service's name, or its whole DNS name, such as shop.prod.svc.cluster.local")
	}
	if o.Port < 1 || o.Port > 65535 {
		k.refuse("", "Options.Port", fmt.Sprint(o.Port), "is not a port", "write the port of the Service, from 1 to 65535")
	}
	k.readHosts()
}

func (k *kubeObjects) checkNamespace(field, name string) {
	if name != "" && (len(name) > 63 || !dnsLabel.MatchString(name)) {
		k.refuse("", field, name, "is not the name of a namespace", "use at most 63 lower-case letters, digits and hyphens")
	}
}

// readHosts makes the hostnames.
func (k *kubeObjects) readHosts() {
	for i, host := range k.hosts {
		name := host
		if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
			name = host[:colon]
		}
		if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil || !isDNSName(name) {
			k.refuse("", fmt.Sprintf("Options.Hosts[%d]", i), host, "cannot be a hostname of "+k.kind+", which has no IP addresses and no underscores", "list DNS names in Options.Hosts, or leave it empty, not nil, for all hostnames of the Gateway")
			continue
		}
		if !slices.Contains(k.hostnames, name) {
			k.hostnames = append(k.hostnames, name)
		}
	}
}

func isDNSName(name string) bool {
	longLabel := slices.ContainsFunc(strings.Split(name, "."), func(label string) bool { return len(label) > 63 })
	return !longLabel && len(name) <= 253 && dnsSubdomain.MatchString(name)
}

// printHead prints what all kinds begin with, up to the spec.
func (k *kubeObjects) printHead(b *strings.Builder, apiVersion, kind, name string) {
	fmt.Fprintf(b, "---\napiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n", apiVersion, kind, quote(name))
	if k.options.Namespace != "" {
		fmt.Fprintf(b, "  namespace: %s\n", quote(k.options.Namespace))
	}
	// With the labels, kubectl apply --prune finds those that are no longer
	// written.
	fmt.Fprintf(b, "  labels:\n    app.kubernetes.io/managed-by: corsrpc\n    app.kubernetes.io/instance: %s\nspec:\n", quote(k.options.Name))
}
