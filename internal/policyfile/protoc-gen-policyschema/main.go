// Command protoc-gen-policyschema makes policy.schema.json of
// corsrpc/policy/v1/policy.proto: with it, editors complete and check policy
// files. The descriptions are the comments of the proto file.
package main

import (
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/corsrpc/corsrpc-go/internal/policyfile"
)

func main() {
	protogen.Options{}.Run(func(plugin *protogen.Plugin) error {
		file := plugin.FilesByPath["corsrpc/policy/v1/policy.proto"]
		if file == nil || !file.Generate {
			return nil
		}
		text, err := policyfile.Schema(file.Desc.Messages().ByName("Policy"), comment)
		if err != nil {
			return err
		}
		_, err = plugin.NewGeneratedFile(file.GeneratedFilenamePrefix+".schema.json", file.GoImportPath).Write(text)
		return err
	})
}

// comment returns the comment before a message or field, with its lines joined.
func comment(d protoreflect.Descriptor) string {
	text := d.ParentFile().SourceLocations().ByDescriptor(d).LeadingComments
	return strings.Join(strings.Fields(text), " ")
}
