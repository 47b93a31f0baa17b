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

// A phase is what requests took while something else was done, over and over.
type phase struct {
	name    string
	all     latencies
	longest []float64 // of each round
}

// An updateRun is what requests took while a policy was replaced; while others
// were made, which takes as much of the machine and has nothing to do with the
// requests; and while nothing was done.
type updateRun struct {
	phases [3]phase
	update spread // nanoseconds
}

// duringUpdates serves in one goroutine and works in another, by turns.
func duringUpdates(setup bench.Setup, rounds int) (*updateRun, error) {
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
	run := &updateRun{phases: [3]phase{{name: "during updates"}, {name: "while other policies are made"}, {name: "while nothing is done"}}}
	var took []float64
	const perRound = 4
	work := [3]func(){
		func() {
			for range perRound {
				begin := time.Now()
				err = errors.Join(err, policy.Update(config))
				took = append(took, float64(time.Since(begin)))
			}
		},
		func() {
			for range perRound {
				_, e := corsrpc.New(config)
				err = errors.Join(err, e)
			}
		},
		func() { time.Sleep(perRound * time.Duration(took[len(took)-1])) },
	}
	for i := range run.phases {
		// Made before, so that they do not grow in between.
		run.phases[i].all = make(latencies, 0, 1<<24)
	}
	for range rounds {
		for i := range run.phases {
			runtime.GC()
			run.phases[i].serve(handler, request, work[i])
		}
	}
	for i := range run.phases {
		slices.Sort(run.phases[i].all)
	}
	run.update = spreadOf(took)
	return run, err
}

// serve measures each request until the work is done.
func (p *phase) serve(handler http.Handler, request *http.Request, work func()) {
	var done atomic.Bool
	go func() {
		work()
		done.Store(true)
	}()
	answer := bench.NewAnswer()
	longest := time.Duration(0)
	for !done.Load() {
		begin := time.Now()
		answer.Reset()
		handler.ServeHTTP(answer, request)
		took := time.Since(begin)
		longest = max(longest, took)
		if len(p.all) < cap(p.all) {
			p.all = append(p.all, took)
		}
	}
	p.longest = append(p.longest, float64(longest))
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
