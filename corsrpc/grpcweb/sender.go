package grpcweb

import (
	"net/http"
	"sync"
	"time"
)

// A sender sends a batched response in a goroutine, which runs only while there
// is something to send. What next flushes meanwhile is collected in a second
// buffer and sent together.
type sender struct {
	out *output
	run func() // sendReady, stored because each "go s.sendReady()" allocates

	mu       sync.Mutex // of what follows
	changed  sync.Cond  // signalled when running becomes false or ready empty
	ready    []byte     // what is not sent yet, at most outputSize
	spare    []byte     // the other buffer, while none is being sent
	running  bool       // whether there is a goroutine
	err      error      // of the connection
	panicked any        // by the connection's Write
}

func (s *sender) init(out *output) {
	s.out, s.run = out, s.sendReady
	s.changed.L = &s.mu
}

// put adds p to what is ready. It waits for room, and does not wait until p is
// sent. If flush is false, p can stay there until more is written.
func (s *sender) put(p []byte, flush bool) error {
	s.mu.Lock()
	for s.err == nil {
		n := min(len(p), outputSize-len(s.ready))
		s.ready = append(grow(s.ready, n), p[:n]...)
		if p = p[n:]; len(p) == 0 {
			break
		}
		s.start()
		s.changed.Wait()
	}
	if flush {
		s.start()
	}
	err := s.err
	s.mu.Unlock() // not deferred, because every message comes here
	return err
}

// start makes sure that a goroutine sends what is ready. Precondition: mu is
// held.
func (s *sender) start() {
	if s.running || s.err != nil || s.out.started && len(s.ready) == 0 {
		return
	}
	s.running = true
	go s.run()
}

// sendReady sends what is ready until nothing is left.
func (s *sender) sendReady() {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if p := recover(); p != nil { // in a goroutine of ours it would end the process
			s.panicked, s.err = p, errAborted
		}
		s.rest()
	}()
	for s.err == nil && (len(s.ready) > 0 || !s.out.started) {
		batch := s.ready
		s.ready, s.spare = s.spare, nil
		s.changed.Broadcast()
		s.send(batch)
		s.spare = batch[:0]
	}
}

// send sends a batch without mu, so that next can go on.
func (s *sender) send(batch []byte) {
	s.mu.Unlock()
	var err error
	defer func() {
		s.mu.Lock()
		if err != nil && s.err == nil {
			s.err = err
		}
	}()
	s.out.start()
	err = s.out.writeOut(batch)
	s.out.flushConnection()
}

// rest marks the end of the goroutine.
func (s *sender) rest() {
	s.running = false
	s.spare = recycle(s.spare)
	s.out.encoded = recycle(s.out.encoded)
	if len(s.ready) == 0 {
		s.ready = recycle(s.ready)
	}
	s.changed.Broadcast()
}

// wait waits until there is no goroutine. Precondition: mu is held.
func (s *sender) wait() {
	for s.running {
		s.changed.Wait()
	}
}

// end waits until no goroutine sends, and takes what is left.
func (s *sender) end() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait()
	if s.panicked != nil {
		panic(s.panicked)
	}
	ready := s.ready
	s.ready = nil
	return ready, s.err
}

// abort ends the goroutine at once, even if the client does not read.
func (s *sender) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = errAborted
	s.changed.Broadcast()
	if s.running {
		_ = http.NewResponseController(s.out.w).SetWriteDeadline(time.Unix(1, 0))
	}
	s.wait()
}
