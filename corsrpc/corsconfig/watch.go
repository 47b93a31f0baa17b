package corsconfig

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/corsrpc/corsrpc-go/corsrpc"
)

// A WatchConfig is what [Watch] does. Names are needed.
type WatchConfig struct {
	// Names are the policy files, as for [Load].
	Names []string

	// Adjust, if it is not nil, changes the Config after each load and before
	// it is applied: for what only the program knows. It runs in Watch's
	// goroutine.
	Adjust func(*corsrpc.Config)

	// OnReload is called after every attempt to apply the files, the first
	// one included, in Watch's goroutine: with nil if they are in force, and
	// otherwise with the error that [Load] would have returned, and then the
	// policy is as before. If OnReload is nil, later errors are logged with
	// [slog.Default].
	OnReload func(error)

	// Interval is how often the files are read; 0 stands for three seconds.
	Interval time.Duration
}

// Watch applies policy files to a policy, and again whenever they change, until
// ctx ends. Then it returns nil. Its error is that of the first attempt; later
// ones keep the last good policy in force, and call OnReload.
//
// It reads the files every Interval and compares their contents: notifications
// of the file system miss how Kubernetes swaps a ConfigMap. A change is applied
// when two reads in a row agree on it, so that a file in the middle of a write
// and one of two files are not.
//
// The functions and Files of [corsrpc.Policy.Config] are kept; everything else
// comes from the files and Adjust. Each request is judged by the old policy or
// by the new one, wholly. What else updates the policy lasts until the files
// change.
func Watch(ctx context.Context, policy *corsrpc.Policy, config WatchConfig) error {
	if len(config.Names) == 0 {
		return errors.New("corsconfig: no policy files")
	}
	if config.Interval < 0 {
		return errors.New("corsconfig: Interval is negative")
	}
	interval := config.Interval
	if interval == 0 {
		interval = 3 * time.Second
	}
	applied := readSources(config.Names)
	err := apply(policy, applied, config)
	if config.OnReload != nil {
		config.OnReload(err)
	}
	if err != nil {
		return err
	}
	report := config.OnReload
	if report == nil {
		report = logReload
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for last := applied; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		now := readSources(config.Names)
		if same(now, last) && !same(now, applied) {
			applied = now
			report(apply(policy, now, config))
		}
		last = now
	}
}

func logReload(err error) {
	if err != nil {
		slog.Error("corsconfig: the policy files cannot be applied", "error", err)
	}
}

// apply updates the policy to what the files say.
func apply(policy *corsrpc.Policy, sources []source, config WatchConfig) error {
	doc, err := merge(sources)
	if err != nil {
		return err
	}
	current, next := policy.Config(), configOf(doc.policy)
	next.Files, next.OnDecision = current.Files, current.OnDecision
	if config.Adjust != nil {
		config.Adjust(&next)
	}
	if len(doc.mistakes) > 0 {
		_, err = corsrpc.New(next)
		return doc.errorOf(err)
	}
	return doc.errorOf(policy.Update(next))
}

// same reports whether two reads found the same.
func same(a, b []source) bool {
	return slices.EqualFunc(a, b, func(a, b source) bool {
		if a.err != nil || b.err != nil {
			return a.err != nil && b.err != nil && a.err.Error() == b.err.Error()
		}
		return bytes.Equal(a.data, b.data)
	})
}
