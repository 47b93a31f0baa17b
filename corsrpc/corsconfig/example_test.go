package corsconfig_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
	_ "github.com/corsrpc/corsrpc-go/internal/gen/acme/shop/v1" // the services
)

// A policy that holds everywhere, and what differs in production.
func ExampleLoad() {
	base := file("base.yaml", `
request_headers: [Authorization]
response_trailers: [X-Cost]
audiences:
  storefront: []
  backoffice: []
`)
	production := file("production.yaml", `
origins: [https://app.example.com]
audiences:
  storefront: [https://shop.example.com]
`)
	config, err := corsconfig.Load(nil, base, production)
	if err != nil {
		log.Fatal(err) // every mistake, with its file, line and column
	}
	policy, err := corsrpc.New(config)
	if err != nil {
		log.Fatal(err)
	}
	rule, _ := policy.Rule("/acme.shop.v1.CartService/Checkout")
	fmt.Println(rule.Origins)
	// Output: [https://shop.example.com]
}

// A program that does not link the services, such as a proxy, reads what
// `buf build -o image.binpb` writes.
func ExampleReadImage() {
	image := file("image.binpb", shopImage())
	files, err := corsconfig.ReadImage(image)
	if err != nil {
		log.Fatal(err)
	}
	config, err := corsconfig.Load(files, file("policy.yaml", `
origins: [https://app.example.com]
audiences:
  storefront: [https://shop.example.com]
  backoffice: []
`))
	if err != nil {
		log.Fatal(err)
	}
	policy, err := corsrpc.New(config) // then policy.Wrap around the proxy
	if err != nil {
		log.Fatal(err)
	}
	rule, _ := policy.Rule("/acme.shop.v1.CartService/Checkout")
	fmt.Println(rule.Origins)
	// Output: [https://shop.example.com]
}

// shopImage is an image of acme.shop.v1.
func shopImage() string {
	set := &descriptorpb.FileDescriptorSet{}
	protoregistry.GlobalFiles.RangeFilesByPackage("acme.shop.v1", func(file protoreflect.FileDescriptor) bool {
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
		return true
	})
	image, err := proto.Marshal(set)
	if err != nil {
		log.Fatal(err)
	}
	return string(image)
}

// Mistakes come all at once.
func ExampleLoad_mistakes() {
	name := file("policy.yaml", `origins: [app.example.com]
credentails: true
max_age: 7200
`)
	_, err := corsconfig.Load(nil, name)
	fmt.Println(strings.ReplaceAll(err.Error(), name, "policy.yaml"))
	// Output:
	// policy.yaml:1:11: origins[0]: "app.example.com" has no scheme: an origin is scheme://host; write "https://app.example.com"
	// policy.yaml:2:1: unknown field "credentails"; did you mean credentials?
	// policy.yaml:3:10: max_age: is the number 7200, not a duration: write a number with its unit, such as 90s, 10m or 2h
}

// What a program can do with each mistake.
func ExampleError() {
	name := file("policy.yaml", "origins:\n  - app.example.com\n  - 8080\n")
	_, err := corsconfig.Load(nil, name)
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			if mistake, ok := errors.AsType[*corsconfig.Error](err); ok {
				fmt.Println(mistake.Line, mistake.Column, mistake.Field)
			}
		}
	}
	// Output:
	// 2 5 origins[0]
	// 3 5 origins[1]
}

// What can be told without the services.
func ExampleRead() {
	name := file("policy.yaml", "services: [acme.unknown.v1.Service]\norigins: [https://app.example.com/]\n")
	_, err := corsconfig.Read(name)
	fmt.Println(strings.ReplaceAll(err.Error(), name, "policy.yaml"))
	// Output: policy.yaml:2:11: origins[0]: "https://app.example.com/" has a path: an origin ends after its host and port; write "https://app.example.com"
}

// A Config that a program has, as a file for people.
func ExampleMarshal() {
	text, err := corsconfig.Marshal(corsrpc.Config{
		Origins:   []string{"https://app.example.com", "https://*.preview.example.com"},
		MaxAge:    10 * time.Minute,
		Overrides: map[string]corsrpc.Override{"acme.shop.v1.CartService": {Credentials: corsrpc.On}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	// Output:
	// origins:
	//   - https://app.example.com
	//   - https://*.preview.example.com
	// overrides:
	//   acme.shop.v1.CartService:
	//     credentials: on
	// max_age: 10m
}

// A server whose policy changes while it runs.
func ExampleWatch() {
	name := file("policy.yaml", "origins: [https://app.example.com]\naudiences: {storefront: [], backoffice: []}\n")
	policy := &corsrpc.Policy{} // refuses every page until the file is applied
	ctx, stop := context.WithCancel(context.Background())
	err := corsconfig.Watch(ctx, policy, corsconfig.WatchConfig{ // a server runs this in a goroutine of its own
		Names: []string{name},
		Adjust: func(config *corsrpc.Config) { // what only the program knows
			config.OnDecision = corsrpc.LogDenied(nil)
		},
		OnReload: func(err error) {
			fmt.Println(policy.Config().Origins, err)
			stop() // a server goes on
		},
	})
	fmt.Println(err)
	// Output:
	// [https://app.example.com] <nil>
	// <nil>
}

// file makes a file for an Example.
func file(name, text string) string {
	name = filepath.Join(exampleFiles, name)
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		log.Fatal(err)
	}
	return name
}

var exampleFiles string

func TestMain(m *testing.M) {
	var err error
	if exampleFiles, err = os.MkdirTemp("", "corsconfig"); err != nil {
		log.Fatal(err)
	}
	status := m.Run()
	if err := os.RemoveAll(exampleFiles); err != nil {
		log.Print(err)
	}
	os.Exit(status)
}
