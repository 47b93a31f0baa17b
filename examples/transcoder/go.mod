module github.com/corsrpc/corsrpc-go/examples/transcoder

go 1.26.0

replace (
	github.com/corsrpc/corsrpc-go => ../..
	github.com/corsrpc/corsrpc-go/internal/library => ../../internal/library
)

require (
	connectrpc.com/connect v1.21.1
	connectrpc.com/vanguard v0.3.0
	github.com/corsrpc/corsrpc-go v0.0.0
	github.com/corsrpc/corsrpc-go/internal/library v0.0.0
	github.com/stretchr/testify v1.12.1
	google.golang.org/grpc v1.85.0
)

require (
	github.com/grpc-ecosystem/grpc-gateway/v2 v2.32.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20261012220534-4341edf3f941 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261005182115-fad411399dd8 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
