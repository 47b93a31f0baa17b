module github.com/corsrpc/corsrpc-go/internal/peers

go 1.26.0

replace github.com/corsrpc/corsrpc-go => ../..

require (
	connectrpc.com/cors v0.1.0
	github.com/corsrpc/corsrpc-go v0.0.0-00010101000000-000000000000
	github.com/go-chi/cors v1.2.2
	github.com/gorilla/handlers v1.5.2
	github.com/rs/cors v1.11.1
	github.com/stretchr/testify v1.12.1
)

require (
	connectrpc.com/connect v1.21.1 // indirect
	github.com/felixge/httpsnoop v1.0.3 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260817212433-ac3dfec99bb1 // indirect
	google.golang.org/grpc v1.85.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
