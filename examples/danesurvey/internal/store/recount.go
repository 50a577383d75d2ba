package store

import (
	"bytes"
	"encoding/binary"
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
// its latest state is lost. The last frame is cut off if it cannot be read: it was not finished. Where a machine
// ends, the disk may have taken some of its pages and not others, whatever its length is.
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
		text, size, err := readFrame(decoder, frames)
		if err != nil && !errors.Is(err, errTooLarge) && !isFollowed(decoder, frames) {
			return false, s.cutOff(n, start)
		}
		if err == nil {
			if n > r.number {
				r.number, r.first, r.size, r.rows = n, r.first+r.rows, 0, 0
			}
			err = s.recountFrame(text, int64(size))
		}
		if err != nil {
			return false, fmt.Errorf("%s: the frame at octet %d: %w", name, start, err)
		}
		start += int64(size)
		frames = frames[size:]
	}
	return true, nil
}

var (
	errNotWhole = errors.New("it is not whole")
	errTooLarge = fmt.Errorf("it has more than %d octets of text", maxFrame)
)

// readFrame returns the text of the frame that comes first, and its length.
func readFrame(decoder *zstd.Decoder, frames []byte) (text []byte, size int, err error) {
	size, ok := frameSize(frames)
	if !ok {
		return nil, 0, errNotWhole
	}
	text, err = decoder.DecodeAll(frames[:size], nil)
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
		err = errTooLarge
	}
	return text, size, err
}

// isFollowed reports whether a frame that can be read comes behind one that cannot, wherever that ends: so it
// was whole once, and is damaged.
func isFollowed(decoder *zstd.Decoder, frames []byte) bool {
	magic := binary.LittleEndian.AppendUint32(nil, 0xFD2FB528) // RFC 8878 §3.1.1
	for rest := frames[1:]; ; rest = rest[1:] {
		at := bytes.Index(rest, magic)
		if at < 0 {
			return false
		}
		rest = rest[at:]
		if _, _, err := readFrame(decoder, rest); err == nil {
			return true
		}
	}
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

// cutOff ends a file where a frame begins that was not finished, which must be the last that was written.
func (s *Store) cutOff(n int, size int64) error {
	if info, err := os.Stat(resultsFile(s.dir, n+1)); err == nil && info.Size() > 0 {
		return fmt.Errorf("%s: the frame at octet %d is not whole, and another file comes behind it: it was changed", resultsFile(s.dir, n), size)
	}
	if size == 0 && n > s.results.number {
		return os.Remove(resultsFile(s.dir, n))
	}
	return os.Truncate(resultsFile(s.dir, n), size)
}

// recountFrame counts a frame of that size where it is, by its text. Rows whose line has one already count no longer.
func (s *Store) recountFrame(text []byte, size int64) error {
	var rows []row.Row
	for line := range bytes.Lines(text) {
		r, err := row.Parse(line)
		if err != nil {
			return err
		}
		rows = append(rows, r)
	}
	s.results.unfinished = size
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
