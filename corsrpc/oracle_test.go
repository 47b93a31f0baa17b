package corsrpc_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// The oracle says what must become of a request, from the text of Config and
// of the shop's schema alone, as naively as can be: lists are searched,
// strings are compared, labels are counted.

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

// An outcome is what the oracle foretells.
type outcome struct {
	governed    bool
	ran         bool
	status      int    // if not ran
	allowOrigin string // "" is none
}

// foretell knows Configs that use Origins, Audiences, Credentials, ReportOnly,
// PathPrefix, Hosts, Overrides[].Origins, and Resources with a subtree or an
// exact path.
func foretell(config corsrpc.Config, r *http.Request) outcome {
	if r.Method == "PRI" {
		return outcome{status: 403}
	}
	lists, internal, enforced, governed := listsFor(config, r.URL.Path)
	if !governed {
		return outcome{ran: true}
	}
	origins, sites := r.Header["Origin"], r.Header["Sec-Fetch-Site"]
	permitted := len(origins) == 1 && origins[0] != "" && !internal
	anyOrigin := !internal
	for _, list := range lists {
		admitted := false
		for _, entry := range list {
			admitted = admitted || len(origins) == 1 && admits(entry, origins[0])
		}
		permitted = permitted && admitted
		anyOrigin = anyOrigin && slices.Contains(list, "*")
	}
	o := outcome{governed: true}
	if permitted {
		o.allowOrigin = origins[0]
		if anyOrigin {
			o.allowOrigin = "*"
		}
	}
	if r.Method == "OPTIONS" && len(origins) > 0 && len(r.Header["Access-Control-Request-Method"]) > 0 {
		o.status = 403
		if permitted {
			o.status = 204
		}
		return o
	}
	if anyOrigin && (r.Method == "GET" || r.Method == "HEAD") {
		o.allowOrigin = "*"
	}
	is := func(value string) bool { return len(sites) == 1 && sites[0] == value }
	refused := false
	switch {
	case internal && (len(origins) > 0 || len(sites) > 0 && !is("none")): // (a)
		return outcome{governed: true, status: 403}
	case is("same-origin") || is("none"): // (b)
	case permitted: // (c)
	case len(origins) == 1 && len(sites) == 0 && isOwnHost(config, r.Host, origins[0]): // (c)
	case len(origins) > 0: // (c)
		refused = true
	case len(sites) > 0: // (d)
		refused = true
	}
	if refused && enforced && !config.ReportOnly {
		return outcome{governed: true, status: 403}
	}
	o.ran = true
	return o
}

// listsFor returns the lists of origins, each of which must admit a page, for
// a path.
func listsFor(config corsrpc.Config, path string) (lists [][]string, internal, enforced, governed bool) {
	if rest, ok := strings.CutPrefix(path, config.PathPrefix); ok {
		for _, f := range facts {
			if f.procedure == rest {
				return [][]string{originsOf(config, f)}, f.internal, true, true
			}
		}
		for _, f := range facts {
			service := f.procedure[:strings.LastIndex(f.procedure, "/")+1]
			if strings.HasPrefix(rest, service) {
				governed = true
				internal = internal || f.internal
				lists = append(lists, originsOf(config, f))
			}
		}
		if governed {
			return lists, internal, true, true
		}
	}
	for _, unclear := range []string{"//", "/./", "/../"} {
		if strings.Contains(path, unclear) || unclear != "//" && strings.HasSuffix(path+"/", unclear) {
			return nil, false, false, false // handlers differ on what it means
		}
	}
	best := ""
	for key := range config.Resources {
		matches := key == path || strings.HasSuffix(key, "/") && strings.HasPrefix(path, key)
		if matches && len(key) > len(best) {
			best = key
		}
	}
	if best == "" {
		return nil, false, false, false
	}
	return [][]string{config.Resources[best].Origins}, false, false, true
}

func originsOf(config corsrpc.Config, f fact) []string {
	name := strings.ReplaceAll(f.procedure[1:], "/", ".")
	service := name[:strings.LastIndex(name, ".")]
	methodAudience := f.audience
	serviceAudience := ""
	if service == "acme.shop.v1.AdminService" {
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

func isOwnHost(config corsrpc.Config, host, origin string) bool {
	hosts := config.Hosts
	if hosts == nil {
		hosts = []string{host}
	}
	for _, own := range hosts {
		own = strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(own), ":80"), ":443")
		for _, scheme := range []string{"http://", "https://"} {
			bare := strings.TrimPrefix(origin, scheme)
			if own != "" && bare != origin && strings.TrimSuffix(strings.TrimSuffix(bare, ":80"), ":443") == own {
				return true
			}
		}
	}
	return false
}
