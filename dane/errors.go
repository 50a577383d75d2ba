package dane

import (
	"errors"
	"strings"

	"github.com/danesmtp/danesmtp/internal/printable"
)

// What a caller may act on; each comes wrapped in an *Error.
var (
	// ErrNullMX: the domain accepts no mail (RFC 7505 §3). Permanent.
	ErrNullMX = errors.New("domain does not accept mail (null MX)")
	// ErrNoDomain: the recipient's domain does not exist. Permanent.
	ErrNoDomain = errors.New("domain does not exist")
	// ErrName: what was given, or found in an MX record, is not a host name. Permanent for a
	// destination that cannot exist.
	ErrName = errors.New("not a host name")
	// ErrNoAddress: the host has no address that could be connected to.
	ErrNoAddress = errors.New("host has no address")
	// ErrRefusedAddress: all addresses of the host are of a kind that is not
	// connected to; see Verifier.Allow.
	ErrRefusedAddress = errors.New("address is not one to connect to")
	// ErrNotDANE: DANE is mandatory, and the destination does not have it.
	ErrNotDANE = errors.New("DANE is mandatory, and the destination does not have it")
	// ErrSkipped: the host must not be delivered to; see Host.Err.
	ErrSkipped = errors.New("host must not be delivered to")
	// ErrBusy is what a Prober returns that has not connected, as the server has said again and again
	// that it has no room, or refuses the client. It says nothing about the domain.
	ErrBusy = errors.New("not connected to: it was busy for too long, or refuses us")
	// ErrNoTLS: the connection is in clear, or its handshake was not completed.
	ErrNoTLS = errors.New("connection is not encrypted")
	// ErrWeakTLS: the connection is encrypted by a version before TLS 1.2 (RFC 8996 §3).
	ErrWeakTLS = errors.New("TLS version is too old")
	// ErrNoResolver: no DNS server answered that could have proven anything; see Verify.
	ErrNoResolver = errors.New("no DNS server that is capable of DNSSEC answered")
	// ErrPolicy: a policy that contradicts itself, or cannot be read; see NewPolicy.
	ErrPolicy = errors.New("wrong policy")
	// ErrNotListed: the MTA-STS policy of the domain does not name the host; see
	// Host.RequirePKIX.
	ErrNotListed = errors.New("the MTA-STS policy does not name the host")
	// ErrLookup: a lookup gave no usable answer, and no better reason for that.
	ErrLookup = errors.New("lookup failed")
)

// An Error is a destination or host that cannot be delivered to. Unless it is Permanent the
// message stays queued, and is tried again (RFC 7672 §2.1.1, §2.2). Permanent are [ErrNoDomain],
// [ErrNullMX], and an [ErrName] about a destination that cannot exist. [Host.Classify] says
// what to put into logs and reports.
type Error struct {
	Domain    string // the destination
	Host      string // the mail server concerned; empty if the domain as a whole
	Permanent bool   // trying again is of no use; without it Classify does not say so either
	Err       error  // the cause: one of the sentinels, *dnssec.Error, *smtpprobe.Error, *tlsa.Error …

	// Attempts are the connections that Verifier.Connect has made, one for each address.
	Attempts []Attempt

	host    *Host // that it is about, where the classification depends on what that demands
	untried bool  // the host has more addresses than Attempts

	verified bool // the host was authenticated as it demands, and the cause came after that
}

// Error names the domain, the host and the cause, on one line of printable ASCII.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("dane: " + e.Domain)
	if e.Host != "" && e.Host != e.Domain {
		b.WriteString(": host " + e.Host)
	}
	if e.Err != nil {
		b.WriteString(": " + strings.ReplaceAll(e.Err.Error(), "\n", "; ")) // of errors that are joined
	}
	return printable.Line(b.String())
}

// conclude sets Permanent to what the cause says.
func (e *Error) conclude() *Error {
	e.Permanent = true // else nothing would be
	e.Permanent = Classify(e).Permanent
	return e
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// permanent reports whether an error says of itself that trying again is of no use.
func permanent(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Permanent
}
