package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// A Tally is how many rows of a survey there are, those that are kept and not yet saved left out.
type Tally struct {
	// Rows that count, of which NoVerdict can be asked again.
	Rows, NoVerdict int
	// States and Findings are how many have each; of the findings the gravest counts.
	States, Findings map[string]int
	// Open are the states of the rows without a verdict.
	Open map[string]int
}

// Tally counts the rows of a vantage point.
func (s *Store) Tally(vantage string) (Tally, error) {
	t := Tally{States: make(map[string]int), Findings: make(map[string]int), Open: make(map[string]int)}
	err := s.db.View(func(tx *bolt.Tx) error {
		prefix := string(keyOf(vantage, nil))
		each(tx.Bucket(bucketStates), prefix, func(key string, value []byte) {
			n := int(int64(binary.BigEndian.Uint64(value)))
			t.States[key] = n
			t.Rows += n
		})
		each(tx.Bucket(bucketFindings), prefix, func(key string, value []byte) {
			t.Findings[key] = int(int64(binary.BigEndian.Uint64(value)))
		})
		var err error
		each(tx.Bucket(bucketOpen), prefix, func(_ string, value []byte) {
			var o openRow
			err = errors.Join(err, json.Unmarshal(value, &o))
			t.NoVerdict++
			t.Open[o.State]++
		})
		return err
	})
	return t, err
}

// each calls back for what has a prefix, without it.
func each(b *bolt.Bucket, prefix string, back func(key string, value []byte)) {
	c := b.Cursor()
	for k, v := c.Seek([]byte(prefix)); k != nil; k, v = c.Next() {
		rest, has := strings.CutPrefix(string(k), prefix)
		if !has {
			return
		}
		back(rest, v)
	}
}

// counts are changes of how many rows have a state or a finding.
type counts struct{ states, findings map[string]int64 }

func newCounts() *counts {
	return &counts{make(map[string]int64), make(map[string]int64)}
}

func (c *counts) count(vantage, state, finding string, by int64) {
	c.states[string(keyOf(vantage, []byte(state)))] += by
	if finding != "" {
		c.findings[string(keyOf(vantage, []byte(finding)))] += by
	}
}

func (c *counts) add(tx *bolt.Tx) error {
	for _, change := range []struct {
		bucket []byte
		by     map[string]int64
	}{{bucketStates, c.states}, {bucketFindings, c.findings}} {
		b := tx.Bucket(change.bucket)
		for key, by := range change.by {
			n := by
			if old := b.Get([]byte(key)); old != nil {
				n += int64(binary.BigEndian.Uint64(old))
			}
			var err error
			if n == 0 {
				err = b.Delete([]byte(key))
			} else {
				err = b.Put([]byte(key), number(uint64(n)))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
