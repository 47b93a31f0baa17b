package corsgrpc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsgrpc"
)

func TestIncomingHeader(t *testing.T) {
	t.Parallel()
	type result struct {
		name string
		ok   bool
	}
	next := func(name string) (string, bool) { return "next-" + name, name == "X-Tenant-Id" }
	for _, test := range []struct {
		name       string
		next, none result // with next, and without one
	}{
		{"Origin", result{"grpcgateway-origin", true}, result{"grpcgateway-origin", true}},
		{"origin", result{"grpcgateway-origin", true}, result{"grpcgateway-origin", true}},
		{"Sec-Fetch-Site", result{"sec-fetch-site", true}, result{"sec-fetch-site", true}},
		{"Sec-Purpose", result{"sec-purpose", true}, result{"sec-purpose", true}},
		{"Sec-Fetch-Mode", result{"next-Sec-Fetch-Mode", false}, result{}},
		{"X-Tenant-Id", result{"next-X-Tenant-Id", true}, result{}},
	} {
		name, ok := corsgrpc.IncomingHeader(next)(test.name)
		assert.Equal(t, test.next, result{name, ok}, test.name)
		name, ok = corsgrpc.IncomingHeader(nil)(test.name)
		assert.Equal(t, test.none, result{name, ok}, test.name)
	}
}
