package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/danesmtp/danesmtp/dane/rollover"
)

// loadState goes on from the file, if it is there.
func loadState(file string, s *rollover.State, now time.Time) error {
	text, err := readStart(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if s.Resume(text, now) != nil {
		return fmt.Errorf("-state %s is no state of this program; remove it, or name another file", file)
	}
	return nil
}

// maxStateFile is more than any State has.
const maxStateFile = 1 << 17

// readStart reads no more than that.
func readStart(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxStateFile))
}

// saveState replaces the file at once, so that no reader finds half of it. What another
// process has put there meanwhile is not lost.
func saveState(file string, s *rollover.State, now time.Time) error {
	if err := loadState(file, s, now); err != nil {
		return err
	}
	text, err := json.MarshalIndent(s, "", "  ")
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
