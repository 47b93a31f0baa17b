package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/corsrpc/corstest"
)

var profiles = map[string]corstest.Profile{
	"standard": corstest.Standard, "chromium": corstest.Chromium, "firefox": corstest.Firefox, "webkit": corstest.WebKit,
}

var protocols = map[string]corstest.Protocol{
	"connect": corstest.Connect, "get": corstest.ConnectGET, "grpc-web": corstest.GRPCWeb,
	"rest-gateway": corstest.RESTGateway, "rest-transcoding": corstest.RESTTranscoding,
}

// inFlags is what the options of package corstest, which its texts name, are
// called here.
var inFlags = strings.NewReplacer(
	"corstest: ", "",
	"is the path missing (WithPathPrefix), or the import of the generated code?", "is the URL's path missing, or is this the schema of another server?",
	"is the import of its generated code missing?", "check the name, and the schema",
	"pass WithAudiences those that", "pass with --audience those that",
	"no linked service", "no service of the schema",
	"linked services", "schema's services",
	"WithServices and WithNoAccess", "--service and --no-access",
	"WithCookies or WithMetadata", "-H",
	"WithCookies and WithMetadata log a user in", "-H logs a user in",
	" WithCalls shows those of handlers.", "", // it runs them
	" WithCalls shows them.", "",
	"list RESTGateway (grpc-gateway) or RESTTranscoding (Vanguard, Envoy) in WithProtocols beside",
	"give --protocol rest-gateway (grpc-gateway) or --protocol rest-transcoding (Vanguard, Envoy) beside",
	"WithAudiences", "--audience",
	"WithLinks", "--links",
	", and REST those with google.api.http or WithBindings", ", and REST those with google.api.http",
	"WithProtocols", "--protocol",
	"WithNoAccess", "--no-access",
)

// notChecked ends each report.
const notChecked = "\nNot checked: what a CDN or a firewall does to real browsers, what caches hold, and sessions other than that of -H.\n"

func runCheck(ctx context.Context, f *flags, stdout io.Writer) (int, error) {
	options, err := f.checkOptions()
	if err != nil {
		return failed, err
	}
	files, err := f.servicesOf(ctx, f.args[0], options)
	if err != nil {
		return failed, err
	}
	report, err := corstest.CheckURL(ctx, f.args[0], f.origin, append(options, corstest.WithFiles(files))...)
	if err != nil {
		return failed, errors.New(inFlags.Replace(err.Error()))
	}
	if _, err := io.WriteString(stdout, inFlags.Replace(report.String())+notChecked); err != nil {
		return failed, err
	}
	if report.Err() != nil {
		return findings, nil
	}
	return fine, nil
}

// checkOptions returns what the flags ask for.
func (f *flags) checkOptions() ([]corstest.CheckOption, error) {
	profile, ok := profiles[f.profile]
	switch {
	case len(f.args) == 0:
		return nil, errors.New("give the URL of the server, with its path prefix if it has one")
	case len(f.args) > 1:
		return nil, fmt.Errorf("the argument %.80q is not expected here: check takes one URL", f.args[1])
	case !ok:
		return nil, oneOf("profile", f.profile, "standard", "chromium", "firefox", "webkit")
	case f.origin == "":
		return nil, errors.New("give --origin with the origin of the page")
	case f.noAccess && len(f.audiences) > 0:
		return nil, errors.New("give either --audience or --no-access")
	case f.noAudience && (f.noAccess || len(f.audiences) > 0):
		return nil, errors.New("give --no-audience without --audience and --no-access")
	}
	if _, err := newBrowser(f.origin, nil); err != nil {
		return nil, err
	}
	options := []corstest.CheckOption{corstest.WithProfile(profile), corstest.WithResponseTimeout(f.timeout)}
	if f.noAccess {
		options = append(options, corstest.WithNoAccess())
	}
	if len(f.audiences) > 0 {
		options = append(options, corstest.WithAudiences(f.audiences...))
	}
	if f.noAudience {
		options = append(options, corstest.WithAudiences())
	}
	if len(f.services) > 0 {
		options = append(options, corstest.WithServices(f.services...))
	}
	if len(f.protocols) > 0 {
		var chosen []corstest.Protocol
		for _, name := range f.protocols {
			if err := oneOf("protocol", name, "connect", "get", "grpc-web", "rest-gateway", "rest-transcoding"); err != nil {
				return nil, err
			}
			chosen = append(chosen, protocols[name])
		}
		options = append(options, corstest.WithProtocols(chosen...))
	}
	if len(f.links) > 0 {
		options = append(options, corstest.WithLinks(f.links...))
	}
	if f.credentials {
		options = append(options, corstest.WithCredentials(corstest.CredentialsInclude))
	}
	metadata, err := f.header()
	if err != nil {
		return nil, err
	}
	if len(metadata) > 0 {
		options = append(options, corstest.WithMetadata(metadata))
	}
	config, err := f.tlsConfig()
	if err != nil {
		return nil, err
	}
	if config != nil || f.preflights {
		options = append(options, corstest.WithTransport(f.transport(config, metadata)))
	}
	return options, nil
}

// servicesOf returns the services that the flags point to, or else those of the
// server itself.
func (f *flags) servicesOf(ctx context.Context, server string, options []corstest.CheckOption) (*protoregistry.Files, error) {
	if f.image != "" || f.reflect != "" {
		return f.files(ctx)
	}
	files, err := f.reflected(ctx, server)
	if err == nil {
		return files, nil
	}
	// CheckURL explains better why a server cannot be reached at all.
	_, explained := corstest.CheckURL(ctx, server, f.origin, append(options, corstest.WithFiles(new(protoregistry.Files)))...)
	if errors.Is(explained, corstest.ErrUnreachable) {
		return nil, errors.New(inFlags.Replace(explained.Error()))
	}
	return nil, fmt.Errorf("%w; or give --image with what `buf build -o image.binpb` writes", err)
}
