package anchor

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// maxFile bounds a file of anchors, in octets. The root's takes a few thousand.
const maxFile = 1 << 20

var errTooLarge = fmt.Errorf("more than %d octets", maxFile)

// ReadFile reads the trust anchors of a file, as [Parse] does. Errors are of type [*Error].
func ReadFile(path string) (Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{File: path, Err: err}
	}
	defer f.Close()
	return Parse(f, path)
}

// Parse reads trust anchors of any zones, in one of the formats that the package's
// documentation lists. What cannot be an anchor is an error, and so is a source without
// anchors: one that was silently left out would be missed much later. Parse has no clock, so
// it also returns anchors that are not in force now; see [Set.Anchors]. file is used in
// errors, which are of type [*Error].
func Parse(r io.Reader, file string) (Set, error) {
	text, err := readText(r)
	if err != nil {
		return nil, &Error{File: file, Err: err}
	}
	var set Set
	var line int
	switch {
	case isRootAnchors(text):
		set, line, err = parseRootAnchors(text)
	case isAutotrust(text):
		set, line, err = parseAutotrust(text)
	case isBIND(text):
		set, line, err = parseBIND(text)
	default:
		set, line, err = parseZoneFile(text)
	}
	if err == nil && len(set) == 0 {
		err = ErrNone
	}
	if err != nil {
		return nil, &Error{File: file, Line: line, Err: explained(text, err)}
	}
	return set, nil
}

// readText reads a whole file, without a byte order mark, which would become a part of the
// first zone's name.
func readText(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errTooLarge
	}
	return bytes.TrimPrefix(text, []byte("\ufeff")), err
}
