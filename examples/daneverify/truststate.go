package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// rolloverTime is the time after which a rollover may have been missed: a new key is trusted
// once it was seen for so long, and then the old one may go (RFC 5011 §2.4.1).
const rolloverTime = 30 * 24 * time.Hour

// A trustState is what the file of -trust-state does, for the command check: whoever runs
// that from a timer reads no warnings on standard error. The zero trustState has no file.
type trustState struct{ *trustStateFile }

type trustStateFile struct {
	tracker *anchor.Tracker
	path    string
	told    bool // there are findings of it

	mu  sync.Mutex
	err error // the last one
}

func (t *trustState) follow(tracker *anchor.Tracker, path string, told bool) {
	t.trustStateFile = &trustStateFile{tracker: tracker, path: path, told: told}
}

// fails keeps an error, and reports whether there is a finding of it.
func (t *trustState) fails(err error) bool {
	if t.trustStateFile == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
	return t.told
}

// findings returns what is wrong with the file, or will be within some time.
func (t *trustState) findings(now time.Time, within time.Duration) (all []diagnosis.Finding) {
	if t.trustStateFile == nil {
		return nil
	}
	const fix = "Run daneverify as a user that may write the file and its folder, and at least once a week."
	t.mu.Lock()
	err := t.err
	t.mu.Unlock()
	if problem := writable(t.path); problem != nil {
		err = problem
	}
	if err != nil {
		all = append(all, diagnosis.Finding{Code: diagnosis.CodeTrustState, Evidence: []string{err.Error()}, Fix: fix,
			Text: "The trust anchors in " + t.path + " cannot be kept up to date, so that after the root's next rollover nothing can be validated here."})
	}
	points, err := t.tracker.TrustPoints(now)
	if err != nil {
		return all // no lookup succeeds either, and says why
	}
	for _, p := range points {
		end := p.LastSuccess.Add(rolloverTime)
		if p.LastSuccess.IsZero() || end.Sub(now) >= within {
			continue
		}
		all = append(all, diagnosis.Finding{Code: diagnosis.CodeTrustState, Evidence: []string{fmt.Sprintf("zone %s, %d queries in vain since", p.Zone, p.Failures)}, Fix: fix,
			Text: fmt.Sprintf("The trust anchors in %s were last validated on %s; from %s on a rollover may have been missed.",
				t.path, p.LastSuccess.UTC().Format(time.DateOnly), end.UTC().Format(time.DateOnly))})
	}
	return all
}

// writable returns why a file cannot be replaced by another one.
func writable(path string) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".try")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}
