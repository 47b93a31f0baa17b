package corsexport

import (
	"regexp"
	"strings"
)

// defaultPort is an expression for the port of either scheme, or none.
const defaultPort = "(?::(?:80|443))?"

// hostsWithoutPorts returns the server's own hosts, without their default ports.
func (p *plan) hostsWithoutPorts() []string {
	names := make([]string, len(p.hosts))
	for i, host := range p.hosts {
		names[i] = strings.TrimSuffix(strings.TrimSuffix(host, ":80"), ":443")
	}
	return names
}

// hostExpression returns an expression for one of hostsWithoutPorts.
func (p *plan) hostExpression() string {
	names := p.hostsWithoutPorts()
	for i := range names {
		names[i] = regexp.QuoteMeta(names[i])
	}
	return "(?:" + strings.Join(names, "|") + ")"
}
