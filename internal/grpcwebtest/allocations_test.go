package grpcwebtest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every subject works, so that what is measured is the same work.
func TestSubjects(t *testing.T) {
	subjects, err := Subjects()
	require.NoError(t, err)
	for _, subject := range subjects {
		for _, text := range []bool{false, true} {
			if text && !subject.Text {
				continue
			}
			for _, call := range []Call{Unary(text), Burst(text)} {
				client, url := serve(t, subject.Handler)
				assert.NoError(t, call.Check(client, url), subject.Name)
			}
		}
	}
}

// A unary call costs fewer allocations than with the others that stand in front
// of grpc-go. The client's are in all of the figures.
func TestAllocations(t *testing.T) {
	subjects, err := Subjects()
	require.NoError(t, err)
	allocations := map[string]float64{}
	for _, subject := range subjects {
		client, url := serve(t, subject.Handler)
		var buffer bytes.Buffer
		allocations[subject.Name] = testing.AllocsPerRun(1000, func() {
			require.NoError(t, Unary(false).Do(client, url, &buffer))
		})
	}
	t.Log(allocations)
	assert.Less(t, allocations[Grpcweb], allocations[Improbable])
	assert.Less(t, allocations[Grpcweb], allocations[Vanguard])
}

// A message of a stream costs no allocation that grpc-go does not make itself.
// net/http makes one for most chunks of a response over HTTP/1.1, and how many
// messages are in a chunk depends on how busy the machine is.
func TestStreamAllocations(t *testing.T) {
	subjects, err := Subjects()
	require.NoError(t, err)
	allocations := map[string]float64{}
	for _, subject := range subjects {
		client, url := serve(t, subject.Handler)
		var buffer bytes.Buffer
		allocations[subject.Name] = testing.AllocsPerRun(10, func() {
			require.NoError(t, Burst(false).Do(client, url, &buffer))
		}) / BurstMessages
	}
	t.Log(allocations)
	assert.InDelta(t, allocations[Held], allocations[Grpcweb], 0.3)
	assert.Less(t, allocations[Grpcweb], allocations[Vanguard])
}
