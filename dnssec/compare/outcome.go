package compare

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/internal/localfault"
)

// An Outcome is what came of asking a server. The zero Outcome is NotAsked.
type Outcome uint8

const (
	// NotAsked: the server was not asked, since it has answered nothing else.
	NotAsked Outcome = iota
	// Answered: there are records, or there is a denial, and it validates or is Insecure.
	Answered
	// Bogus: there is an answer that fails validation.
	Bogus
	// Refused: the server answers with SERVFAIL, REFUSED or another rcode that is no answer.
	Refused
	// Silent: no reply came in time, or nobody is there.
	Silent
	// Lame: the server replies, and does not serve the zone.
	Lame
	// Local: this machine cannot ask, for want of a route to such addresses for instance.
	Local
	// Forbidden: the address is of a kind that nobody may be sent to by the DNS.
	Forbidden
	// Failed: there is no verdict for another reason, such as keys that could not be had.
	Failed
)

var outcomes = []string{"not asked", "answered", "bogus", "refused", "silent", "lame", "local", "forbidden", "failed"}

// String returns "not asked", "answered", "bogus", "refused", "silent", "lame", "local",
// "forbidden" or "failed".
func (o Outcome) String() string { return word(outcomes, "outcome", o) }

// MarshalText returns the same text as String.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText inverts MarshalText.
func (o *Outcome) UnmarshalText(text []byte) error { return parseWord(outcomes, "outcome", text, o) }

// outcomeOf is the outcome by the error of an exchange.
func outcomeOf(err error) Outcome {
	switch {
	case err == nil:
		return Answered
	case errors.Is(err, upstream.ErrLame):
		return Lame
	case errors.Is(err, upstream.ErrNotAllowed):
		return Forbidden
	case localfault.Is(err):
		return Local
	case errors.Is(err, context.DeadlineExceeded), isNetwork(err):
		return Silent
	}
	return Failed
}

// isNetwork reports whether an error is of connections, as "connection refused" is.
func isNetwork(err error) bool {
	_, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok
}

// A Path is whether this machine reaches the name servers of the Internet.
type Path uint8

const (
	// PathUnknown: no server was asked. The zero Path.
	PathUnknown Path = iota
	// PathOpen: at least one server has answered as only a name server of its zone does.
	PathOpen
	// PathBlocked: nobody has answered, the servers of the zones above included.
	PathBlocked
	// PathIntercepted: whoever answers is no name server of these zones, at any address: a
	// network that answers in place of the servers.
	PathIntercepted
)

var paths = []string{"unknown", "open", "blocked", "intercepted"}

// String returns "unknown", "open", "blocked" or "intercepted".
func (p Path) String() string { return word(paths, "path", p) }

// MarshalText returns the same text as String.
func (p Path) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText inverts MarshalText.
func (p *Path) UnmarshalText(text []byte) error { return parseWord(paths, "path", text, p) }

// A Flaw is something that a server, or what stands before it, does wrong whatever the
// question.
type Flaw uint8

const (
	// NoUDP: it answers over TCP alone.
	NoUDP Flaw = iota + 1
	// NoTCP: it does not answer over TCP (RFC 7766 §5).
	NoTCP
	// NoEDNS: it answers queries without EDNS alone, so that nobody gets signatures from it
	// (RFC 6891 §7, RFC 4035 §3).
	NoEDNS
	// FailsUnknownOption: it does not answer queries with an EDNS option that it does not
	// know (RFC 6891 §6.1.2).
	FailsUnknownOption
	// FailsUnknownVersion: it does not answer queries of another version of EDNS with
	// BADVERS (RFC 6891 §6.1.3).
	FailsUnknownVersion
)

var flaws = []string{"", "no-udp", "no-tcp", "no-edns", "fails-unknown-option", "fails-unknown-version"}

// String returns "no-udp", "no-tcp", "no-edns", "fails-unknown-option" or
// "fails-unknown-version".
func (f Flaw) String() string { return word(flaws, "flaw", f) }

// MarshalText returns the same text as String.
func (f Flaw) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText inverts MarshalText.
func (f *Flaw) UnmarshalText(text []byte) error { return parseWord(flaws, "flaw", text, f) }

func word[T ~uint8](words []string, kind string, value T) string {
	if int(value) < len(words) && words[value] != "" {
		return words[value]
	}
	return fmt.Sprintf("%s(%d)", kind, value)
}

func parseWord[T ~uint8](words []string, kind string, text []byte, value *T) error {
	i := slices.Index(words, string(text))
	if i < 0 || len(text) == 0 {
		return fmt.Errorf("compare: %s %q", kind, text)
	}
	*value = T(i)
	return nil
}
