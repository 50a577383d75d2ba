package explanation

import (
	"cmp"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// An Explanation is the chain of trust to some facts, and what follows from them.
type Explanation struct {
	// Version of the JSON, which only grows: 1.
	Version int `json:"version"`
	// Name is the domain, or the name that was asked for; Type is empty for a domain.
	Name string `json:"name"`
	Type string `json:"type,omitempty"`
	// At is the instant at which signatures were, or had to be, valid.
	At time.Time `json:"at"`
	// Status of the answer, for a question.
	Status *dnssec.Status `json:"status,omitempty"`
	// Outcome for a sender, for a domain.
	Outcome *dane.Outcome `json:"outcome,omitempty"`
	// Zones are those that a trust anchor vouches for; the others hang below.
	Zones []*Zone `json:"zones,omitempty"`
	// Unproven are the facts that hang at no zone.
	Unproven []End `json:"unproven,omitempty"`
	// Rules that were applied, in order; none for a question.
	Rules []Rule `json:"rules,omitempty"`
}

const version = 1

// Options say how to explain. The zero Options are good.
type Options struct {
	// Now is the instant from which the time left counts. Zero means that of the result, or
	// for a question time.Now.
	Now time.Time
}

// Domain explains what a Checker has found out about a domain. Without Checker.ChainRecords
// there are no keys, records and denials to show, and only who has signed what, and until when.
func Domain(r *dane.Result, o Options) *Explanation {
	e := &Explanation{Version: version, Name: printable.Line(r.Name), At: o.Now, Outcome: &r.Outcome}
	if e.At.IsZero() {
		e.At = r.Started
	}
	t := tree{zones: make(map[string]*Zone), now: e.At}
	for _, l := range r.Lookups() {
		t.add(lookup{l.Name, l.Type, l.Status, l.Reason, l.Err, l.Chain, l.Exchanges})
	}
	t.finish()
	e.Zones, e.Unproven = t.anchored, t.unproven
	e.Rules = rulesOf(r)
	return e
}

// Answer explains the answer to one question, which may have come with an error: a and err are
// what Lookup returned.
func Answer(name string, qtype uint16, a *dnssec.Answer, err error, o Options) *Explanation {
	e := &Explanation{Version: version, Name: dns.Fqdn(printable.Line(name)), Type: dns.Type(qtype).String(), At: o.Now}
	if e.At.IsZero() {
		e.At = time.Now()
	}
	l := lookup{name: name, qtype: qtype, err: err, chain: a.Chain(), sent: a.Exchanges()}
	if a != nil {
		l.status, l.reason = a.Status, a.Reason
	}
	e.Status = &l.status
	t := tree{zones: make(map[string]*Zone), now: e.At}
	t.add(l)
	t.finish()
	e.Zones, e.Unproven = t.anchored, t.unproven
	return e
}

// A Reason is why something is not proven.
type Reason struct {
	Code   dnssec.EDE `json:"code"`
	About  string     `json:"about,omitempty"` // the code's name (RFC 8914)
	Zone   string     `json:"zone,omitempty"`
	Name   string     `json:"name,omitempty"` // of the RRset concerned
	Type   string     `json:"type,omitempty"`
	KeyTag uint16     `json:"key_tag,omitempty"`
	Text   string     `json:"text,omitempty"`
}

func reasonOf(r dnssec.Reason, err error) Reason {
	out := Reason{Code: r.Code, Zone: printable.Line(r.Zone), Name: printable.Line(r.Name), KeyTag: r.KeyTag, Text: printable.Line(r.Text)}
	if r.Code != dnssec.EDEOther {
		out.About = r.Code.String()
	}
	if r.Name != "" {
		out.Type = dns.Type(r.Type).String()
	}
	if err != nil && out.Text == "" {
		out.Text = printable.Line(err.Error())
	}
	return out
}

func (r Reason) String() string {
	text := cmp.Or(r.Text, "no reason is known")
	if r.Name != "" {
		text = r.Name + " " + r.Type + ": " + text
	}
	if r.About != "" {
		text += " (" + r.About + ")"
	}
	return text
}

// short leaves out the final dot, but for the root.
func short(name string) string {
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}
