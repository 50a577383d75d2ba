package monitor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// Trust is how the trust anchors are: what all verdicts begin with.
type Trust struct {
	// Warnings are what will go wrong, each a sentence. Without any the state is OK.
	Warnings []string
	Zones    []TrustedZone
}

// A TrustedZone is a zone with trust anchors that are tracked.
type TrustedZone struct {
	Name          string
	LastValidated time.Time // of its keys; zero if never
}

// A TrustCheck says how the trust anchors are. Nil is for a monitor that has no such task.
type TrustCheck func(now time.Time) Trust

func (c TrustCheck) now() Trust {
	if c == nil {
		return Trust{}
	}
	return c(time.Now())
}

// holdDown is the time in which a key can be replaced (RFC 5011 §2.4.1): anchors that were not
// validated for so long may be outdated.
const holdDown = 30 * 24 * time.Hour

// CheckTrust returns a check of the anchors. path is the file of a Tracker, which must be
// writable for it to follow rollovers; empty if there is none. within is how soon something
// must end to be a warning.
func CheckTrust(source dnssec.AnchorSource, path string, within time.Duration) TrustCheck {
	return func(now time.Time) Trust {
		var t Trust
		set, err := source.Anchors(now)
		if err != nil {
			t.warn("Trust anchors cannot be used: %v.", err)
		}
		if path != "" {
			if err := writable(path); err != nil {
				t.warn("The trust anchors cannot be kept up to date, and validation will fail after the next rollover of the root: %v.", err)
			}
		}
		tracker, tracked := source.(*anchor.Tracker)
		if !tracked {
			t.ends(set, now, within)
			return t
		}
		points, err := tracker.TrustPoints(now)
		if err != nil && len(t.Warnings) == 0 {
			t.warn("Trust anchors cannot be used: %v.", err)
		}
		for _, p := range points {
			t.Zones = append(t.Zones, TrustedZone{zoneName(p.Zone), p.LastSuccess})
			if age := now.Sub(p.LastSuccess); !p.LastSuccess.IsZero() && age > holdDown-within {
				t.warn("The trust anchors of %s were last validated on %s: after %d days without, a rollover may have been missed.",
					shownZone(p.Zone), p.LastSuccess.UTC().Format(time.DateOnly), holdDown/(24*time.Hour))
			}
		}
		return t
	}
}

func (t *Trust) warn(format string, args ...any) {
	t.Warnings = append(t.Warnings, fmt.Sprintf(format, args...))
}

// ends warns of a zone none of whose anchors is in force for much longer.
func (t *Trust) ends(set anchor.Set, now time.Time, within time.Duration) {
	last := make(map[string]time.Time)
	forever := make(map[string]bool)
	for _, a := range set {
		if a.Until.IsZero() {
			forever[a.Zone] = true
		} else if a.Until.After(last[a.Zone]) {
			last[a.Zone] = a.Until
		}
	}
	for zone, end := range last {
		if !forever[zone] && end.Sub(now) < within {
			t.warn("The last trust anchor of %s ends on %s.", shownZone(zone), end.UTC().Format(time.DateOnly))
		}
	}
}

func shownZone(zone string) string {
	if name := strings.TrimSuffix(zone, "."); name != "" {
		return name
	}
	return "the root"
}

// writable returns why a file cannot be replaced by a new one in its folder. That is tried,
// since permissions do not tell of read-only file systems, quotas and the like; the
// file itself is not touched.
func writable(path string) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	if lock, err := os.OpenFile(path+".lock", os.O_RDWR, 0); err == nil { // what FileStore has beside it
		lock.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.try")
	if err != nil {
		return pathOf(err, path)
	}
	_, err = f.WriteString("written to see whether one can\n")
	err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	return err
}

// pathOf names the file that is meant in place of the one that was tried.
func pathOf(err error, path string) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("%s: %w", path, e.Err)
	}
	return err
}
