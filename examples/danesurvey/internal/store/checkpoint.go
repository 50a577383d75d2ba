package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// Buckets of the checkpoint. Numbers are big-endian, so that their order is that of the keys.
var (
	bucketAbout    = []byte("about")    // "about": an About as JSON
	bucketFiles    = []byte("files")    // number of a file: its size and rows that count
	bucketDone     = []byte("done")     // vantage point and line/chunk: a bit for each line that has a row
	bucketOpen     = []byte("open")     // vantage point and line: the row without a verdict
	bucketReplaced = []byte("replaced") // ordinal/chunk: a bit for each row that counts no longer
	bucketStates   = []byte("states")   // vantage point and state: how many rows have it
	bucketFindings = []byte("findings") // vantage point and gravest finding: how many rows have it

	buckets = [][]byte{bucketAbout, bucketFiles, bucketDone, bucketOpen, bucketReplaced, bucketStates, bucketFindings}
)

// chunk is how many bits are in one value: few enough that a transaction that touches a few is
// small, and many enough that the keys do not count.
const chunk = 4096

// lockWait is how long another process may take to end.
const lockWait = 500 * time.Millisecond

// openCheckpoint opens the file, and locks it.
func openCheckpoint(dir string, readOnly bool) (*checkpoint, error) {
	db, err := openBolt(dir, &bolt.Options{Timeout: lockWait, ReadOnly: readOnly, FreelistType: bolt.FreelistMapType})
	if errors.Is(err, bolterrors.ErrTimeout) {
		err = ErrInUse
		if readOnly {
			err = fmt.Errorf("%w; if it is a survey that runs, end it with Ctrl-C, then read and resume", err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return db, nil
}

// emptyBegun empties a file that was begun and never finished, as on a full disk. Bolt takes an empty
// file for a new one, and crashes by such a one.
func emptyBegun(dir string) error {
	name := filepath.Join(dir, checkpointFile)
	if !isBegun(name) {
		return nil
	}
	time.Sleep(lockWait) // unless somebody is at it now
	if !isBegun(name) {
		return nil
	}
	return os.Truncate(name, 0)
}

// isBegun reports whether a file has less than the four pages that a new one begins with. Their size
// is that of the machine that made it, and stands in the first one, behind 16 octets of its own.
func isBegun(name string) bool {
	const at, magic = 16, 0xED0CDAED
	size := int64(os.Getpagesize())
	file, err := os.Open(name)
	if err != nil {
		return false
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return false
	}
	var meta struct{ Magic, Version, PageSize uint32 }
	if binary.Read(io.NewSectionReader(file, at, at), binary.NativeEndian, &meta) == nil && meta.Magic == magic {
		size = int64(meta.PageSize)
	}
	return info.Size() > 0 && info.Size() < 4*size
}

// makeBuckets makes the buckets of a new survey.
func makeBuckets(db *checkpoint, about About) error {
	return db.Update(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return putAbout(tx, about)
	})
}

func putAbout(tx *bolt.Tx, about About) error {
	about.Version = version
	text, err := json.Marshal(about)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketAbout).Put(bucketAbout, text)
}

func (s *Store) readAbout() error {
	return s.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketAbout)
		if b == nil {
			return fmt.Errorf("%s: %w", s.dir, ErrNone)
		}
		if err := json.Unmarshal(b.Get(bucketAbout), &s.about); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(s.dir, checkpointFile), err)
		}
		if s.about.Version != version {
			return fmt.Errorf("%s has version %d, and this program knows %d", s.dir, s.about.Version, version)
		}
		return nil
	})
}

// SetAbout changes what the survey is about.
func (s *Store) SetAbout(about About) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.sticky(func() error {
		return s.db.Update(func(tx *bolt.Tx) error { return putAbout(tx, about) })
	})
	if err == nil {
		about.Version = version
		s.about = about
	}
	return err
}

// A fileInfo is what counts of a file of results.
type fileInfo struct {
	number, rows int
	size         int64
}

