package replay

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// A Script is one file: a network, and what to ask there.
type Script struct {
	Title  string
	Config Config
	Ranges []Range
	Steps  []Step
	// Ignored are lines between ranges and steps that mean nothing, by their number.
	Ignored map[int]string
}

// A Dialect is which program the script is for. Their networks differ in how a query
// finds its answer.
type Dialect uint8

const (
	// Deckard takes the first range with the server's address, and "any address" for
	// a server that no range has.
	Deckard Dialect = iota
	// Unbound tries all ranges, the last in the file first.
	Unbound
)

// A Config is how the resolver is set up.
type Config struct {
	Dialect Dialect
	Anchors []string // trust anchors, each in a format that anchor.Parse reads
	Zones   []Zone   // whom to ask; empty means the root servers
	// Insecure are zones that are not validated.
	Insecure []string
	// Options has all other options, and the last value of each.
	Options map[string]string
	// States and Files have the lines of AUTOTRUST_FILE and of TEMPFILE_CONTENTS, by
	// name.
	States, Files map[string][]string
}

// On reports whether an option is switched on. An option that is missing is neither on nor off.
func (c *Config) On(option string) bool {
	return slices.Contains([]string{"yes", "on", "true"}, c.Options[option])
}

// Off reports whether an option is switched off.
func (c *Config) Off(option string) bool {
	return slices.Contains([]string{"no", "off", "false"}, c.Options[option])
}

// A Zone is servers for the names at and below one.
type Zone struct {
	Name    string // "." for hints
	Forward bool   // the servers are resolvers, not those of the zone
	Servers []netip.Addr
}

// A Range is what servers say during some steps.
type Range struct {
	First, Last int
	Servers     []netip.Addr // empty means all
	Entries     []*Entry
}

// An Entry is a message: a reply with the queries that it is for, a query to make, or
// an answer to expect.
type Entry struct {
	Line   int
	Match  []string // by what to compare a message with this one
	Adjust []string // what to change before it is sent
	Msg    *dns.Msg // without an OPT record
	DO, CO bool     // of the OPT record
	EDNS   []dns.EDNS0
	Raw    []byte // instead of Msg
	// Mandatory: the resolver that the script was made for asks for it.
	Mandatory bool
}

// Matches reports whether a comparison is asked for.
func (e *Entry) Matches(what string) bool { return slices.Contains(e.Match, what) }

// EDE returns the number of the extended error that is asked for, or "any", if there is
// one.
func (e *Entry) EDE() (code string, ok bool) {
	for _, token := range e.Match {
		if code, ok = strings.CutPrefix(token, "ede="); ok {
			return code, true
		}
	}
	return "", false
}

// A Step is one thing to do.
type Step struct {
	Line, Number int
	Type         string // QUERY, CHECK_ANSWER, TIME_PASSES and so on
	Args         []string
	Entry        *Entry   // of the types that have one; that of a QUERY has a question
	File         []string // of CHECK_AUTOTRUST and CHECK_TEMPFILE
}

// TracksAnchors reports whether the script is about trust anchors that change (RFC 5011).
func (s *Script) TracksAnchors() bool {
	return len(s.Config.States) > 0 || slices.ContainsFunc(s.Steps, func(step Step) bool { return step.Type == "CHECK_AUTOTRUST" })
}

// Records returns the records of all replies.
func (s *Script) Records() []dns.RR {
	var all []dns.RR
	for _, r := range s.Ranges {
		for _, e := range r.Entries {
			all = append(append(append(all, e.Msg.Answer...), e.Msg.Ns...), e.Msg.Extra...)
		}
	}
	return all
}

// TypesAt returns the types of the records that replies to a query for ANY have at a
// name. asked reports whether there is such a reply.
func (s *Script) TypesAt(name string) (types []uint16, asked bool) {
	for _, r := range s.Ranges {
		for _, e := range r.Entries {
			if len(e.Msg.Question) != 1 || e.Msg.Question[0].Qtype != dns.TypeANY {
				continue
			}
			asked = asked || sameText(e.Msg.Question[0].Name, name)
			for _, rr := range e.Msg.Answer {
				if t := rr.Header().Rrtype; sameText(rr.Header().Name, name) && isData(rr) && !slices.Contains(types, t) {
					types = append(types, t)
				}
			}
		}
	}
	return types, asked || len(types) > 0
}
