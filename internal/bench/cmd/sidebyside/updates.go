package main

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/internal/bench"
)

// Latencies are those of requests, in the order of their length.
type latencies []time.Duration

func (l latencies) at(part float64) time.Duration { return l[int(part*float64(len(l)-1))] }

// An updateRun is what requests took while a policy with 100,000 origins was
// replaced over and over; while other policies were made, which takes as much of
// the machine and has nothing to do with the requests; and while nothing was.
type updateRun struct {
	updated, made, quiet latencies
	update               spread // nanoseconds
}

// duringUpdates serves in one goroutine and updates in another.
func duringUpdates(updates int) (*updateRun, error) {
	setup := bench.Setup{Origins: 100_000, Procedures: 100}
	config, err := setup.Config()
	if err != nil {
		return nil, err
	}
	policy, err := corsrpc.New(config)
	if err != nil {
		return nil, err
	}
	handler := policy.Wrap(bench.Nothing{})
	request := setup.Post()
	run := &updateRun{}
	var took []float64
	whole := time.Duration(0)
	run.updated = serveUntil(handler, request, func() {
		for range updates {
			begin := time.Now()
			err = errors.Join(err, policy.Update(config))
			whole += time.Since(begin)
			took = append(took, float64(time.Since(begin)))
		}
	})
	run.made = serveUntil(handler, request, func() {
		for range updates {
			_, e := corsrpc.New(config)
			err = errors.Join(err, e)
		}
	})
	run.quiet = serveUntil(handler, request, func() { time.Sleep(whole) })
	run.update = spreadOf(took)
	return run, err
}

// serveUntil measures each request until work is done.
func serveUntil(handler http.Handler, request *http.Request, work func()) latencies {
	runtime.GC()
	// Made before, so that it does not grow in between.
	all := make(latencies, 0, 1<<24)
	var done atomic.Bool
	go func() {
		work()
		done.Store(true)
	}()
	answer := bench.NewAnswer()
	for !done.Load() && len(all) < cap(all) {
		begin := time.Now()
		answer.Reset()
		handler.ServeHTTP(answer, request)
		all = append(all, time.Since(begin))
	}
	for !done.Load() {
		runtime.Gosched()
	}
	slices.Sort(all)
	return all
}

// memoryOf is the heap that one policy keeps, apart from its Config and its
// descriptors.
func memoryOf(setup bench.Setup) (uint64, error) {
	config, err := setup.Config()
	if err != nil {
		return 0, err
	}
	before := heap()
	policy, err := corsrpc.New(config)
	if err != nil {
		return 0, err
	}
	after := heap()
	runtime.KeepAlive(policy)
	runtime.KeepAlive(config)
	if after < before {
		return 0, fmt.Errorf("the heap shrank from %d to %d bytes", before, after)
	}
	return after - before, nil
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
