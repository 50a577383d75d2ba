package anchor

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
	"github.com/danesmtp/danesmtp/internal/printable"
)

const (
	maxFile    = 1 << 20 // octets of a file of anchors; the root's takes a few thousand
	maxAnchors = 1000    // of a file, since every lookup goes through them; a zone has one to three
)

// ErrNone says that there is no trust anchor: in a file, or in force.
var ErrNone = errors.New("no DS or DNSKEY record")

var (
	errTooLarge = fmt.Errorf("more than %d octets", maxFile)
	errTooMany  = fmt.Errorf("more than %d trust anchors", maxAnchors)
)

// An Error is a source of anchors that cannot be used.
type Error struct {
	File string // as given
	Line int    // where in it, from 1, or 0 where no line is to blame
	Err  error  // what is wrong
}

// Error names the file, the line and what is wrong with it.
func (e *Error) Error() string {
	if e.Line == 0 {
		return printable.Line(fmt.Sprintf("anchor: %s: %v", e.File, e.Err))
	}
	return printable.Line(fmt.Sprintf("anchor: %s:%d: %v", e.File, e.Line, e.Err))
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ReadFile reads the trust anchors of a file, as Parse does. Errors are of type
// *Error.
func ReadFile(path string) (Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{File: path, Err: err}
	}
	defer f.Close()
	return Parse(f, path)
}

// Parse reads trust anchors of any zones, in one of the formats that the package's
// documentation lists. What cannot be an anchor is an error, as is a source without
// any: a trust anchor that was silently left out would be found missing much later.
// Parse has no clock, so it also gives the anchors that are not in force now; see
// Set.Anchors. file is used in errors, which are of type *Error.
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

// readText reads a whole file, without a byte order mark, which would be taken for a part
// of the first zone's name.
func readText(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errTooLarge
	}
	return bytes.TrimPrefix(text, []byte("\ufeff")), err
}

// add appends the anchor that a record is.
func (s Set) add(rr dns.RR) (Set, error) {
	if len(s) == maxAnchors {
		return nil, errTooMany
	}
	a, err := newAnchor(rr)
	if err != nil {
		return nil, err
	}
	return append(s, a), nil
}

// newAnchor returns the anchor that a record is, whose owner name it completes.
func newAnchor(rr dns.RR) (Anchor, error) {
	header := rr.Header()
	zone, err := parseZone(header.Name)
	if err != nil {
		return Anchor{}, err
	}
	header.Name = zone.String()
	if header.Class != dns.ClassINET {
		return Anchor{}, fmt.Errorf("record of %s: not of class IN", header.Name)
	}
	switch rr := rr.(type) {
	case *dns.DS:
		if _, err := hex.DecodeString(rr.Digest); err != nil || rr.Digest == "" {
			return Anchor{}, fmt.Errorf("DS of %s: digest is not hexadecimal", header.Name)
		}
		return Anchor{Zone: header.Name, DS: rr}, nil
	case *dns.DNSKEY:
		if err := rrsig.ZoneKey(rr); err != nil {
			return Anchor{}, fmt.Errorf("DNSKEY of %s: %w", header.Name, err)
		}
		if _, err := base64.StdEncoding.DecodeString(rr.PublicKey); err != nil || rr.PublicKey == "" {
			return Anchor{}, fmt.Errorf("DNSKEY of %s: public key is not base64", header.Name)
		}
		return Anchor{Zone: header.Name, Key: rr}, nil
	}
	return Anchor{}, notAnAnchor(*header)
}

func parseZone(name string) (canonical.Name, error) {
	zone, err := canonical.ParseName(name)
	if err != nil || name == "" { // which ParseName takes for the root
		return "", fmt.Errorf("%q: %w", name, canonical.ErrName)
	}
	return zone, nil
}
