package corsrpc_test

import (
	"slices"
	"strconv"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// The oracle turns a Config into rules, from its text and the shop's schema
// alone, as naively as can be: lists are searched, strings are compared, labels
// are counted.

// A fact is what the schema says of one procedure of the shop.
type fact struct {
	procedure string
	audience  string // "" is Config.Origins
	internal  bool
}

// Written down from proto/acme/shop/v1.
var facts = []fact{
	{"/acme.shop.v1.AdminService/SetPrice", "backoffice", false},
	{"/acme.shop.v1.AdminService/ReportProduct", "storefront", false},
	{"/acme.shop.v1.CartService/AddItem", "storefront", false},
	{"/acme.shop.v1.CartService/Checkout", "storefront", false},
	{"/acme.shop.v1.CartService/TrackOrder", "", false},
	{"/acme.shop.v1.CartService/ImportItems", "storefront", false},
	{"/acme.shop.v1.CartService/NegotiatePrice", "storefront", false},
	{"/acme.shop.v1.CartService/PurgeCarts", "", true},
	{"/acme.shop.v1.CatalogService/GetProduct", "", false},
	{"/acme.shop.v1.CatalogService/SearchProducts", "", false},
	{"/acme.shop.v1.CatalogService/WatchPrices", "", false},
	{"/acme.shop.v1.WarehouseService/ReserveStock", "", true},
}

// A naiveRule is a Rule whose origins are several lists. All of them must
// list a page.
type naiveRule struct {
	corsrpc.Rule

	origins [][]string
	closed  bool // neither Services nor Except names the service
}

// naiveRules returns the rules of a Config, without lists of names. It knows
// Configs without REST bindings whose Files are the shop's.
func naiveRules(config corsrpc.Config) []naiveRule {
	var rules []naiveRule
	add := func(match corsrpc.Match, procedure string, rule naiveRule) {
		rule.Match, rule.Procedure, rule.Path, rule.Enforced = match, procedure, config.PathPrefix+procedure, true
		rules = append(rules, rule)
	}
	var services []string
	for _, f := range facts {
		if service := serviceName(f); !slices.Contains(services, service) {
			services = append(services, service)
		}
	}
	for _, name := range config.Services {
		if strings.HasPrefix(name, "grpc.") {
			services = append(services, name) // which has no methods here
		}
	}
	for _, service := range services {
		all := config.Services == nil || slices.Contains(config.Services, "*")
		switch {
		case slices.Contains(config.Except, service):
			continue
		case !all && !slices.Contains(config.Services, service):
			add(corsrpc.MatchService, "/"+service+"/", naiveRule{closed: true, origins: [][]string{{}}, Rule: corsrpc.Rule{ReportOnly: config.ReportOnly}})
			for _, f := range facts {
				if serviceName(f) == service && f.internal {
					add(corsrpc.MatchProcedure, f.procedure, naiveRule{Rule: corsrpc.Rule{Internal: true, ReportOnly: config.ReportOnly}})
				}
			}
			continue
		}
		// The strictest of its methods' rules, or what an unknown method has.
		unknown := naiveRule{Rule: corsrpc.Rule{Credentials: true, ReportOnly: true, Internal: config.Overrides[service].Internal}}
		for _, f := range facts {
			if serviceName(f) != service {
				continue
			}
			rule := naiveRule{origins: [][]string{originsOf(config, f)}}
			name := service + "." + f.procedure[strings.LastIndex(f.procedure, "/")+1:]
			rule.Credentials = switched(config.Credentials, config.Overrides[service].Credentials, config.Overrides[name].Credentials)
			rule.ReportOnly = switched(config.ReportOnly, config.Overrides[service].ReportOnly, config.Overrides[name].ReportOnly)
			rule.Internal = f.internal || config.Overrides[service].Internal || config.Overrides[name].Internal
			add(corsrpc.MatchProcedure, f.procedure, rule)

			unknown.origins = append(unknown.origins, rule.origins...)
			unknown.Credentials = unknown.Credentials && rule.Credentials
			unknown.ReportOnly = unknown.ReportOnly && rule.ReportOnly
			unknown.Internal = unknown.Internal || rule.Internal
		}
		if unknown.origins == nil {
			unknown.origins, unknown.Credentials, unknown.ReportOnly = [][]string{config.Origins}, config.Credentials, config.ReportOnly
		}
		add(corsrpc.MatchService, "/"+service+"/", unknown)
	}
	for key, resource := range config.Resources {
		rules = append(rules, naiveRule{
			Rule:    corsrpc.Rule{Match: corsrpc.MatchResource, Path: key, Credentials: resource.Credentials},
			origins: [][]string{resource.Origins},
		})
	}
	return rules
}

func serviceName(f fact) string { return f.procedure[1:strings.LastIndex(f.procedure, "/")] }

func switched(value bool, switches ...corsrpc.Switch) bool {
	for _, s := range switches {
		if s != corsrpc.Inherit {
			value = s == corsrpc.On
		}
	}
	return value
}

func originsOf(config corsrpc.Config, f fact) []string {
	service := serviceName(f)
	name := strings.ReplaceAll(f.procedure[1:], "/", ".")
	methodAudience := f.audience
	serviceAudience := ""
	if service == admin {
		serviceAudience = "backoffice"
		if f.audience == "backoffice" {
			methodAudience = ""
		}
	}
	switch {
	case config.Overrides[name].Origins != nil:
		return config.Overrides[name].Origins
	case methodAudience != "":
		return config.Audiences[methodAudience]
	case config.Overrides[service].Origins != nil:
		return config.Overrides[service].Origins
	case serviceAudience != "":
		return config.Audiences[serviceAudience]
	}
	return config.Origins
}

// lists reports whether the rule lets pages of the origin call.
func (rule naiveRule) lists(origin string) bool {
	if rule.Internal || origin == "" {
		return false
	}
	for _, list := range rule.origins {
		if !slices.ContainsFunc(list, func(entry string) bool { return admits(entry, origin) }) {
			return false
		}
	}
	return true
}

// anyOrigin reports whether the rule lists every origin.
func (rule naiveRule) anyOrigin() bool {
	for _, list := range rule.origins {
		if !slices.Contains(list, "*") {
			return false
		}
	}
	return !rule.Internal
}

// admits compares an entry with an origin, character by character.
func admits(entry, origin string) bool {
	if entry == "*" {
		return origin != ""
	}
	if !strings.Contains(entry, "*") {
		return entry == origin
	}
	scheme, entryHost, found := strings.Cut(entry, "://")
	if !found || !strings.HasPrefix(origin, scheme+"://") {
		return false
	}
	rest := strings.TrimPrefix(origin, scheme+"://")
	entryHost, anyPort := strings.CutSuffix(entryHost, ":*")
	if anyPort && !strings.HasSuffix(rest, "]") {
		if i := strings.LastIndex(rest, ":"); i >= 0 {
			port, err := strconv.Atoi(rest[i+1:])
			if err != nil || port < 1 || port > 65535 || strconv.Itoa(port) != rest[i+1:] {
				return false
			}
			if scheme == "https" && port == 443 || scheme == "http" && port == 80 {
				return false
			}
			rest = rest[:i]
		}
	}
	base, subdomains := strings.CutPrefix(entryHost, "*")
	if !subdomains {
		return rest == entryHost
	}
	labels, ok := strings.CutSuffix(rest, base)
	host, _, _ := strings.Cut(rest, ":")
	if !ok || len(host) > 253 {
		return false
	}
	for _, label := range strings.Split(labels, ".") {
		if len(label) < 1 || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// bareHost returns a host in lower case without a default port.
func bareHost(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(host), ":80"), ":443")
}

func isOwnHost(config corsrpc.Config, host, origin string) bool {
	hosts := config.Hosts
	if hosts == nil {
		hosts = []string{host}
	}
	for _, own := range hosts {
		for _, scheme := range []string{"http://", "https://"} {
			bare, found := strings.CutPrefix(origin, scheme)
			if bareHost(own) != "" && found && strings.TrimSuffix(strings.TrimSuffix(bare, ":80"), ":443") == bareHost(own) {
				return true
			}
		}
	}
	return false
}
