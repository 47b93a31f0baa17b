package corsconfig

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corspolicyv1"
)

// configOf returns the Config that a message describes.
func configOf(p *corspolicyv1.Policy) corsrpc.Config {
	config := corsrpc.Config{
		Origins:                         p.GetOrigins(),
		Credentials:                     p.GetCredentials(),
		RequestHeaders:                  p.GetRequestHeaders(),
		ResponseHeaders:                 p.GetResponseHeaders(),
		ResponseTrailers:                p.GetResponseTrailers(),
		REST:                            corsrpc.REST(p.GetRest()),
		Bindings:                        listsOf(p.GetBindings()),
		Services:                        listOf(p.GetServices()),
		Except:                          p.GetExcept(),
		Audiences:                       listsOf(p.GetAudiences()),
		PathPrefix:                      p.GetPathPrefix(),
		Hosts:                           listOf(p.GetHosts()),
		RequireHosts:                    p.GetRequireHosts(),
		RequireFetchMetadata:            p.GetRequireFetchMetadata(),
		MaxAge:                          p.GetMaxAge().AsDuration(),
		ReportOnly:                      p.GetReportOnly(),
		ExplainTo:                       p.GetExplainTo(),
		ExplainIgnore:                   p.GetExplainIgnore(),
		DangerouslyAllowInsecureOrigins: p.GetDangerouslyAllowInsecureOrigins(),
		DangerouslyAllowPublicSuffixes:  p.GetDangerouslyAllowPublicSuffixes(),
	}
	if protocols := p.GetProtocols(); protocols != nil {
		config.Protocols = []corsrpc.Protocol{}
		for _, protocol := range protocols.GetValues() {
			config.Protocols = append(config.Protocols, corsrpc.Protocol(protocol))
		}
	}
	for name, o := range p.GetOverrides() {
		if config.Overrides == nil {
			config.Overrides = make(map[string]corsrpc.Override)
		}
		config.Overrides[name] = corsrpc.Override{
			Origins:          listOf(o.GetOrigins()),
			Credentials:      corsrpc.Switch(o.GetCredentials()),
			ReportOnly:       corsrpc.Switch(o.GetReportOnly()),
			Internal:         o.GetInternal(),
			Links:            corsrpc.Switch(o.GetLinks()),
			RequestHeaders:   o.GetRequestHeaders(),
			ResponseHeaders:  o.GetResponseHeaders(),
			ResponseTrailers: o.GetResponseTrailers(),
		}
	}
	for path, r := range p.GetResources() {
		if config.Resources == nil {
			config.Resources = make(map[string]corsrpc.Resource)
		}
		config.Resources[path] = corsrpc.Resource{
			Origins:         r.GetOrigins(),
			Credentials:     r.GetCredentials(),
			Methods:         r.GetMethods(),
			RequestHeaders:  r.GetRequestHeaders(),
			ResponseHeaders: r.GetResponseHeaders(),
			MaxAge:          r.GetMaxAge().AsDuration(),
		}
	}
	return config
}

// policyOf returns the message that describes what is data in a Config.
func policyOf(c corsrpc.Config) *corspolicyv1.Policy {
	p := &corspolicyv1.Policy{
		Origins:                         c.Origins,
		Credentials:                     c.Credentials,
		RequestHeaders:                  c.RequestHeaders,
		ResponseHeaders:                 c.ResponseHeaders,
		ResponseTrailers:                c.ResponseTrailers,
		Rest:                            corspolicyv1.REST(c.REST),
		Bindings:                        messagesOf(c.Bindings),
		Services:                        messageOf(c.Services),
		Except:                          c.Except,
		Audiences:                       messagesOf(c.Audiences),
		PathPrefix:                      c.PathPrefix,
		Hosts:                           messageOf(c.Hosts),
		RequireHosts:                    c.RequireHosts,
		RequireFetchMetadata:            c.RequireFetchMetadata,
		MaxAge:                          durationOf(c.MaxAge),
		ReportOnly:                      c.ReportOnly,
		ExplainTo:                       c.ExplainTo,
		ExplainIgnore:                   c.ExplainIgnore,
		DangerouslyAllowInsecureOrigins: c.DangerouslyAllowInsecureOrigins,
		DangerouslyAllowPublicSuffixes:  c.DangerouslyAllowPublicSuffixes,
		Overrides:                       make(map[string]*corspolicyv1.Override),
		Resources:                       make(map[string]*corspolicyv1.Resource),
	}
	if c.Protocols != nil {
		p.Protocols = &corspolicyv1.ProtocolList{}
		for _, protocol := range c.Protocols {
			p.Protocols.Values = append(p.Protocols.Values, corspolicyv1.Protocol(protocol))
		}
	}
	for name, o := range c.Overrides {
		p.Overrides[name] = &corspolicyv1.Override{
			Origins:          messageOf(o.Origins),
			Credentials:      corspolicyv1.Switch(o.Credentials),
			ReportOnly:       corspolicyv1.Switch(o.ReportOnly),
			Internal:         o.Internal,
			Links:            corspolicyv1.Switch(o.Links),
			RequestHeaders:   o.RequestHeaders,
			ResponseHeaders:  o.ResponseHeaders,
			ResponseTrailers: o.ResponseTrailers,
		}
	}
	for path, r := range c.Resources {
		p.Resources[path] = &corspolicyv1.Resource{
			Origins:         r.Origins,
			Credentials:     r.Credentials,
			Methods:         r.Methods,
			RequestHeaders:  r.RequestHeaders,
			ResponseHeaders: r.ResponseHeaders,
			MaxAge:          durationOf(r.MaxAge),
		}
	}
	return p
}

// listOf returns nil for an absent list, and for an empty one a slice that is
// not nil.
func listOf(list *corspolicyv1.StringList) []string {
	if list == nil {
		return nil
	}
	return append([]string{}, list.GetValues()...)
}

func messageOf(list []string) *corspolicyv1.StringList {
	if list == nil {
		return nil
	}
	return &corspolicyv1.StringList{Values: list}
}

func listsOf(lists map[string]*corspolicyv1.StringList) map[string][]string {
	if len(lists) == 0 {
		return nil
	}
	all := make(map[string][]string, len(lists))
	for name, list := range lists {
		all[name] = listOf(list)
	}
	return all
}

// messagesOf keeps the names of nil lists: in a map, they are empty lists.
func messagesOf(lists map[string][]string) map[string]*corspolicyv1.StringList {
	all := make(map[string]*corspolicyv1.StringList, len(lists))
	for name, list := range lists {
		all[name] = &corspolicyv1.StringList{Values: list}
	}
	return all
}

func durationOf(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}
