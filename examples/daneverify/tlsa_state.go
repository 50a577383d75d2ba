package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A progress is what has been seen of the way of new records into all servers and caches.
// The file of -state keeps it, so that the time between runs counts, too.
type progress struct {
	Version     int       `json:"version"`
	Owner       string    `json:"owner"`
	Certificate string    `json:"certificate"` // SHA-256 of the chain that is waited for
	Complete    time.Time `json:"complete"`    // when all servers first had records that accept it; zero if they have not yet
	OldTTL      int64     `json:"old_ttl"`     // the longest TTL, in seconds, of a set that does not accept it
	OldSeen     bool      `json:"old_seen"`    // such a set was seen
}

// newProgress begins with nothing seen.
func newProgress(owner string, chain []*x509.Certificate) *progress {
	digest := sha256.New()
	for _, cert := range chain {
		digest.Write(cert.Raw)
	}
	return &progress{Version: 1, Owner: owner, Certificate: hex.EncodeToString(digest.Sum(nil))}
}

// maxState bounds the file.
const maxState = 1 << 16

// load reads the file, if it is there. What is of another certificate or service is over.
func (p *progress) load(file string, now time.Time) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var kept progress
	if len(text) > maxState {
		return fmt.Errorf("-state %s is no state of this program: it is too long", file)
	}
	if err := json.Unmarshal(text, &kept); err != nil || kept.Version != 1 || kept.OldTTL < 0 || kept.OldTTL > 1<<31 {
		return fmt.Errorf("-state %s is no state of this program; remove it, or name another file", file)
	}
	if kept.Owner != p.Owner || kept.Certificate != p.Certificate {
		return nil
	}
	if kept.Complete.After(now) {
		kept.Complete = time.Time{} // a clock was wrong
	}
	*p = kept
	return nil
}

// save replaces the file at once, so that no reader finds half of it.
func (p *progress) save(file string) error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // in vain once it is renamed
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

// observe adds what the servers say now. A server that cannot be asked for a moment does not
// undo what was seen before; one that has the old records again does.
func (p *progress) observe(j *judgement, now time.Time) {
	for _, v := range j.views {
		if v.err == nil && !v.accepted {
			p.OldSeen, p.OldTTL = true, max(p.OldTTL, int64(v.ttl/time.Second))
		}
	}
	switch {
	case len(j.unsafe) > 0 || j.insecure:
		p.Complete = time.Time{}
	case j.ok() && p.Complete.IsZero():
		p.Complete = now
	}
}

// oldTTL is how long caches may keep the set that was there before. If nobody has seen that,
// it is taken to have the TTL of the present one, or not to have been there.
func (p *progress) oldTTL(s *survey) time.Duration {
	if p.OldSeen {
		return time.Duration(p.OldTTL) * time.Second
	}
	return max(s.longestTTL(func(*view) bool { return true }), s.negativeTTL())
}

// due is when no cache has the old records any more; zero if not all servers have the new
// ones.
func (p *progress) due(s *survey, margin time.Duration) time.Time {
	if p.Complete.IsZero() {
		return time.Time{}
	}
	return p.Complete.Add(p.oldTTL(s) + margin)
}
