package main

import (
	"errors"
	"fmt"
	"io/fs"
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

// A trustState is what the file of -trust-state does, for the commands check and monitor: whoever
// runs them from a timer reads no warnings on standard error. The zero trustState has no file.
type trustState struct {
	*trustStateFile
	set anchor.Set // those that are not kept in a file
}

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

// fails keeps the error of the last attempt to follow the root, nil if it went well, and reports
// whether there is a finding of it.
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
		return endsSoon(t.set, now, within)
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

// endsSoon warns of a zone none of whose trust anchors is in force for much longer: those of
// IANA's file may have an end.
func endsSoon(set anchor.Set, now time.Time, within time.Duration) (all []diagnosis.Finding) {
	last := make(map[string]time.Time)
	for _, a := range set {
		if end, known := last[a.Zone]; a.Until.IsZero() || !known || !end.IsZero() && a.Until.After(end) {
			last[a.Zone] = a.Until
		}
	}
	for _, a := range set {
		if end := last[a.Zone]; !end.IsZero() && end.Sub(now) < within {
			delete(last, a.Zone) // once is enough
			all = append(all, diagnosis.Finding{Code: diagnosis.CodeTrustState, Fix: "Fetch the file of trust anchors again, or have them follow the root by -trust-state.",
				Text: fmt.Sprintf("The last trust anchor of the zone %s ends on %s.", a.Zone, end.UTC().Format(time.DateOnly))})
		}
	}
	return all
}

// writable returns why a file cannot be replaced by another one. That is tried, since
// permissions do not tell of read-only file systems and the like.
func writable(path string) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	if lock, err := os.OpenFile(path+".lock", os.O_RDWR, 0); err == nil { // what anchor.FileStore has beside it
		lock.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".try")
	if err != nil {
		return err
	}
	_, err = f.WriteString("written to see whether one can\n")
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}
