package anchor

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// maxFile bounds a file of anchors. The root's takes less than a kilobyte.
const maxFile = 1 << 20

// ErrNone says that a file holds no trust anchor.
var ErrNone = errors.New("no DS or DNSKEY record")

var errTooLarge = fmt.Errorf("more than %d octets", maxFile)

// An Error is a source of anchors that cannot be used.
type Error struct {
	File string // as given
	Err  error  // what is wrong, with the line where there is one
}

// Error names the file and what is wrong with it.
func (e *Error) Error() string { return "anchor: " + e.File + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ReadFile reads the DS and DNSKEY records of a file, as Parse does. Errors are
// of type *Error.
func ReadFile(path string) (Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{path, err}
	}
	defer f.Close()
	return Parse(f, path)
}

// Parse reads DS and DNSKEY records in the form of a zone file. A record that is
// neither, or a key that cannot be an anchor, is an error, as is a source without
// any anchor: a trust anchor that was silently left out would be found missing
// much later. file is used in errors, which are of type *Error.
func Parse(r io.Reader, file string) (Set, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errTooLarge
	}
	if err != nil {
		return nil, &Error{file, err}
	}
	parser := dns.NewZoneParser(bytes.NewReader(text), ".", file)
	parser.SetDefaultTTL(0) // anchors have no TTL, and files often leave it out
	parser.SetIncludeAllowed(false)
	var set Set
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		a, err := newAnchor(rr)
		if err != nil {
			return nil, &Error{file, err}
		}
		set = append(set, a)
	}
	if err := parser.Err(); err != nil {
		return nil, &Error{file, err}
	}
	if len(set) == 0 {
		return nil, &Error{file, ErrNone}
	}
	return set, nil
}

func newAnchor(rr dns.RR) (Anchor, error) {
	owner := rr.Header().Name
	zone, err := canonical.ParseName(owner)
	if err != nil {
		return Anchor{}, fmt.Errorf("%q: %w", owner, err)
	}
	switch rr := rr.(type) {
	case *dns.DS:
		if _, err := hex.DecodeString(rr.Digest); err != nil || rr.Digest == "" {
			return Anchor{}, fmt.Errorf("DS of %s: digest is not hexadecimal", owner)
		}
		return Anchor{Zone: zone.String(), DS: rr}, nil
	case *dns.DNSKEY:
		if err := rrsig.ZoneKey(rr); err != nil {
			return Anchor{}, fmt.Errorf("DNSKEY of %s: %w", owner, err)
		}
		return Anchor{Zone: zone.String(), Key: rr}, nil
	}
	return Anchor{}, fmt.Errorf("%s record of %s: neither DS nor DNSKEY", dns.Type(rr.Header().Rrtype), owner)
}
