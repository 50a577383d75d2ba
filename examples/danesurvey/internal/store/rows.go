package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	bolt "go.etcd.io/bbolt"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// A Standing is what there is of a line.
type Standing int

const (
	Missing   Standing = iota // no row
	NoVerdict                 // a row that another one may replace
	Done                      // a row that stays
)

// Standing returns what is saved of a line, as seen from a vantage point.
func (s *Store) Standing(vantage string, line int) (st Standing, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		if !isDone(tx, vantage, line) {
			return nil
		}
		st = Done
		old, err := openRowOf(tx, vantage, line)
		if old != nil {
			st = NoVerdict
		}
		return err
	})
	return st, err
}

// Rows yields all rows that count, in the order in which they were saved; what this process has kept and
// not saved is not among them. After an error there are no more.
func (s *Store) Rows() iter.Seq2[row.Row, error] {
	return func(yield func(row.Row, error) bool) {
		for text, err := range s.Texts() {
			var r row.Row
			if err == nil {
				r, err = row.Parse(bytes.Clone(text))
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// Texts yields the JSON of the rows, without line feeds, as Rows does. A text is good until the next one.
func (s *Store) Texts() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var all []fileInfo
		if err := s.db.View(func(tx *bolt.Tx) error {
			all = files(tx)
			return nil
		}); err != nil {
			yield(nil, err)
			return
		}
		ordinal := 0
		for _, f := range all {
			more, err := s.textsOf(f, ordinal, yield)
			if err != nil {
				yield(nil, fmt.Errorf("%s: %w", resultsFile(s.dir, f.number), err))
			}
			if !more || err != nil {
				return
			}
			ordinal += f.rows
		}
		for _, r := range s.left {
			if !yield(r.Text, nil) {
				return
			}
		}
	}
}

// textsOf yields those of one file; false if no more are wanted.
func (s *Store) textsOf(f fileInfo, ordinal int, yield func([]byte, error) bool) (more bool, err error) {
	file, err := readFile(s.dir, f)
	if err != nil {
		return false, err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, row.MaxText)
	var replaced []byte
	rows := 0
	for ; lines.Scan(); rows++ {
		n := ordinal + rows
		if rows == 0 || n%chunk == 0 {
			if replaced, err = s.replaced(n); err != nil {
				return false, err
			}
		}
		if replaced != nil && replaced[n%chunk/8]&(1<<(n%8)) != 0 || s.gone[n] {
			continue
		}
		if !yield(lines.Bytes(), nil) {
			return false, nil
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, io.ErrUnexpectedEOF), err == nil && rows != f.rows:
		return false, fmt.Errorf("it has %d rows, and %d are counted: it was changed, or a disk has lost them", rows, f.rows)
	default:
		return true, err
	}
}

// replaced returns the bits of the rows that count no longer, in the chunk of one; nil if there
// are none.
func (s *Store) replaced(ordinal int) (bits []byte, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		bits = bytes.Clone(tx.Bucket(bucketReplaced).Get(number(uint64(ordinal / chunk))))
		return nil
	})
	return bits, err
}
