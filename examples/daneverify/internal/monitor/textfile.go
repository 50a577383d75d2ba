package monitor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A Textfile writes metrics for the textfile collector of Prometheus' node_exporter.
type Textfile struct {
	Check       Check
	Domains     []string
	Concurrency int           // domains at a time
	Timeout     time.Duration // for one domain; 0 is without limit
	Trust       TrustCheck
}

// Metrics checks all domains and returns the metrics. Whatever happens there are some: those of
// a run that was interrupted say so, and that the domains' states are unknown.
func (t *Textfile) Metrics(ctx context.Context) []byte {
	started := time.Now()
	observations := make([]Observation, len(t.Domains))
	observeAll(ctx, t.Check, t.Domains, t.Concurrency, t.Timeout, func(i int, o Observation) { observations[i] = o })
	return runMetrics(observations, t.Trust.now(), started, ctx.Err() == nil)
}

// FailedMetrics are those of a run that could not begin: whatever was known of the domains is
// not known any more.
func FailedMetrics(domains []string, why string) []byte {
	started := time.Now()
	var observations []Observation
	for _, domain := range domains {
		observations = append(observations, stillborn(domain, started, why))
	}
	return runMetrics(observations, Trust{Warnings: []string{why}}, started, false)
}

func runMetrics(observations []Observation, trust Trust, started time.Time, success bool) []byte {
	var e exposition
	e.add("dane_monitor_last_run_success", gauge, "1 if the last run got to its end, and 0 if it failed or was interrupted.", truth(success))
	e.add("dane_monitor_last_run_timestamp_seconds", gauge, "When the last run ended. If it is long ago, nothing else here is true any more.", seconds64(time.Now()))
	e.add("dane_monitor_last_run_duration_seconds", gauge, "How long the last run took.", time.Since(started).Seconds())
	e.add("dane_monitor_domains", gauge, "Domains that are checked.", float64(len(observations)))
	e.addTrust(trust)
	for i := range observations {
		e.addDomain(&observations[i])
	}
	return e.text()
}

// WriteFile replaces a file so that a reader sees the old one or the new one, and never a
// part. Everybody may read it. Its folder must be writable; while it is written, its name ends
// in a way that node_exporter does not read.
func WriteFile(path string, text []byte) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // the file itself, not a link to it
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file, and is not replaced", path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.new")
	if err != nil {
		return pathOf(err, path)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// pathOf names the file that is meant in place of the one that was tried.
func pathOf(err error, path string) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s: %w", path, e.Err)
	}
	return err
}
