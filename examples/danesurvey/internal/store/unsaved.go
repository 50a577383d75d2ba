package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// What is kept before it becomes a frame. Larger frames are compressed no better.
const (
	maxUnsavedRows   = 4096
	maxUnsavedOctets = 4 << 20
)

// unsaved are rows that are in no frame yet: in memory, and in a file that outlives the process.
type unsaved struct {
	file   *os.File
	rows   []row.Row
	octets int
}

// openUnsaved opens the file, and returns the rows that an earlier process has left there.
func openUnsaved(name string) (*unsaved, []row.Row, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, fileMode)
	if err != nil {
		return nil, nil, err
	}
	left, err := readUnsaved(name)
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return &unsaved{file: file}, left, nil
}

// readUnsaved returns the rows of a file; there are none if it is not there. Where a line makes
// no sense, the process that wrote it or its machine came to an end.
func readUnsaved(name string) (left []row.Row, err error) {
	text, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for {
		line, rest, ended := bytes.Cut(text, []byte("\n"))
		r, err := row.Parse(line)
		if !ended || err != nil {
			return left, nil
		}
		left = append(left, r)
		text = rest
	}
}

func (u *unsaved) add(r row.Row) error {
	line := append(bytes.Clone(r.Text), '\n')
	if _, err := u.file.Write(line); err != nil {
		return err
	}
	u.rows = append(u.rows, r)
	u.octets += len(line)
	return nil
}

func (u *unsaved) full() bool {
	return len(u.rows) >= maxUnsavedRows || u.octets >= maxUnsavedOctets
}

// clear forgets all, after they were saved.
func (u *unsaved) clear() error {
	clear(u.rows)
	u.rows, u.octets = u.rows[:0], 0
	return u.file.Truncate(0)
}

func (u *unsaved) close() error { return u.file.Close() }
