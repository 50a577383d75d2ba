package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	bolt "go.etcd.io/bbolt"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// Errors that callers act on.
var (
	ErrExists = errors.New("there is a survey already")
	ErrNone   = errors.New("there is no survey")
	ErrInUse  = errors.New("another process has it open")
)

const (
	checkpointFile = "checkpoint.db"
	unsavedFile    = "unsaved.ndjson"
)

// A Store is a folder of rows. It is safe for concurrent use. One process can have it open for
// writing, or several for reading.
type Store struct {
	dir   string
	db    *checkpoint
	about About

	// What is only read has rows that were left unsaved, and those that they replace, by their ordinals.
	left []row.Row
	gone map[int]bool

	// mu is held by who writes.
	mu      sync.Mutex
	unsaved *unsaved // nil if it is only read
	results *results
	failed  error // why nothing is written any more

	step func(string) // for tests: after each thing that is written; nil does nothing
}

// An About is what a survey is about.
type About struct {
	Version int       `json:"version"`
	Created time.Time `json:"created"`
	// List that it goes through.
	List List `json:"list"`
	// Flags that were given, by name.
	Flags map[string]string `json:"flags,omitempty"`
}

// A List is what is known of a list of domains.
type List struct {
	// Name is where it came from.
	Name string `json:"name"`
	// Size in octets, and SHA256 of all of them in hexadecimal.
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Entries are the lines that are neither blank nor comments, of which Bad have no domain, and
	// FirstBad says why the first of those has none.
	Entries  int    `json:"entries"`
	Bad      int    `json:"bad,omitempty"`
	FirstBad string `json:"first_bad,omitempty"`
}

// version of what is in a folder.
const version = 1

// Create makes a new survey in a folder, which is made if it is not there. The error is
// ErrExists if there is a survey in it, and ErrInUse if another process is making one. While
// nobody else can have the folder, prepare puts into it what the survey needs, and says what the
// survey is about; if that fails there is no survey.
func Create(dir string, prepare func() (About, error)) (*Store, error) {
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	if err := emptyBegun(dir); err != nil {
		return nil, err
	}
	s, err := open(dir)
	if err != nil {
		return nil, err
	}
	if err := s.create(prepare); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// What is in a folder of a survey is for the one who made it: a list of people has more in its lines than domains,
// and rows have them whole.
const (
	dirMode  = 0o700
	fileMode = 0o600
)

// makeDir makes a folder, and those above it.
func makeDir(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	if err := os.Mkdir(dir, dirMode); !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s: it is no folder", dir)
	}
	return err
}

func (s *Store) create(prepare func() (About, error)) error {
	if err := s.readAbout(); err == nil {
		return fmt.Errorf("%s: %w", s.dir, ErrExists)
	} else if !errors.Is(err, ErrNone) {
		return err
	}
	if err := s.vacant(); err != nil {
		return err
	}
	about, err := prepare()
	if err == nil {
		err = makeBuckets(s.db, about)
	}
	if err == nil {
		err = s.restore()
	}
	return err
}

// vacant returns an error if there are rows of a survey whose checkpoint is gone: a new one would
// overwrite them, or take them for its own.
func (s *Store) vacant() error {
	for _, name := range []string{resultsFile(s.dir, 1), filepath.Join(s.dir, unsavedFile)} {
		if info, err := os.Stat(name); err == nil && info.Size() > 0 {
			return fmt.Errorf("%s is there, and no %s that says what counts of it: put that back, or move both away", name, checkpointFile)
		}
	}
	return nil
}

