package anchor

import (
	"errors"
	"fmt"

	"github.com/danesmtp/danesmtp/internal/printable"
)

// Errors of this package wrap these where a program may want to act on them.
var (
	// ErrNone says that there is no trust anchor: in a file, or in force.
	ErrNone = errors.New("no DS or DNSKEY record")

	// ErrRevoked says that all keys of the root were revoked. For a zone below the root
	// that is not an error: it is not anchored any more (RFC 5011 §5). Without an anchor
	// of the root nothing could be validated, and everything would pass for insecure.
	ErrRevoked = errors.New("all trust anchors of the root are revoked")

	// ErrOutdated says that the known keys of the root are from before a rollover that
	// was missed, for instance because the machine was off for a long time. New ones must
	// come from elsewhere; see Tracker.Replace.
	ErrOutdated = errors.New("the trust anchors are outdated: the root has other keys now")

	// ErrNoKeys says that a query for the keys of a zone brought none.
	ErrNoKeys = errors.New("no DNSKEY record")

	// ErrUnsigned says that no trust anchor of the zone has signed a set of its keys.
	ErrUnsigned = errors.New("the keys are not signed by a trust anchor of the zone")
)

// errNoUsableKey is for a zone whose trust point has no anchor.
var errNoUsableKey = errors.New("no trust anchor among the keys of the zone")

// An Error says why a file of anchors, or another source of them, cannot be used.
type Error struct {
	File string // as given
	Line int    // where in it, from 1; 0 if it is about no single line
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
