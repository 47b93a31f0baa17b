package browsers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// A process runs in a group of its own, with all that it starts, so that all of
// it can be ended at once.
type process struct {
	cmd    *exec.Cmd
	output *tail
	cancel context.CancelFunc
	ended  chan struct{}
}

// start runs a command until its end is asked for, or ctx is done.
func start(ctx context.Context, cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, output: &tail{}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	startsGroup(cmd)
	// What the group leaves behind holds the output open.
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ctx, p.cancel = context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { killGroup(cmd) })
	go func() {
		defer close(p.ended)
		_ = cmd.Wait()
		stop()
		killGroup(cmd) // what it has left behind
	}()
	return p, nil
}

// end ends the process and its group. It can be called twice, and on nil.
func (p *process) end() {
	if p != nil {
		p.cancel()
		<-p.ended
	}
}

// A tail keeps the last of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	const enough = 8 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if over := len(t.text) - enough; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// xvfb is an X server without a screen.
const xvfb = "Xvfb"

// A screen is drawn to by a browser that needs one.
type screen struct {
	name    string // the value of DISPLAY
	process *process
}

func openScreen(ctx context.Context) (*screen, error) {
	ready, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ready.Close()
	// Xvfb chooses a free number and writes it when it is ready.
	cmd := exec.Command(xvfb, "-displayfd", "3", "-screen", "0", "1024x768x24", "-nolisten", "tcp", "-noreset")
	cmd.ExtraFiles = []*os.File{theirs}
	p, err := start(ctx, cmd)
	theirs.Close()
	if err != nil {
		return nil, err
	}
	number, err := io.ReadAll(io.LimitReader(ready, 16))
	if name := strings.TrimSpace(string(number)); err == nil && name != "" {
		return &screen{":" + name, p}, nil
	}
	p.end()
	return nil, errors.Join(err, fmt.Errorf("%s did not start: %s", xvfb, p.output))
}

// close can be called on nil.
func (s *screen) close() {
	if s != nil {
		s.process.end()
	}
}
