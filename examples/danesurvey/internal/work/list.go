package work

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
)

// listFile has the list in the folder of a survey. It is a copy: the list may come from a pipe, and
// rows belong to the numbers of lines, which must stay what they are for days.
const listFile = "list"

// ErrListChanged says that the list of a survey is not the one that it began with.
var ErrListChanged = errors.New("the list is not the one that the survey began with, so that rows would be taken for those of other lines: put it back, or begin another survey")

// CopyList copies a list into the folder of a survey, and reads it to its end once: so it is known how long
// it is, and that it has the column.
func CopyList(ctx context.Context, dir, name string, r io.Reader, column string) (store.List, error) {
	part := filepath.Join(dir, listFile+".part")
	file, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // it may have more than domains
	if err != nil {
		return store.List{}, err
	}
	about, err := copyList(ctx, file, r, column)
	about.Name = name
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(part, filepath.Join(dir, listFile))
	}
	if err != nil {
		os.Remove(part)
	}
	return about, err
}

func copyList(ctx context.Context, to io.Writer, from io.Reader, column string) (about store.List, err error) {
	digest, size := sha256.New(), new(counter)
	list, err := survey.NewList(io.TeeReader(from, io.MultiWriter(to, digest, size)), column)
	if err != nil {
		return about, err
	}
	for {
		e, err := list.Next(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return about, err
		}
		about.Entries++
		if e.Err != nil {
			if about.Bad == 0 {
				about.FirstBad = whyNoDomain(e).Error()
			}
			about.Bad++
		}
	}
	about.Size, about.SHA256 = int64(*size), hex.EncodeToString(digest.Sum(nil))
	return about, nil
}

// A counter counts octets.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// A List is that of a survey.
type List struct {
	*survey.List
	file *os.File
}

// OpenList opens the list in the folder of a survey. The error is ErrListChanged if it is another
// one.
func OpenList(dir string, about store.List, column string) (*List, error) {
	file, err := os.Open(filepath.Join(dir, listFile))
	if err != nil {
		return nil, err
	}
	l := &List{file: file}
	digest := sha256.New()
	if _, err = io.Copy(digest, file); err == nil && hex.EncodeToString(digest.Sum(nil)) != about.SHA256 {
		err = fmt.Errorf("%s: %w", file.Name(), ErrListChanged)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err == nil {
		l.List, err = survey.NewList(file, column)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

// Close closes the file.
func (l *List) Close() error { return l.file.Close() }
