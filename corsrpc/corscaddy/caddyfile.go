package corscaddy

import (
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// The policy judges the path that the server behind Caddy gets, so it comes after
// what rewrites paths. It comes before authentication, since a preflight never has
// credentials, and before whatever else responds.
func init() {
	httpcaddyfile.RegisterHandlerDirective("corsrpc", parse)
	httpcaddyfile.RegisterDirectiveOrder("corsrpc", httpcaddyfile.After, "try_files")
}

func parse(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

const defaultWatch = 3 * time.Second

// UnmarshalCaddyfile implements [caddyfile.Unmarshaler]:
//
//	corsrpc [<matcher>] {
//		image  <file>
//		policy <files...>
//		watch  [<interval>]
//	}
//
// Several lines of policy add up. watch without an interval reads the files every
// three seconds.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.Errf("unexpected %q: write image and policy into a block", d.Val())
	}
	for d.NextBlock(0) {
		name, args := d.Val(), d.RemainingArgs()
		switch {
		case name == "image" && h.Image != "":
			return d.Err("a second image: one image can have all services")
		case name == "image" && len(args) == 1:
			h.Image = args[0]
		case name == "policy" && len(args) > 0:
			h.Policy = append(h.Policy, args...)
		case name == "watch" && len(args) == 0:
			h.Watch = caddy.Duration(defaultWatch)
		case name == "watch" && len(args) == 1:
			interval, err := caddy.ParseDuration(args[0])
			if err != nil || interval <= 0 {
				return d.Errf("watch %q: write how often to read the policy files, such as %s", args[0], defaultWatch)
			}
			h.Watch = caddy.Duration(interval)
		case name == "image", name == "policy", name == "watch":
			return d.Errf("%s with %d arguments: write image <file>, policy <files...> or watch [<interval>]", name, len(args))
		default:
			return d.Errf("unknown subdirective %q: write image, policy or watch", name)
		}
	}
	return nil
}

var _ caddyfile.Unmarshaler = (*Handler)(nil)
