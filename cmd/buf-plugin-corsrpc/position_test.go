package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
)

// Compilers differ in which parts of an option have a position. buf 1.75.0 gives
// one to each occurrence of a field, protocompile 0.14 to each element, others
// to the whole option, and an image can have none at all.
func TestPositionOfAnElement(t *testing.T) {
	t.Parallel()
	var (
		service   = protoreflect.SourcePath{6, 0}
		method    = protoreflect.SourcePath{6, 0, 2, 1}
		extension = protoreflect.SourcePath{6, 0, 2, 1, 4, number}
		first     = protoreflect.SourcePath{6, 0, 2, 1, 4, number, 1, 0}
		second    = protoreflect.SourcePath{6, 0, 2, 1, 4, number, 1, 1}
		third     = protoreflect.SourcePath{6, 0, 2, 1, 4, number, 1, 2}
		other     = protoreflect.SourcePath{6, 0, 2, 1, 4, number, 2, 0}
	)
	for _, test := range []struct {
		name     string
		elements int
		spans    []protoreflect.SourcePath
		want     []protoreflect.SourcePath // of each element
	}{
		{"each on a line", 2, []protoreflect.SourcePath{service, method, extension, first, second}, []protoreflect.SourcePath{first, second}},
		{"one literal of all", 2, []protoreflect.SourcePath{service, method, extension, first}, []protoreflect.SourcePath{first, first}},
		{"a literal of two, and one on a line", 3, []protoreflect.SourcePath{service, method, extension, first, second}, []protoreflect.SourcePath{extension, extension, extension}},
		{"the same without a position of the option", 3, []protoreflect.SourcePath{service, method, first, second}, []protoreflect.SourcePath{method, method, method}},
		{"more positions than elements", 1, []protoreflect.SourcePath{extension, first, second, third}, []protoreflect.SourcePath{extension}},
		{"the option alone", 2, []protoreflect.SourcePath{service, method, extension}, []protoreflect.SourcePath{extension, extension}},
		{"another list", 1, []protoreflect.SourcePath{service, method, extension, other}, []protoreflect.SourcePath{extension}},
		{"the method alone", 1, []protoreflect.SourcePath{service, method}, []protoreflect.SourcePath{method}},
		{"the service alone", 1, []protoreflect.SourcePath{service}, []protoreflect.SourcePath{service}},
		{"none", 1, nil, []protoreflect.SourcePath{nil}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			options := &descriptorpb.MethodOptions{}
			proto.SetExtension(options, corsrpcv1.E_Method, &corsrpcv1.MethodOptions{RequestHeaders: []string{"x-a", "x-b", "x-c"}[:test.elements]})
			file := oneMethod(nil, nil)
			call := file.Service[0].Method[0]
			file.Service[0].Method = []*descriptorpb.MethodDescriptorProto{
				{Name: proto.String("First"), InputType: call.InputType, OutputType: call.OutputType},
				{Name: proto.String("Second"), InputType: call.InputType, OutputType: call.OutputType, Options: options},
			}
			file.SourceCodeInfo = &descriptorpb.SourceCodeInfo{}
			for i, span := range test.spans {
				file.SourceCodeInfo.Location = append(file.SourceCodeInfo.Location, &descriptorpb.SourceCodeInfo_Location{Path: span, Span: []int32{int32(i), 0, 1}})
			}
			d := readSet(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{file}}, nil).byName["acme.Service.Second"]
			var got []protoreflect.SourcePath
			for i := range test.elements {
				at := d.element(requestHeaders, i)
				assert.Equal(t, "acme.proto", at.file)
				got = append(got, at.path)
			}
			assert.Equal(t, test.want, got)
		})
	}
}
