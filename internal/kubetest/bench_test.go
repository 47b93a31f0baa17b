package kubetest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// thousandConfig returns a Config for a thousand procedures in a hundred services,
// with five lists.
func thousandConfig(t testing.TB) corsrpc.Config {
	t.Helper()
	files := new(protoregistry.Files)
	config := corsrpc.Config{Origins: []string{"https://app.example.com"}, Files: files, Overrides: map[string]corsrpc.Override{}, Hosts: []string{"api.example.com"}}
	for pkg := range 10 {
		file := &descriptorpb.FileDescriptorProto{
			Name: proto.String(fmt.Sprintf("acme/team%d.proto", pkg)), Package: proto.String(fmt.Sprintf("acme.team%d.v1", pkg)), Syntax: proto.String("proto3"),
			MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Empty")}},
		}
		empty := proto.String("." + file.GetPackage() + ".Empty")
		for service := range 10 {
			s := &descriptorpb.ServiceDescriptorProto{Name: proto.String(fmt.Sprintf("Department%dService", service))}
			for method := range 10 {
				s.Method = append(s.Method, &descriptorpb.MethodDescriptorProto{Name: proto.String(fmt.Sprintf("ListSomething%d", method)), InputType: empty, OutputType: empty})
			}
			file.Service = append(file.Service, s)
			if service < 4 {
				config.Overrides[file.GetPackage()+"."+s.GetName()] = corsrpc.Override{
					Origins:        []string{fmt.Sprintf("https://page%d.example.com", service), "https://*.preview.example.com"},
					RequestHeaders: []string{fmt.Sprintf("X-Header-%d", service)},
				}
			}
		}
		fd, err := protodesc.NewFile(file, files)
		require.NoError(t, err)
		require.NoError(t, files.RegisterFile(fd))
	}
	return config
}

// BenchmarkValidate reports how long the API server takes to validate the objects
// of a thousand procedures, how many there are, and their size.
func BenchmarkValidate(b *testing.B) {
	for name, x := range targets {
		policy, err := corsrpc.New(thousandConfig(b))
		require.NoError(b, err)
		o := options
		o.BehindGate = name != "VirtualService"
		export, err := x.export(policy, o)
		require.NoError(b, err)
		kinds, data := x.mustKinds(b), export.Files[0].Data
		b.Run(name, func(b *testing.B) {
			objects := 0
			for b.Loop() {
				var err error
				objects, err = kinds.Validate(data)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(objects), "objects")
			b.ReportMetric(float64(len(data)), "B")
		})
	}
}
