package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	bolt "go.etcd.io/bbolt"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// maxResults is the size from which on a file of results is followed by another.
const maxResults = 256 << 20

// results are the files that rows are written to.
type results struct {
	dir     string
	encoder *zstd.Encoder
	text    []byte // of a frame
	buffer  []byte // the same, compressed
	most    int64  // octets of a file

	number int      // of the last file, from 1; 0 if there is none
	file   *os.File // the last one, once it is written to
	size   int64    // of it that counts
	rows   int      // in it
	first  int      // ordinal of the first row in it

	unfinished int64 // what the last write has added
}

func resultsFile(dir string, number int) string {
	return filepath.Join(dir, fmt.Sprintf("results-%04d.ndjson.zst", number))
}

// load reads from the checkpoint what counts.
func (r *results) load(tx *bolt.Tx) {
	for _, f := range files(tx) {
		r.first += r.rows
		r.number, r.size, r.rows = f.number, f.size, f.rows
	}
}

// write adds a frame to the last file, and has it on the disk.
func (r *results) write(rows []row.Row) error {
	if r.number == 0 || r.size >= r.most {
		if err := r.next(); err != nil {
			return err
		}
	}
	if r.file == nil {
		file, err := os.OpenFile(resultsFile(r.dir, r.number), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		r.file = file
	}
	r.text = row.AppendLines(r.text[:0], rows)
	r.buffer = r.encoder.EncodeAll(r.text, r.buffer[:0])
	if _, err := r.file.WriteAt(r.buffer, r.size); err != nil {
		return err
	}
	r.unfinished = int64(len(r.buffer))
	return r.file.Sync()
}

// next begins another file.
func (r *results) next() error {
	if err := r.close(); err != nil {
		return err
	}
	file, err := os.OpenFile(resultsFile(r.dir, r.number+1), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	r.file = file
	r.number, r.first, r.size, r.rows = r.number+1, r.first+r.rows, 0, 0
	return syncDir(r.dir)
}

// count counts what the last write has added, and returns the ordinal of its first row.
func (r *results) count(tx *bolt.Tx, rows int) (int, error) {
	first := r.first + r.rows
	r.size += r.unfinished
	r.rows += rows
	return first, putFile(tx, fileInfo{number: r.number, size: r.size, rows: r.rows})
}

func (r *results) close() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

// syncDir has the names in a folder on the disk, where the system can do that.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrInvalid) {
		return err
	}
	return nil
}

// readFile returns what counts of a file of results.
func readFile(dir string, f fileInfo) (io.ReadCloser, error) {
	file, err := os.Open(resultsFile(dir, f.number))
	if err != nil {
		return nil, err
	}
	decoder, err := zstd.NewReader(io.LimitReader(file, f.size), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20))
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &decoded{decoder, file}, nil
}

type decoded struct {
	*zstd.Decoder
	file *os.File
}

func (d *decoded) Close() error {
	d.Decoder.Close()
	return d.file.Close()
}
