package rollover

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// A Reason is the kind of an [Error].
type Reason uint8

const (
	// ReasonUnknown: something could not be found out. It may be well.
	ReasonUnknown Reason = iota
	// ReasonBogus: an answer does not validate, so that senders deliver nothing by it.
	ReasonBogus
	// ReasonDifferent: name servers have different records.
	ReasonDifferent
)

var reasons = [...]string{"not known", "bogus", "different"}

// String returns the reason in a word or two.
func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r]
	}
	return "unknown reason"
}

// An Error says why there is no survey, or why it has no answer.
type Error struct {
	Reason Reason
	Server string // as [View.Name] has it; empty if it is not about one
	Err    error
}

// Error is one line of printable ASCII.
func (e *Error) Error() string {
	text := "no cause is known"
	if e.Err != nil {
		text = e.Err.Error()
	}
	if e.Server != "" {
		text = e.Server + ": " + text
	}
	return printable.Line(text)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// lookupError is the Error of a lookup.
func lookupError(err error) *Error {
	if e, ok := errors.AsType[*dnssec.Error](err); ok && e.Status == dnssec.Bogus {
		return &Error{Reason: ReasonBogus, Err: err}
	}
	return &Error{Reason: ReasonUnknown, Err: err}
}

// isLocal reports whether it is this machine that cannot reach an address, as one without
// IPv6 cannot: no packet was sent. That says nothing about the server. A host that is
// reported to be unreachable is another thing, and so is a router that has no way, of which
// TCP reports the same: UDP has no packets until it is connected.
func isLocal(err error) bool {
	dial, ok := errors.AsType[*net.OpError](err)
	return ok && dial.Op == "dial" && strings.HasPrefix(dial.Net, "udp") && (errors.Is(err, syscall.ENETUNREACH) ||
		errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT))
}

// invalid is the Error of a view that does not validate.
func (v *View) invalid() *Error {
	return &Error{Reason: ReasonBogus, Server: v.Name(), Err: fmt.Errorf("its answer does not validate: %w", v.Err)}
}

// isMisfit reports whether the root's keys are none that this machine has trust anchors for,
// which says nothing about any zone.
func isMisfit(err error) bool {
	e, ok := errors.AsType[*dnssec.Error](err)
	return ok && e.Status == dnssec.Bogus && e.Reason.Zone == "." && e.Reason.Type == dns.TypeDNSKEY &&
		e.Reason.Code == dnssec.EDEDNSKEYMissing && !strings.HasPrefix(e.Reason.Text, "server answered ")
}

func isBogus(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Reason == ReasonBogus
}