func files(tx *bolt.Tx) (all []fileInfo) {
	tx.Bucket(bucketFiles).ForEach(func(k, v []byte) error {
		all = append(all, fileInfo{
			number: int(binary.BigEndian.Uint64(k)),
			size:   int64(binary.BigEndian.Uint64(v)), rows: int(binary.BigEndian.Uint64(v[8:])),
		})
		return nil
	})
	return all
}

func putFile(tx *bolt.Tx, f fileInfo) error {
	value := binary.BigEndian.AppendUint64(number(uint64(f.size)), uint64(f.rows))
	return tx.Bucket(bucketFiles).Put(number(uint64(f.number)), value)
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// keyOf is that of something of a vantage point, whose name has no zero octet.
func keyOf(vantage string, rest []byte) []byte {
	return append(append([]byte(vantage), 0), rest...)
}

func bit(b *bolt.Bucket, key []byte, n uint64) bool {
	bits := b.Get(key)
	return bits != nil && bits[n%chunk/8]&(1<<(n%8)) != 0
}

func setBit(b *bolt.Bucket, key []byte, n uint64) error {
	bits := bytes.Clone(b.Get(key))
	if bits == nil {
		bits = make([]byte, chunk/8)
	}
	bits[n%chunk/8] |= 1 << (n % 8)
	return b.Put(key, bits)
}

// An openRow is one without a verdict.
type openRow struct {
	Ordinal uint64    `json:"ordinal"`
	At      time.Time `json:"at"`
	State   string    `json:"state"`
	Finding string    `json:"finding"`
}

func openRowOf(tx *bolt.Tx, vantage string, line int) (*openRow, error) {
	text := tx.Bucket(bucketOpen).Get(keyOf(vantage, number(uint64(line))))
	if text == nil {
		return nil, nil
	}
	o := new(openRow)
	return o, json.Unmarshal(text, o)
}

func isDone(tx *bolt.Tx, vantage string, line int) bool {
	n := uint64(line)
	return bit(tx.Bucket(bucketDone), keyOf(vantage, number(n/chunk)), n)
}

// wanted returns those of the rows that are to be written: one for a line that has none, or
// that has one without a verdict of another time.
func wanted(tx *bolt.Tx, rows []row.Row) []row.Row {
	type key struct {
		vantage string
		line    int
	}
	var fresh []row.Row
	index := make(map[key]int)
	for _, r := range rows {
		k := key{r.Vantage, r.Line}
		if i, twice := index[k]; twice {
			if fresh[i].NoVerdict && !fresh[i].At.Equal(r.At) {
				fresh[i] = r
			}
			continue
		}
		if isDone(tx, r.Vantage, r.Line) {
			old, err := openRowOf(tx, r.Vantage, r.Line)
			if old == nil || err == nil && old.At.Equal(r.At) {
				continue
			}
		}
		index[k] = len(fresh)
		fresh = append(fresh, r)
	}
	return fresh
}

// mark notes that rows are there, the first of which has the ordinal.
func mark(tx *bolt.Tx, rows []row.Row, first int) error {
	counts := newCounts()
	for i, r := range rows {
		if err := markOne(tx, r, uint64(first+i), counts); err != nil {
			return err
		}
	}
	return counts.add(tx)
}

func markOne(tx *bolt.Tx, r row.Row, ordinal uint64, counts *counts) error {
	n := uint64(r.Line)
	open, key := tx.Bucket(bucketOpen), keyOf(r.Vantage, number(n))
	old, err := openRowOf(tx, r.Vantage, r.Line)
	if err != nil {
		return err
	}
	if old != nil {
		if err := setBit(tx.Bucket(bucketReplaced), number(old.Ordinal/chunk), old.Ordinal); err != nil {
			return err
		}
		if err := open.Delete(key); err != nil {
			return err
		}
		counts.count(r.Vantage, old.State, old.Finding, -1)
	}
	counts.count(r.Vantage, r.State, r.Finding, +1)
	if err := setBit(tx.Bucket(bucketDone), keyOf(r.Vantage, number(n/chunk)), n); err != nil {
		return err
	}
	if !r.NoVerdict {
		return nil
	}
	text, err := json.Marshal(openRow{Ordinal: ordinal, At: r.At, State: r.State, Finding: r.Finding})
	if err != nil {
		return err
	}
	return open.Put(key, text)
}
