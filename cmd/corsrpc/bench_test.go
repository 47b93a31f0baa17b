package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

// TestMain lets the test binary be the command, for measuring how it starts.
func TestMain(m *testing.M) {
	if os.Getenv("CORSRPC_COMMAND_MAIN") == "1" {
		os.Args = append(os.Args[:1], "help")
		main()
	}
	os.Exit(m.Run())
}

// BenchmarkStart measures a process that prints its help.
func BenchmarkStart(b *testing.B) {
	executable, err := os.Executable()
	require.NoError(b, err)
	for b.Loop() {
		command := exec.Command(executable)
		command.Env = append(os.Environ(), "CORSRPC_COMMAND_MAIN=1")
		require.NoError(b, command.Run())
	}
}

// BenchmarkRules measures the rules of 10,000 procedures.
func BenchmarkRules(b *testing.B) {
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("a.proto"), Package: proto.String("acme.big.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Empty")}},
	}
	for i := range 200 {
		service := &descriptorpb.ServiceDescriptorProto{Name: proto.String(fmt.Sprintf("Service%d", i))}
		for j := range 50 {
			service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
				Name: proto.String(fmt.Sprintf("Method%d", j)), InputType: proto.String(".acme.big.v1.Empty"), OutputType: proto.String(".acme.big.v1.Empty"),
			})
		}
		file.Service = append(file.Service, service)
	}
	image, err := proto.Marshal(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{file}})
	require.NoError(b, err)
	name := directory(b.TempDir()).write(b, "big.binpb", image)
	for _, flags := range []string{"--format=text", "--format=json", "--why"} {
		b.Run(flags, func(b *testing.B) {
			for b.Loop() {
				require.Equal(b, fine, run(b.Context(), []string{"rules", "--image", name, flags}, io.Discard, io.Discard))
			}
		})
	}
	b.Run("diff", func(b *testing.B) {
		for b.Loop() {
			require.Equal(b, fine, run(b.Context(), []string{"diff", name, name}, io.Discard, io.Discard))
		}
	})
}
