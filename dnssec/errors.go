package dnssec

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// ErrBudget is the cause when a lookup would have cost more work than a lookup
// may (CVE-2023-50387, CVE-2023-50868).
var ErrBudget = validate.ErrBudget

// An Error is a lookup without a usable answer.
type Error struct {
	Name   string // the name that was asked for
	Type   uint16 // the type that was asked for
	Status Status // Bogus or Indeterminate
	Reason Reason // what broke, and where
	Server string // the server that gave the last reply concerned, if any
	Err    error  // the cause, if it is an error: context, network, ErrBudget, *upstream.CapabilityError
}

// Error names the question, the status and the cause, on one line of printable ASCII.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "dnssec: %s %s: %s", e.Name, dns.Type(e.Type), e.Status)
	if text := e.Reason.String(); text != "" {
		b.WriteString(": " + text)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Server != "" {
		b.WriteString(" (server " + e.Server + ")")
	}
	return printable.Line(b.String()) // servers have a say in it
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
