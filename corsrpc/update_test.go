package corsrpc_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

func TestUpdateWithAMistakeChangesNothing(t *testing.T) {
	t.Parallel()
	policy := newPolicy(t, shopConfig())
	before, rules := policy.Config(), rulesOf(policy)
	bad := shopConfig()
	bad.Origins = []string{evil, "https://*"}
	require.Error(t, policy.Update(bad))
	assert.Equal(t, before, policy.Config())
	assert.Equal(t, rules, rulesOf(policy))
	assert.False(t, exchange(policy, newRequest("POST", getProduct, "Origin", evil)).ran)
}

// Under load every response is wholly that of one Config: the two differ in
// every header.
func TestUpdateUnderLoad(t *testing.T) {
	t.Parallel()
	one := corsrpc.Config{Audiences: noPages, Origins: []string{app}, Credentials: true, RequestHeaders: []string{"X-One"}, ResponseHeaders: []string{"X-One"}}
	two := corsrpc.Config{Audiences: noPages, Origins: []string{"*"}, RequestHeaders: []string{"X-Two"}, ResponseHeaders: []string{"X-Two"}, Protocols: []corsrpc.Protocol{corsrpc.GRPCWeb}, MaxAge: -1}
	requests := []struct {
		name     string
		one, two answer
	}{{name: "preflight"}, {name: "call"}, {name: "refused by one"}}
	make3 := func(policy *corsrpc.Policy, i int) answer {
		switch i {
		case 0:
			return exchange(policy, newPreflight(getProduct, app, "POST"))
		case 1:
			return exchange(policy, newRequest("POST", getProduct, "Origin", app))
		}
		return exchange(policy, newRequest("POST", getProduct, "Origin", evil))
	}
	for i := range requests {
		requests[i].one, requests[i].two = make3(newPolicy(t, one), i), make3(newPolicy(t, two), i)
		require.NotEqual(t, requests[i].one, requests[i].two)
	}

	policy := newPolicy(t, one)
	var stop atomic.Bool
	var saw [2]atomic.Int64
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for n := worker; !stop.Load(); n++ {
				i := n % len(requests)
				got := make3(policy, i)
				switch {
				case assert.ObjectsAreEqual(requests[i].one, got):
					saw[0].Add(1)
				case assert.ObjectsAreEqual(requests[i].two, got):
					saw[1].Add(1)
				default:
					t.Errorf("%s: neither old nor new: %+v", requests[i].name, got)
					return
				}
			}
		})
	}
	wg.Go(func() {
		defer stop.Store(true)
		for n := 0; n < 200 || saw[0].Load() == 0 || saw[1].Load() == 0; n++ {
			assert.NoError(t, policy.Update([]corsrpc.Config{two, one}[n%2]))
			assert.Error(t, policy.Update(corsrpc.Config{Origins: []string{"null"}}))
		}
	})
	wg.Wait()
}
