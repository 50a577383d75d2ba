package main

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A queue is a directory. Each entry is a message for the recipients of one domain, in two
// files: ID.eml has the text, and ID.json the envelope. Files come into being under another
// name, and are renamed when they are on the disk; the envelope comes last and goes first. So
// a message is in the queue exactly if its envelope is, and a crash loses none. It may
// send one twice, as in all of SMTP (RFC 5321 §6.1).
type queue struct{ dir string }

// An envelope is what is to be done with a message.
type envelope struct {
	From       string      `json:"from"`
	Recipients []recipient `json:"recipients"` // those that are left
	Received   time.Time   `json:"received"`
	Next       time.Time   `json:"next"` // attempt
	Attempts   int         `json:"attempts"`
}

// A recipient is one that is left, and what the last attempt said.
type recipient struct {
	Address string `json:"address"`
	Code    string `json:"code,omitempty"`
	Text    string `json:"text,omitempty"`
}

const (
	textSuffix, envelopeSuffix = ".eml", ".json"
	unfinished                 = ".new-" // prefix of files that are not complete
)

func openQueue(dir string) (*queue, error) {
	return &queue{dir}, os.MkdirAll(dir, 0o700)
}

// lock makes sure that no other process delivers from the queue. It ends with the process.
func (q *queue) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(q.dir, ".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: another process delivers from it: %w", q.dir, err)
	}
	return func() { f.Close() }, nil
}

func (q *queue) path(id, suffix string) string { return filepath.Join(q.dir, id+suffix) }

// add puts a message into the queue, with an entry for each domain, or with an error for none.
// The text is there once, under a name for each.
func (q *queue) add(from string, recipients []string, text []byte) (ids []string, err error) {
	defer func() {
		if err != nil {
			for _, id := range ids {
				q.remove(id) // what is delivered already will be twice
			}
			ids = nil
		}
	}()
	now := time.Now().UTC()
	stamp := now.Format("20060102T150405") + "-" + rand.Text()[:8]
	for i, group := range byDomain(recipients) {
		id := fmt.Sprintf("%s-%d", stamp, i)
		if i == 0 {
			err = q.write(id+textSuffix, text)
		} else if err = os.Link(q.path(ids[0], textSuffix), q.path(id, textSuffix)); err == nil {
			err = q.sync()
		}
		if err != nil {
			return ids, err
		}
		e := &envelope{From: from, Received: now, Next: now}
		for _, to := range group {
			e.Recipients = append(e.Recipients, recipient{Address: to})
		}
		if err = q.update(id, e); err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// write makes or replaces a file, so that it is there in full or not at all.
func (q *queue) write(name string, data []byte) error {
	f, err := os.CreateTemp(q.dir, unfinished)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(q.dir, name)); err != nil {
		return err
	}
	return q.sync()
}

// sync puts the names of files on the disk.
func (q *queue) sync() error {
	d, err := os.Open(q.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// update writes an envelope.
func (q *queue) update(id string, e *envelope) error {
	data, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return q.write(id+envelopeSuffix, append(data, '\n'))
}

// entries returns the ids of all entries, the oldest first.
func (q *queue) entries() (ids []string, err error) {
	files, err := os.ReadDir(q.dir)
	for _, f := range files {
		if id, ok := strings.CutSuffix(f.Name(), envelopeSuffix); ok && !strings.HasPrefix(id, ".") {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// read returns the envelope of an entry.
func (q *queue) read(id string) (*envelope, error) {
	data, err := os.ReadFile(q.path(id, envelopeSuffix))
	if err != nil {
		return nil, err
	}
	e := new(envelope)
	if err := json.Unmarshal(data, e); err != nil {
		return nil, fmt.Errorf("%s: %w", id, err)
	}
	// Somebody may have written it by hand.
	if len(e.Recipients) == 0 {
		return nil, fmt.Errorf("%s: no recipients", id)
	}
	_, first := split(e.Recipients[0].Address)
	if e.From != "" {
		err = checkAddress(e.From)
	}
	for _, r := range e.Recipients {
		_, domain := split(r.Address)
		if !strings.EqualFold(domain, first) {
			err = cmp.Or(err, fmt.Errorf("%s: recipients of several domains", id))
		}
		err = cmp.Or(err, checkAddress(r.Address))
	}
	return e, err
}

// message returns the message of an entry.
func (q *queue) message(id string, e *envelope) (*message, error) {
	info, err := os.Stat(q.path(id, textSuffix))
	if err != nil {
		return nil, fmt.Errorf("an envelope without a text: %v", err)
	}
	return &message{from: e.From, size: info.Size(), open: func() (io.ReadCloser, error) { return os.Open(q.path(id, textSuffix)) }}, nil
}

// remove takes an entry out of the queue.
func (q *queue) remove(id string) error {
	return errors.Join(os.Remove(q.path(id, envelopeSuffix)), os.Remove(q.path(id, textSuffix)), q.sync())
}

// leftoverAge is when a file that belongs to no entry was left by a crash, and is not being
// made.
const leftoverAge = time.Hour

// clean removes what crashes have left.
func (q *queue) clean(now time.Time) error {
	ids, err := q.entries()
	if err != nil {
		return err
	}
	files, err := os.ReadDir(q.dir)
	for _, f := range files {
		id, isText := strings.CutSuffix(f.Name(), textSuffix)
		leftover := strings.HasPrefix(f.Name(), unfinished) || isText && !slices.Contains(ids, id)
		if info, failed := f.Info(); leftover && failed == nil && now.Sub(info.ModTime()) > leftoverAge {
			err = errors.Join(err, os.Remove(filepath.Join(q.dir, f.Name())))
		}
	}
	return err
}
