package diagnosis

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/danesmtp/danesmtp/internal/printable"
)

// A State is how a domain is, with all its hosts and addresses.
type State uint8

const (
	// StateUnknown: something that counts could not be found out. The zero State.
	StateUnknown State = iota
	// StateNone: DANE does not protect the domain, and nothing is broken.
	StateNone
	// StateOK: every host is authenticated at every address.
	StateOK
	// StateWarning: a host is authenticated, but not every one, not for long, or not through
	// the next change of a key.
	StateWarning
	// StateBroken: a lookup, a host or an address is, although a sender may find another.
	StateBroken
)

var states = []string{"unknown", "none", "ok", "warning", "broken"}

// String returns "unknown", "none", "ok", "warning" or "broken".
func (s State) String() string { return word(states, "state", s) }

// MarshalText returns the same text as String.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText inverts MarshalText.
func (s *State) UnmarshalText(text []byte) error { return parseWord(states, "state", text, s) }

// A Severity says what a finding does to the state. A greater one is shown first.
type Severity uint8

const (
	// Note: nothing is broken. Without any host that DANE protects the state is StateNone.
	Note Severity = iota
	// Warning: it will break.
	Warning
	// Unknown: it could not be found out whether it is broken.
	Unknown
	// Broken: it is broken now.
	Broken
)

var severities = []string{"note", "warning", "unknown", "broken"}

// String returns "note", "warning", "unknown" or "broken".
func (s Severity) String() string { return word(severities, "severity", s) }

// MarshalText returns the same text as String.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText inverts MarshalText.
func (s *Severity) UnmarshalText(text []byte) error {
	return parseWord(severities, "severity", text, s)
}

// An Actor is who must act.
type Actor uint8

const (
	// DomainOwner decides where the mail of the domain goes.
	DomainOwner Actor = iota
	// DNSOperator runs the name servers of the zone, and signs it.
	DNSOperator
	// Registrar puts DS records into the zone above.
	Registrar
	// MailHost runs the mail server, and publishes its TLSA records.
	MailHost
	// Sender is who asked: the machine that looked, its network and its resolver.
	Sender
)

var actors = []string{"domain owner", "DNS operator", "registrar or parent zone", "mail host", "sender"}

// String returns "domain owner", "DNS operator", "registrar or parent zone", "mail host" or
// "sender".
func (a Actor) String() string { return word(actors, "actor", a) }

// MarshalText returns the same text as String.
func (a Actor) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText inverts MarshalText.
func (a *Actor) UnmarshalText(text []byte) error { return parseWord(actors, "actor", text, a) }

func word[T ~uint8](words []string, kind string, value T) string {
	if int(value) < len(words) {
		return words[value]
	}
	return fmt.Sprintf("%s(%d)", kind, value)
}

func parseWord[T ~uint8](words []string, kind string, text []byte, value *T) error {
	i := slices.Index(words, string(text))
	if i < 0 {
		return fmt.Errorf("diagnosis: %s %q", kind, text)
	}
	*value = T(i)
	return nil
}

// A Finding is one thing that is wrong, or that those who run the domain should know. All
// texts are lines of printable ASCII.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	// Actor is who must act.
	Actor Actor `json:"actor"`
	// Host is the mail server concerned; empty if it is the domain as a whole.
	Host string `json:"host,omitempty"`
	// Addresses of the host that are concerned; empty if all are, or it is not about any.
	Addresses []netip.Addr `json:"addresses,omitempty"`
	// Text is what is wrong, and Fix what is to be done, in a sentence or two.
	Text string `json:"text"`
	Fix  string `json:"fix"`
	// Publish are records to add to DNS, and Remove those to take out of it, in the form of a
	// zone file.
	Publish []string `json:"publish,omitempty"`
	Remove  []string `json:"remove,omitempty"`
	// Evidence is what was seen.
	Evidence []string `json:"evidence,omitempty"`
	// Link is the section of the documentation.
	Link string `json:"link"`
}

// same reports whether two findings differ in their addresses and their evidence alone.
func (f *Finding) same(other *Finding) bool {
	return f.Code == other.Code && f.Severity == other.Severity && f.Host == other.Host && f.Text == other.Text && f.Fix == other.Fix &&
		slices.Equal(f.Publish, other.Publish) && slices.Equal(f.Remove, other.Remove)
}

// printable makes lines of all that strangers have a say in.
func (f *Finding) printable() {
	f.Host, f.Text, f.Fix = printable.Line(f.Host), printable.Line(f.Text), printable.Line(f.Fix)
	for _, lines := range [][]string{f.Publish, f.Remove, f.Evidence} {
		for i := range lines {
			lines[i] = printable.Line(lines[i])
		}
	}
}

// A Report is what Diagnose found.
type Report struct {
	State    State     `json:"state"`
	Findings []Finding `json:"findings"` // the gravest first
}
