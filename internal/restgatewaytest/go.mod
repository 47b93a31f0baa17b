module github.com/corsrpc/corsrpc-go/internal/restgatewaytest

go 1.26.0

replace (
	github.com/corsrpc/corsrpc-go => ../..
	github.com/corsrpc/corsrpc-go/internal/library => ../library
)

require (
	cloud.google.com/go/iam v1.12.0
	cloud.google.com/go/kms v1.33.0
	cloud.google.com/go/longrunning v1.2.0
	connectrpc.com/connect v1.21.1
	connectrpc.com/vanguard v0.3.0
	github.com/corsrpc/corsrpc-go v0.0.0-00010101000000-000000000000
	github.com/corsrpc/corsrpc-go/internal/library v0.0.0-00010101000000-000000000000
	github.com/grpc-ecosystem/grpc-gateway/v2 v2.32.0
	github.com/stretchr/testify v1.12.1
	google.golang.org/genproto/googleapis/api v0.0.0-20261012220534-4341edf3f941
	google.golang.org/grpc v1.85.0
	google.golang.org/protobuf v1.36.12
)

require (
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/genproto v0.0.0-20260319201613-d00831a3d3e7 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20261005182115-fad411399dd8 // indirect
)
