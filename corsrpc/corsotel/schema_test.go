package corsotel_test

import (
	"fmt"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	_ "github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1" // the schema uses its options
)

const schema = `
name: "acme/shop/v1/shop.proto" package: "acme.shop.v1" syntax: "proto3"
dependency: "corsrpc/v1/options.proto"
message_type { name: "Empty" }
message_type { name: "GetCartRequest" field { name: "id" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL } }
service {
  name: "CartService"
  method { name: "AddItem" input_type: ".acme.shop.v1.Empty" output_type: ".acme.shop.v1.Empty" }
  method { name: "GetCart" input_type: ".acme.shop.v1.GetCartRequest" output_type: ".acme.shop.v1.Empty" options { idempotency_level: NO_SIDE_EFFECTS } }
}
service {
  name: "AdminService"
  method {
    name: "Purge" input_type: ".acme.shop.v1.Empty" output_type: ".acme.shop.v1.Empty"
    options { [corsrpc.v1.method] { access: ACCESS_INTERNAL } }
  }
}
service {
  name: "ClosedService"
  method { name: "Call" input_type: ".acme.shop.v1.Empty" output_type: ".acme.shop.v1.Empty" }
}
`

var shop = register(schema)

// many returns a schema with a service of n methods, M0 and so on.
func many(n int) *protoregistry.Files {
	text := `name: "many.proto" package: "many" syntax: "proto3" message_type { name: "Empty" } service { name: "Service" `
	for i := range n {
		text += fmt.Sprintf(`method { name: "M%d" input_type: ".many.Empty" output_type: ".many.Empty" } `, i)
	}
	return register(text + "}")
}

// register panics if the schema is not valid, since examples have no testing.T.
func register(text string) *protoregistry.Files {
	file, files := new(descriptorpb.FileDescriptorProto), new(protoregistry.Files)
	err := prototext.Unmarshal([]byte(text), file)
	if err != nil {
		panic(err)
	}
	descriptor, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		panic(err)
	}
	if err := files.RegisterFile(descriptor); err != nil {
		panic(err)
	}
	return files
}
