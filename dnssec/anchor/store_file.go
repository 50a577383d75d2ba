package anchor

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// A FileStore keeps trust points in a file, in the format of Unbound's
// auto-trust-anchor-file. It also reads plain DS and DNSKEY records: they are the anchors to
// begin with, and the first state that is written replaces them.
//
// The file is replaced as a whole, so that it always holds either the old state or the new
// one: the new one is written beside the old one, synced and renamed, and the folder is
// synced. A new file is readable for its owner only; a replaced one keeps owner and mode.
//
// Processes that use this package may share a file. They take turns by a lock on Path +
// ".lock", on systems that have flock(2). Other programs do not know that lock, so if one of
// them writes the file, as Unbound does with its own, set ReadOnly or use a copy.
//
// If the file cannot be written, or the lock cannot be had, there is an error. What was
// learned is kept in memory until the file is written, or changed by another process.
//
// A FileStore is safe for concurrent use. It must not be copied or changed after its first
// use.
type FileStore struct {
	// Path is the file. It need not exist, but its folder must.
	Path string

	// ReadOnly says that another program writes the file. What is learned is kept in
	// memory only.
	ReadOnly bool

	mu     sync.Mutex
	text   []byte        // as it was read or written last; nil if there is no file
	points []*TrustPoint // what the text says, and what has been learned since
}

// Load implements [Store]. Errors are of type [*Error].
func (s *FileStore) Load() ([]*TrustPoint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.read(); err != nil {
		return nil, err
	}
	return clones(s.points), nil
}

// Update implements [Store]. It waits for other processes until ctx is done. Errors are of
// type [*Error].
func (s *FileStore) Update(ctx context.Context, change func([]*TrustPoint) ([]*TrustPoint, bool)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock := func() {}
	path := s.Path
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // the file itself, not a link to it
	}
	var unwritable error
	if !s.ReadOnly {
		unlock, unwritable = lock(ctx, path)
	}
	defer unlock()
	if err := s.read(); err != nil {
		return err
	}
	points, write := change(clones(s.points))
	s.points = clones(points)
	if s.ReadOnly || !write {
		return nil
	}
	text := formatAutotrust(points)
	if unwritable == nil {
		_, _, unwritable = parseStates(text) // never write what cannot be read again
	}
	if unwritable == nil {
		unwritable = replaceFile(path, text)
	}
	if unwritable != nil {
		return &Error{File: s.Path, Err: unwritable}
	}
	s.text = text
	return nil
}

// read reads the file, if it has changed since it was read or written last.
func (s *FileStore) read() error {
	f, err := os.Open(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		s.text = nil // what was there is remembered
		return nil
	}
	if err != nil {
		return &Error{File: s.Path, Err: err}
	}
	defer f.Close()
	text, err := readText(f)
	if err != nil {
		return &Error{File: s.Path, Err: err}
	}
	if s.text != nil && bytes.Equal(text, s.text) {
		return nil
	}
	points, line, err := parseStored(text)
	if err != nil {
		return &Error{File: s.Path, Line: line, Err: explained(text, err)}
	}
	keepRevoked(points, s.points)
	s.text, s.points = text, points
	return nil
}

// keepRevoked revokes the keys that are known to be revoked: the program that wrote the file
// may not have seen that yet.
func keepRevoked(points, before []*TrustPoint) {
	for _, p := range points {
		for _, old := range before {
			if old.Zone == p.Zone {
				p.keepRevoked(old)
			}
		}
	}
}

// errNoStates says that a file is for Parse only. A state would replace it, and the rest of
// what it says would be lost.
var errNoStates = errors.New("neither states nor plain DS and DNSKEY records")

// parseStored reads states, or the records to begin with. line is where the error is.
func parseStored(text []byte) (points []*TrustPoint, line int, err error) {
	switch {
	case isAutotrust(text):
		return parseStates(text)
	case isRootAnchors(text), isBIND(text):
		return nil, 0, errNoStates
	}
	set, line, err := parseZoneFile(text)
	if err == nil && len(set) == 0 {
		err = ErrNone
	}
	return trustPoints(set), line, err
}

// replaceFile writes a file so that there is the old one or the new one at any instant,
// and after a loss of power.
func replaceFile(path string, text []byte) (err error) {
	next := path + ".new"
	// A killed process may have left one. We have the lock, so nobody is writing it.
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(next)
		}
	}()
	if old, err := os.Stat(path); err == nil {
		if err := keepOwner(f, old); err != nil {
			return err
		}
		if err := f.Chmod(old.Mode().Perm()); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