// Open opens a survey to write to it. The error is ErrNone if there is none, and ErrInUse if
// another process has it open.
func Open(dir string) (*Store, error) {
	if err := exists(dir); err != nil {
		return nil, err
	}
	s, err := open(dir)
	if err != nil {
		return nil, err
	}
	if err := s.restore(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Read opens a survey to read it, as several processes can at a time. It writes nothing: rows that a
// process has left unsaved are read from where they are, and the others are as they were saved.
func Read(dir string) (*Store, error) {
	if err := exists(dir); err != nil {
		return nil, err
	}
	db, err := openCheckpoint(dir, true)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, db: db}
	if err = s.readAbout(); err == nil {
		err = db.inspect()
	}
	if err == nil {
		err = s.readLeft()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// readLeft reads the rows that were left unsaved, and finds those that they replace.
func (s *Store) readLeft() error {
	left, err := readUnsaved(filepath.Join(s.dir, unsavedFile))
	if err != nil {
		return err
	}
	s.gone = make(map[int]bool)
	return s.db.View(func(tx *bolt.Tx) error {
		s.left = wanted(tx, left)
		for _, r := range s.left {
			old, err := openRowOf(tx, r.Vantage, r.Line)
			if err != nil {
				return err
			}
			if old != nil {
				s.gone[int(old.Ordinal)] = true
			}
		}
		return nil
	})
}

func exists(dir string) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w, and no such folder", dir, ErrNone)
	}
	name := filepath.Join(dir, checkpointFile)
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && info.Size() == 0:
		return fmt.Errorf("%s: %w", dir, ErrNone)
	case err == nil && isBegun(name):
		return fmt.Errorf("%s: %w: %s has %d octets, and was not finished, or is a part of a copy", dir, ErrNone, checkpointFile, info.Size())
	}
	return err
}

func open(dir string) (*Store, error) {
	db, err := openCheckpoint(dir, false)
	if err != nil {
		return nil, err
	}
	return &Store{dir: dir, db: db}, nil
}

// restore counts what is finished, cuts off what is not, and saves what is not saved. If that fails nothing is written
// any more, and the rows stay where they are.
func (s *Store) restore() (err error) {
	defer func() { s.failed = err }()
	if err := s.readAbout(); err != nil {
		return err
	}
	if err := s.db.inspect(); err != nil {
		return err
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	s.results = &results{dir: s.dir, encoder: encoder, most: maxResults}
	if err := s.db.View(func(tx *bolt.Tx) error { s.results.load(tx); return nil }); err != nil {
		return err
	}
	if err := s.recount(); err != nil {
		return err
	}
	var left []row.Row
	if s.unsaved, left, err = openUnsaved(filepath.Join(s.dir, unsavedFile)); err != nil {
		return err
	}
	if err := s.put(left); err != nil {
		return err
	}
	return s.unsaved.clear()
}

// About is what the survey is about.
func (s *Store) About() About { return s.about }

// Put has rows on the disk when it returns, except those whose line has a row already.
// After an error the store takes nothing any more.
func (s *Store) Put(rows []row.Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sticky(func() error { return s.put(rows) })
}

// Keep takes a row so that the end of this process does not lose it. It is on the disk after
// Sync, or when many have come. After an error the store takes nothing any more.
func (s *Store) Keep(r row.Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sticky(func() error {
		err := s.unsaved.add(r)
		s.written("a row kept")
		if err != nil || !s.unsaved.full() {
			return err
		}
		return s.save()
	})
}

// Sync has on the disk what was kept.
func (s *Store) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sticky(s.save)
}

// sticky does what writes, unless that has failed before: what is on the disk is then not known.
func (s *Store) sticky(write func() error) error {
	if s.unsaved == nil {
		return errors.New("the survey was opened for reading")
	}
	if s.failed == nil {
		s.failed = write()
	}
	return s.failed
}

func (s *Store) save() error {
	if err := s.put(s.unsaved.rows); err != nil {
		return err
	}
	err := s.unsaved.clear()
	s.written("nothing unsaved")
	return err
}

func (s *Store) written(what string) {
	if s.step != nil {
		s.step(what)
	}
}

// put writes a frame, and then counts it.
func (s *Store) put(rows []row.Row) error {
	var fresh []row.Row
	if err := s.db.View(func(tx *bolt.Tx) error {
		fresh = wanted(tx, rows)
		return nil
	}); err != nil || len(fresh) == 0 {
		return err
	}
	err := s.results.write(fresh)
	s.written("a frame")
	if err != nil {
		return err
	}
	err = s.db.Update(func(tx *bolt.Tx) error {
		first, err := s.results.count(tx, len(fresh))
		if err != nil {
			return err
		}
		return mark(tx, fresh, first)
	})
	s.written("the checkpoint")
	return err
}

// Close saves what was kept, and lets others have the folder.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.unsaved != nil {
		if s.failed == nil {
			err = s.save()
		}
		err = errors.Join(err, s.unsaved.close(), s.results.close())
		s.unsaved, s.failed = nil, errors.New("the survey is closed")
	}
	return errors.Join(err, s.db.Close())
}
