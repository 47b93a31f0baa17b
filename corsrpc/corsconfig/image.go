package corsconfig

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// longestImage bounds, generously, what is read of an image.
const longestImage = 512 << 20

// ReadImage reads the descriptors of services from a file: for programs that do
// not link the generated code, such as proxies. The file is a buf image or a
// FileDescriptorSet, in the binary format, and can be compressed with gzip:
//
//	buf build -o image.binpb
//	protoc --include_imports --descriptor_set_out=image.binpb …
//
// Files that others import need not be in it.
func ReadImage(name string) (*protoregistry.Files, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, longestImage))
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(content, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		return nil, fmt.Errorf("%s is compressed with zstd, which is not supported: write `buf build -o image.binpb`", name)
	}
	if bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
		reader, err := gzip.NewReader(bytes.NewReader(content))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if content, err = io.ReadAll(io.LimitReader(reader, longestImage)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if bytes.HasPrefix(bytes.TrimSpace(content), []byte("{")) {
		return nil, fmt.Errorf("%s is JSON, which loses options that this program does not know: write a binary image, `buf build -o image.binpb`", name)
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(content, set); err != nil {
		return nil, fmt.Errorf("%s is not a buf image or FileDescriptorSet (%w): write one with `buf build -o image.binpb`", name, err)
	}
	if len(set.File) == 0 {
		return nil, fmt.Errorf("%s has no files", name)
	}
	files, err := protodesc.FileOptions{AllowUnresolvable: true}.NewFiles(set)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return files, nil
}
