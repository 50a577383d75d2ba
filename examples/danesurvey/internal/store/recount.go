package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/klauspost/compress/zstd"
	bolt "go.etcd.io/bbolt"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// recount counts the frames that lie beyond those that are counted: a process has ended between a
// frame and its count, or the checkpoint is older than the files, from a copy, or since the page with
// its latest state is lost. What is no whole frame was not finished, and is cut off.
func (s *Store) recount() error {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxFrame))
	if err != nil {
		return err
	}
	defer decoder.Close()
	for n := max(s.results.number, 1); ; n++ {
		if more, err := s.recountFile(decoder, n); err != nil || !more {
			return err
		}
	}
}

// maxFrame is the text that a frame may have: one row can be as long as MaxText.
const maxFrame = 2*row.MaxText + maxUnsavedOctets

// recountFile is recount for one file; more is false if there is none behind it.
func (s *Store) recountFile(decoder *zstd.Decoder, n int) (more bool, err error) {
	r, name := s.results, resultsFile(s.dir, n)
	start := int64(0)
	if n == r.number {
		start = r.size
	}
	frames, err := readFrom(name, start)
	if errors.Is(err, fs.ErrNotExist) && n > r.number {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for len(frames) > 0 {
		size, ok := frameSize(frames)
		if !ok {
			return false, s.cutOff(n, start)
		}
		if n > r.number {
			r.number, r.first, r.size, r.rows = n, r.first+r.rows, 0, 0
		}
		if err := s.recountFrame(decoder, frames[:size]); err != nil {
			return false, fmt.Errorf("%s: the frame at octet %d: %w", name, start, err)
		}
		start += int64(size)
		frames = frames[size:]
	}
	return true, nil
}

// readFrom returns what a file has from an octet on, which must be there.
func readFrom(name string, start int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < start {
		return nil, fmt.Errorf("%s has %d octets, and %d are counted: it was changed, or a disk has lost them", name, info.Size(), start)
	}
	return io.ReadAll(io.NewSectionReader(file, start, info.Size()-start))
}

// cutOff ends a file where a frame begins that was not finished. It is the last that was written.
func (s *Store) cutOff(n int, size int64) error {
	if info, err := os.Stat(resultsFile(s.dir, n+1)); err == nil && info.Size() > 0 {
		return fmt.Errorf("%s: the frame at octet %d is not whole, and another file comes behind it: it was changed", resultsFile(s.dir, n), size)
	}
	if size == 0 && n > s.results.number {
		return os.Remove(resultsFile(s.dir, n))
	}
	return os.Truncate(resultsFile(s.dir, n), size)
}

// recountFrame counts a frame where it is. Rows whose line has one already count no longer.
func (s *Store) recountFrame(decoder *zstd.Decoder, frame []byte) error {
	text, err := decoder.DecodeAll(frame, nil)
	if err != nil {
		return err
	}
	var rows []row.Row
	for line := range bytes.Lines(text) {
		r, err := row.Parse(line)
		if err != nil {
			return err
		}
		rows = append(rows, r)
	}
	s.results.unfinished = int64(len(frame))
	return s.db.Update(func(tx *bolt.Tx) error {
		first, err := s.results.count(tx, len(rows))
		if err != nil {
			return err
		}
		counts := newCounts()
		for i, r := range rows {
			ordinal := uint64(first + i)
			if len(wanted(tx, rows[i:i+1])) == 0 {
				err = setBit(tx.Bucket(bucketReplaced), number(ordinal/chunk), ordinal)
			} else {
				err = markOne(tx, r, ordinal, counts)
			}
			if err != nil {
				return err
			}
		}
		return counts.add(tx)
	})
}

// frameSize returns the length of the frame of zstd that text begins with (RFC 8878 §3.1.1); false if
// it is not whole.
func frameSize(text []byte) (size int, ok bool) {
	const blockHeader, rle, checksum = 3, 1, 4
	var header zstd.Header
	if err := header.Decode(text); err != nil || header.Skippable {
		return 0, false
	}
	size = header.HeaderSize
	for last := false; !last; {
		if size+blockHeader > len(text) {
			return 0, false
		}
		bits := int(text[size]) | int(text[size+1])<<8 | int(text[size+2])<<16
		length := bits >> 3
		if bits>>1&3 == rle {
			length = 1
		}
		last, size = bits&1 != 0, size+blockHeader+length
	}
	if header.HasCheckSum {
		size += checksum
	}
	return size, size <= len(text)
}
