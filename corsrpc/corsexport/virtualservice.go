package corsexport

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// VirtualService writes a policy as a VirtualService of Istio
// (networking.istio.io/v1), in one file for kubectl apply:
// corsrpc_virtualservice.yaml, which begins with Options.Prefix. It responds to
// preflights, refuses calls, sets headers, and sends everything else to one
// Service. It has all paths of its hosts: no other VirtualService may have one of
// these hosts on the same Gateway.
//
// Of Options, it reads
//
//   - Upstream and Port: the Service and its port. In another namespace, it is the
//     Service's DNS name, such as shop.prod.svc.cluster.local.
//   - Gateway: the Gateway of Istio, as name or namespace/name
//   - Name and Namespace: those of the VirtualService. The default Name is
//     "corsrpc". Without Namespace, kubectl decides.
//   - Hosts, as the hosts of the VirtualService, without ports. If there is none,
//     the VirtualService is for all hosts of the Gateway.
//   - BehindGate, and Prefix as the beginning of the file's name
//
// It refuses bindings without BehindGate, policies that have no Hosts without
// BehindGate, and what is too long for Istio: regular expressions of more than
// 1,024 bytes, such as those of more than about 30 origins, and objects of more
// than 1 MiB.
//
// No Istio has read this file in the tests of this package. It is held to Wrap by
// a model of Istio's translation and of Envoy's filters.
func VirtualService(p *corsrpc.Policy, o Options) (*Export, error) {
	plan, err := newPlan(p, o)
	if err != nil {
		return nil, err
	}
	v := &virtualService{
		kubeObjects: kubeObjects{plan: plan, kind: "VirtualService", dnsNames: true},
		envoy:       newEnvoy(plan, envoyLimits{of: "Istio", group: maxIstioExpression, length: maxIstioExpression, program: maxIstioProgram}),
	}
	v.check()
	v.envoy.addRoutes()
	data := v.print()
	if err := errors.Join(slices.Concat(v.refusals, v.envoy.refusals)...); err != nil {
		return nil, err
	}
	v.addNotes()
	return &Export{
		Files: []File{{plan.options.Prefix + "_virtualservice.yaml", data}},
		Notes: plan.notes,
	}, nil
}

// virtualService prints the routes of Envoy. Istio makes one route of each rule,
// in their order.
type virtualService struct {
	kubeObjects
	envoy *envoy
}

const (
	// Istio's validation takes no longer expressions
	// (pkg/config/validation/validation.go, validateStringRegexp).
	maxIstioExpression = 1024
	// Istio lets Envoy take programs of 32,768 instructions
	// (pkg/bootstrap/config.go, extractRuntimeFlags). See maxEnvoyProgram.
	maxIstioProgram = 4096
	// etcd takes 1.5 MiB by default.
	maxIstioObject = 1 << 20
)

// check refuses what a VirtualService cannot say.
func (v *virtualService) check() {
	v.checkOptions()
	switch {
	case v.options.Gateway == "mesh":
		v.refuse("", "Options.Gateway", "mesh", "means all sidecars and no Gateway", "write the Gateway that browsers reach")
	case len(v.gateway) > 63 || strings.Contains(v.gateway, "."):
		v.refuse("", "Options.Gateway", v.options.Gateway, "is not the name of a Gateway of Istio", "write name or namespace/name, of at most 63 lower-case letters, digits and hyphens each")
	}
	v.envoy.checkHosts()
	if v.options.BehindGate {
		return
	}
	for i := range v.bindings {
		v.refuse(v.bindings[i].template, "Methods", v.bindings[i].method,
			"cannot be refused to pages: the expressions for all spellings of a binding's path are longer than the 1,024 bytes that Istio takes",
			"set BehindGate, with a gate behind the Gateway, or export the policy for nginx, or set REST to RESTNone if the server has no bindings")
	}
}

// addNotes adds what is weaker or stricter than Wrap.
func (v *virtualService) addNotes() {
	v.note("No other VirtualService may have one of these hosts on the same Gateway: Istio merges both in the order of their creation.")
	v.note(fmt.Sprintf("Every request that is not refused goes to the Service %s.", quote(v.options.Upstream)))
	if len(v.hostnames) > 0 {
		v.note("Requests with other hosts than Hosts have no route here.")
	}
	if len(v.services) > 0 && !v.options.BehindGate {
		v.note("A path in another spelling than the rule's gets no CORS headers, and is judged by the strictest rule of its service.")
		v.note("A path with an escaped letter, digit, dot or underscore before its last segment counts as another spelling of every service, unless Istio decodes it first.")
		v.note("Links from other sites to documentation below paths such as /docs/pkg.Service/Method are refused, unless Resources has a key for them.")
	}
	if v.options.BehindGate {
		v.note("No call is refused: something behind the Gateway must refuse calls.")
		if v.envoy.leftOpen {
			v.note("Preflights of another spelling of a long binding's path reach the Service.")
		}
		return
	}
	v.note("Calls are refused by Envoy's router, so all other filters see them first.")
	v.note("Refused calls with Content-Type application/grpc get status 200 with grpc-status 7, as Envoy responds to gRPC.")
}

// print returns the file.
func (v *virtualService) print() []byte {
	var b strings.Builder
	b.WriteString("# Written by corsrpc from a policy. Do not edit it: write it again.\n")
	if v.options.BehindGate {
		b.WriteString("# No call is refused here: a gate behind the Gateway must refuse calls.\n")
	}
	v.printHead(&b, "networking.istio.io/v1", "VirtualService", v.options.Name)
	hosts := v.hostnames
	if len(hosts) == 0 {
		hosts = []string{"*"}
	}
	printList(&b, "  ", "hosts", hosts)
	gateway := v.gateway
	if v.gatewayNamespace != "" {
		gateway = v.gatewayNamespace + "/" + gateway
	}
	printList(&b, "  ", "gateways", []string{gateway})
	b.WriteString("  http:\n")
	for i := range v.envoy.routes {
		v.printRule(&b, &v.envoy.routes[i])
	}
	if b.Len() > maxIstioObject {
		v.refuse("", "Config.Services", fmt.Sprint(b.Len()), "are bytes of a VirtualService, which has at most 1 MiB", "divide the services among several policies with different Hosts")
	}
	return []byte(b.String())
}
