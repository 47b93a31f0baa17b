package corscaddy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
)

func init() { caddy.RegisterModule(new(Handler)) }

// A Handler responds to preflights, refuses calls and writes CORS headers, as
// [corsrpc.Policy.Wrap] does around the handlers that follow it.
//
// On paths that the policy governs, it removes the Access-Control-* headers of the
// servers behind it. The names in their Access-Control-Expose-Headers, except "*",
// are added to its own. On all other paths it changes nothing.
//
// Every request that is not allowed is logged at level WARN, bounded as by
// [corsrpc.LogDenied].
//
// Caddy makes Handlers from its configuration: a Handler serves, concurrently, from
// Provision until Cleanup.
type Handler struct {
	// Image is the file that has the descriptors of the services: a buf image
	// or FileDescriptorSet, as [corsconfig.ReadImage] reads it. It is needed.
	Image string `json:"image,omitempty"`

	// Policy are the policy files, as [corsconfig.Load] reads them: later files
	// change what earlier ones say. At least one is needed.
	Policy []string `json:"policy,omitempty"`

	// Watch is how often the policy files are read, so that a change is applied
	// without a reload. While the files have a mistake, which is logged, the last
	// good policy stays in force. The image is not watched. 0 means never.
	Watch caddy.Duration `json:"watch,omitempty"`

	policy *corsrpc.Policy
	stop   func() // ends the watch and waits for its end
}

// CaddyModule implements [caddy.Module].
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.corsrpc",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Provision implements [caddy.Provisioner]: it reads the files. Their names can
// have global placeholders, such as {env.POLICY_DIR}. Relative names are relative
// to Caddy's working directory.
func (h *Handler) Provision(ctx caddy.Context) error {
	switch {
	case h.Image == "":
		return errors.New("image is missing: name the file that `buf build -o image.binpb` writes")
	case len(h.Policy) == 0:
		return errors.New("policy is missing: name at least one policy file")
	case h.Watch < 0:
		return fmt.Errorf("watch is negative: write how often to read the policy files, such as %s", defaultWatch)
	}
	image, err := fileName("image", h.Image)
	if err != nil {
		return err
	}
	names := make([]string, len(h.Policy))
	for i, name := range h.Policy {
		if names[i], err = fileName("policy", name); err != nil {
			return err
		}
	}
	files, err := corsconfig.ReadImage(image)
	if err != nil {
		return fmt.Errorf("image: %w", err)
	}
	logger := ctx.Slogger()
	if h.Watch > 0 {
		h.policy, h.stop, err = watch(files, names, time.Duration(h.Watch), logger)
	} else {
		h.policy, err = load(files, names, logger)
	}
	if err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	return nil
}

// fileName returns an absolute path, so that errors name the directory too.
func fileName(field, name string) (string, error) {
	replaced, err := caddy.NewReplacer().ReplaceOrErr(name, true, true)
	if err != nil {
		return "", fmt.Errorf("%s: %q: %w: write a placeholder that has a value when Caddy starts, such as {env.NAME}", field, name, err)
	}
	return filepath.Abs(replaced)
}

func load(files *protoregistry.Files, names []string, logger *slog.Logger) (*corsrpc.Policy, error) {
	config, err := corsconfig.Load(files, names...)
	if err != nil {
		return nil, err
	}
	config.OnDecision = corsrpc.LogDenied(logger)
	return corsrpc.New(config)
}

// watch returns a policy that follows its files until stop is called.
func watch(files *protoregistry.Files, names []string, interval time.Duration, logger *slog.Logger) (p *corsrpc.Policy, stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	first, done := make(chan error, 1), make(chan struct{})
	applied := false
	onDecision := corsrpc.LogDenied(logger)
	p = &corsrpc.Policy{}
	go func() {
		defer close(done)
		_ = corsconfig.Watch(ctx, p, corsconfig.WatchConfig{ // its error went to OnReload
			Names:    names,
			Interval: interval,
			Adjust:   func(c *corsrpc.Config) { c.Files, c.OnDecision = files, onDecision },
			OnReload: func(err error) {
				switch {
				case !applied:
					applied = true
					first <- err
				case err != nil:
					logger.Error("the policy files cannot be applied", "error", err)
				default:
					logger.Info("the policy files have changed and are in force")
				}
			},
		})
	}()
	stop = func() { cancel(); <-done }
	if err := <-first; err != nil {
		stop()
		return nil, nil, err
	}
	return p, stop, nil
}

// Cleanup implements [caddy.CleanerUpper].
func (h *Handler) Cleanup() error {
	if h.stop != nil {
		h.stop()
	}
	return nil
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler]. The CORS headers are set
// before next runs, so that Caddy's response to an error of next has them too.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	var err error
	h.policy.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own := newWriter(w, h.policy, r)
		err = next.ServeHTTP(own, r)
		own.settle()
	})).ServeHTTP(w, r)
	return err
}

// Interfaces that Caddy looks for.
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddy.CleanerUpper          = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
