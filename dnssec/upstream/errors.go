package upstream

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/internal/printable"
)

// ErrExhausted says that every server is in Query.Avoid.
var ErrExhausted = errors.New("upstream: no server left that has not been asked")

// An Error is a query that got no usable reply from one server, or an address that is not
// valid. Rcodes such as SERVFAIL come as replies, not as errors.
type Error struct {
	Server  string // as in Reply.Server; empty if none was asked
	Network string // as in Reply.Network, if it got so far
	Name    string // the name asked for
	Type    uint16 // the type asked for
	Err     error  // the cause; context.DeadlineExceeded if there was no reply in time
}

// Error names the server, the question and the cause, on one line of printable ASCII.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(prefix)
	if e.Server != "" {
		b.WriteString(e.Server)
		if e.Network != "" {
			b.WriteString(" over " + e.Network)
		}
		b.WriteString(": ")
	}
	if e.Name != "" {
		fmt.Fprintf(&b, "%s %s: ", e.Name, dns.Type(e.Type))
	}
	b.WriteString(text(e.Err))
	return printable.Line(b.String())
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

const prefix = "upstream: "

// text is what an error says within another one of this package.
func text(err error) string {
	if err == nil {
		return "no cause is known"
	}
	return strings.TrimPrefix(err.Error(), prefix)
}

// texts is text for several errors.
func texts(errs []error) string {
	words := make([]string, len(errs))
	for i, err := range errs {
		words[i] = text(err)
	}
	return strings.Join(words, "; ")
}

// Causes of an *Error.
var (
	errNoQuestion = errors.New("query has not exactly one question")
	errNoReply    = errors.New("exchanger gave neither a reply nor an error")
	errTruncated  = errors.New("reply is truncated")
	errFlood      = fmt.Errorf("more than %d packets are no reply", maxIgnored)
	errNotReply   = errors.New("not a reply to this query")
	errMalformed  = errors.New("malformed message")
	errCase       = errors.New("reply has the name in other case")
	errNoHeader   = fmt.Errorf("%w: shorter than a header", errNotReply)
	errLame       = errors.New("reply is a referral, not an answer") // RFC 2308 §2.2
	errNoServers  = errors.New("no servers are configured")
)

// A headerError is a reply that is a header alone, from a server that could not or would
// not read the question. Servers of very large mail providers have done so (DVE-2020-0001).
type headerError struct{ rcode int }

func (e *headerError) Error() string {
	return "server answered " + rcodeText(e.rcode) + " by a header alone, without the question"
}

// suggestsNoEDNS reports whether the server may not know EDNS (RFC 6891 §7).
func (e *headerError) suggestsNoEDNS() bool {
	return e.rcode == dns.RcodeFormatError || e.rcode == dns.RcodeNotImplemented
}

// A timeoutError says that no reply came within the Client's Timeout. As in package net,
// it is a context.DeadlineExceeded.
type timeoutError struct {
	ignored int   // packets that were no reply
	last    error // what was wrong with the last one
}

func (e *timeoutError) Error() string {
	if e.ignored == 0 {
		return "no reply in time"
	}
	return fmt.Sprintf("no reply in time; packets ignored: %d, the last one: %v", e.ignored, e.last)
}

func (*timeoutError) Timeout() bool        { return true }
func (*timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// An unknownCapabilityError is a reply without signatures from a server that may or may not
// have dropped them.
type unknownCapabilityError struct{ cause error }

func (e *unknownCapabilityError) Error() string {
	return "reply has no signatures, and whether the server passes them on could not be found out: " + text(e.cause)
}

func (e *unknownCapabilityError) Unwrap() error { return e.cause }

// A backoffError says why a server is asked after others.
type backoffError struct{ cause error }

func (e *backoffError) Error() string { return "is left alone for a while, since " + text(e.cause) }
func (e *backoffError) Unwrap() error { return e.cause }

// An allFailedError has the errors of all servers of a Pool, none of which gave a reply.
type allFailedError []error

func (f allFailedError) Error() string {
	return printable.Line(prefix + "no server gave an answer: " + texts(f))
}
func (f allFailedError) Unwrap() []error { return f }

// An exhaustedError is ErrExhausted, followed by what is known about the servers in Avoid.
type exhaustedError []error

func (e exhaustedError) Error() string {
	return printable.Line(ErrExhausted.Error() + ": " + texts(e[1:]))
}
func (e exhaustedError) Unwrap() []error { return e }

// isUnusableReply reports whether the server did reply to the query, but by a message that
// is of no use. That says something about the name, and nothing about the server.
func isUnusableReply(err error) bool {
	_, header := errors.AsType[*headerError](err)
	return header || errors.Is(err, errMalformed) || errors.Is(err, errTruncated)
}
