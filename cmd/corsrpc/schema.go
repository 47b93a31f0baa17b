package main

//lint:file-ignore SA1019 many servers have reflection in its version v1alpha alone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
)

// longestReflected bounds what is read of a server's schema.
const longestReflected = 64 << 20

// files returns the descriptors that the flags point to.
func (f *flags) files(ctx context.Context) (*protoregistry.Files, error) {
	switch {
	case f.image != "" && f.reflect != "":
		return nil, errors.New("give either --image or --reflect")
	case f.image != "":
		return corsconfig.ReadImage(f.image)
	case f.reflect != "":
		return f.reflected(ctx, f.reflect)
	}
	return nil, errNoSchema
}

func newFiles(from string, set *descriptorpb.FileDescriptorSet) (*protoregistry.Files, error) {
	if len(set.File) == 0 {
		return nil, fmt.Errorf("%s has no files", from)
	}
	files, err := protodesc.FileOptions{AllowUnresolvable: true}.NewFiles(set)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return files, nil
}

// reflected asks a server for its services. What reflection leaves unresolved of
// their options is kept.
func (f *flags) reflected(ctx context.Context, rawURL string) (*protoregistry.Files, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%.200q: write a URL such as https://api.example.com, or http://localhost:8080 without TLS", rawURL)
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%.200q: write the URL without a query and a fragment", rawURL)
	}
	config, err := f.tlsConfig()
	if err != nil {
		return nil, err
	}
	transport := credentials.NewTLS(config)
	port := "443"
	if u.Scheme == "http" {
		transport, port = insecure.NewCredentials(), "80"
	}
	target := u.Host
	if u.Port() == "" {
		target += ":" + port
	}
	conn, err := grpc.NewClient("passthrough:///"+target, grpc.WithTransportCredentials(transport), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(longestReflected)))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	set, err := reflectWith(func() (exchange, error) { return newV1(ctx, conn) })
	if status.Code(err) == codes.Unimplemented {
		set, err = reflectWith(func() (exchange, error) { return newV1alpha(ctx, conn) })
	}
	if err != nil {
		return nil, fmt.Errorf("%s: reflection: %s: does the server have gRPC reflection, and HTTP/2?", u.Host, shortened(status.Convert(err).Message()))
	}
	return newFiles(u.Host, set)
}

// exchange asks one question of a reflection service. Either version has the
// same messages.
type exchange func(*reflectionv1.ServerReflectionRequest) (*reflectionv1.ServerReflectionResponse, error)

func newV1(ctx context.Context, conn *grpc.ClientConn) (exchange, error) {
	stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		return nil, err
	}
	return func(request *reflectionv1.ServerReflectionRequest) (*reflectionv1.ServerReflectionResponse, error) {
		if err := stream.Send(request); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return stream.Recv()
	}, nil
}

func newV1alpha(ctx context.Context, conn *grpc.ClientConn) (exchange, error) {
	stream, err := reflectionv1alpha.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		return nil, err
	}
	return func(request *reflectionv1.ServerReflectionRequest) (*reflectionv1.ServerReflectionResponse, error) {
		old := &reflectionv1alpha.ServerReflectionRequest{}
		if err := convert(request, old); err != nil {
			return nil, err
		}
		if err := stream.Send(old); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		response, err := stream.Recv()
		if err != nil {
			return nil, err
		}
		current := &reflectionv1.ServerReflectionResponse{}
		return current, convert(response, current)
	}, nil
}

// convert copies between two messages with the same wire format.
func convert(from, to proto.Message) error {
	wire, err := proto.Marshal(from)
	if err != nil {
		return err
	}
	return proto.Unmarshal(wire, to)
}

// reflectWith collects the files of all services and what they import.
func reflectWith(start func() (exchange, error)) (*descriptorpb.FileDescriptorSet, error) {
	ask, err := start()
	if err != nil {
		return nil, err
	}
	response, err := ask(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{ListServices: "*"}})
	if err != nil {
		return nil, err
	}
	set, size := &descriptorpb.FileDescriptorSet{}, 0
	have := make(map[string]bool)
	var wanted []*reflectionv1.ServerReflectionRequest
	for _, service := range response.GetListServicesResponse().GetService() {
		if !strings.HasPrefix(service.GetName(), "grpc.reflection.") {
			wanted = append(wanted, &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: service.GetName()}})
		}
	}
	asked := make(map[string]bool)
	for len(wanted) > 0 {
		response, err := ask(wanted[0])
		if err != nil {
			return nil, err
		}
		wanted = wanted[1:]
		if failure := response.GetErrorResponse(); failure != nil {
			return nil, status.Error(codes.Code(failure.GetErrorCode()), failure.GetErrorMessage())
		}
		for _, wire := range response.GetFileDescriptorResponse().GetFileDescriptorProto() {
			if size += len(wire); size > longestReflected {
				return nil, status.Error(codes.ResourceExhausted, "the descriptors of the server have no end")
			}
			file := &descriptorpb.FileDescriptorProto{}
			if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(wire, file); err != nil {
				return nil, err
			}
			if have[file.GetName()] {
				continue
			}
			have[file.GetName()] = true
			set.File = append(set.File, file)
			for _, name := range file.GetDependency() {
				if !have[name] && !asked[name] {
					asked[name] = true
					wanted = append(wanted, &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_FileByFilename{FileByFilename: name}})
				}
			}
		}
	}
	return set, nil
}

// shortened returns text of the network that fits a message.
func shortened(text string) string {
	const longest = 500
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "…"
}
