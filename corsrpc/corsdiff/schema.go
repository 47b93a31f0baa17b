package corsdiff

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/contract"
)

// Page is the origin that stands for the pages of methods without an audience
// in the Config of a schema alone.
const Page = "https://page.example"

// AudiencePage returns the origin that stands for the pages of an audience: a
// different one for each.
func AudiencePage(audience string) string {
	var label strings.Builder
	for _, c := range []byte(audience) {
		switch {
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			label.WriteByte(c)
		default: // a label of the DNS cannot have it
			fmt.Fprintf(&label, "-%02x", c)
		}
	}
	const longest = 63
	text := label.String()
	if len(text) > longest {
		sum := sha256.Sum256([]byte(audience))
		const enough = 8
		end := fmt.Sprintf("-%x", sum[:enough])
		text = text[:longest-len(end)] + end
	}
	return "https://" + text + ".audience.example"
}

// SchemaConfig returns a Config that has what the schema declares and nothing
// else: [Page] in Origins, [AudiencePage] for each audience, and the REST
// bindings as grpc-gateway serves them. Its error is that of a schema whose
// options cannot be read.
func SchemaConfig(files *protoregistry.Files) (corsrpc.Config, error) {
	services, err := contract.Services(files)
	if err != nil {
		return corsrpc.Config{}, fmt.Errorf("corsdiff: %w", err)
	}
	config := corsrpc.Config{
		Origins:   []string{Page},
		Audiences: make(map[string][]string),
		REST:      corsrpc.RESTGateway,
		Files:     files,
	}
	for _, service := range services {
		addAudience(config.Audiences, service.Options.Audience)
		for _, method := range service.Methods {
			addAudience(config.Audiences, method.Options.Audience)
		}
	}
	return config, nil
}

func addAudience(audiences map[string][]string, label string) {
	if label != "" {
		audiences[label] = []string{AudiencePage(label)}
	}
}
