package compare

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// A Report is what each name server said. It can be stored as JSON.
type Report struct {
	Started time.Time     `json:"started"`
	Elapsed time.Duration `json:"elapsed_ns"`
	// Path says whether the servers were reached at all. Unless it is PathOpen, nothing
	// here is a verdict on a server.
	Path Path `json:"path"`
	// Incomplete: the time was over before all was asked. What there is counts.
	Incomplete bool `json:"incomplete,omitempty"`

	Zones []Zone `json:"zones"`
	// Omitted counts questions beyond the limits, which were not asked.
	Omitted int `json:"omitted,omitempty"`
}

// A Question is a name and a type.
type Question struct {
	Name string // lower case, with the final dot, in a Report
	Type uint16
}

// String returns the question as in "mail.example.org. TLSA".
func (q Question) String() string { return q.Name + " " + dns.Type(q.Type).String() }

// MarshalText returns the same text as String.
func (q Question) MarshalText() ([]byte, error) { return []byte(q.String()), nil }

// UnmarshalText inverts MarshalText.
func (q *Question) UnmarshalText(text []byte) error {
	name, rrtype, _ := strings.Cut(string(text), " ")
	code, ok := dns.StringToType[rrtype]
	if !ok {
		if _, err := fmt.Sscanf(rrtype, "TYPE%d", &code); err != nil {
			return fmt.Errorf("compare: question %q", text)
		}
	}
	q.Name, q.Type = name, code
	return nil
}

// A Zone is a zone and what its servers, and those of the zone above, said.
type Zone struct {
	Name string `json:"name"` // lower case, with the final dot
	// Status of the zone as the Resolver has it, whichever server it asks. It is
	// Indeterminate or Bogus if there is a Problem.
	Status  dnssec.Status `json:"status"`
	Problem string        `json:"problem,omitempty"`
	Parent  string        `json:"parent,omitempty"` // the zone above; empty for the root
	// Delegations are what the servers of the zone above say, as many as were asked.
	Delegations []Delegation `json:"delegations,omitempty"`
	// Servers has each server of the zone at each address, whoever names it. One without
	// an address has the zero Addr.
	Servers []Server `json:"servers"`
	Omitted int      `json:"omitted,omitempty"` // servers and addresses that were not asked
}

// A Delegation is what one server of the zone above says about a zone.
type Delegation struct {
	Server  string     `json:"server"`
	Address netip.Addr `json:"address"`
	Outcome Outcome    `json:"outcome"`
	Problem string     `json:"problem,omitempty"`
	// NS are the servers that it names, and Glue the addresses that it sends along.
	NS   []string `json:"ns,omitempty"`
	Glue []Glue   `json:"glue,omitempty"`
	// DS is what it says of the zone's DS records.
	DS Answer `json:"ds"`
}

// Glue is the addresses of a name server that came with a delegation.
type Glue struct {
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses"`
}

// A Server is a name server of a zone at one of its addresses.
type Server struct {
	Name    string     `json:"name"` // lower case, with the final dot
	Address netip.Addr `json:"address,omitzero"`
	// Above: the zone above names it. Within: the zone itself does.
	Above  bool `json:"above"`
	Within bool `json:"within"`
	// Recorded: the address is in the A and AAAA records of the name, and not in the glue
	// of the zone above alone.
	Recorded bool `json:"recorded"`
	// Outcome of asking for the SOA record of the zone, and what went wrong.
	Outcome Outcome `json:"outcome"`
	Problem string  `json:"problem,omitempty"`
	Serial  uint32  `json:"serial,omitempty"` // of that record, if there is one
	// Authoritative: the reply says so, as that of a name server of the zone must.
	Authoritative bool          `json:"authoritative,omitempty"`
	UDPSize       uint16        `json:"udp_size,omitempty"` // that its replies offer (RFC 6891 §6.2.3)
	Elapsed       time.Duration `json:"elapsed_ns,omitempty"`
	Flaws         []Flawed      `json:"flaws,omitempty"`
	Answers       []Answer      `json:"answers,omitempty"` // SOA, NS and DNSKEY first
}

// String names the server and its address.
func (s *Server) String() string { return label(s.Name, s.Address) }

func label(name string, address netip.Addr) string {
	name = strings.TrimSuffix(name, ".")
	if !address.IsValid() {
		return printable.Line(name)
	}
	return printable.Line(name) + " (" + address.String() + ")"
}

// Answer returns the server's answer to a question; nil if it was not asked.
func (s *Server) Answer(q Question) *Answer {
	for i := range s.Answers {
		if s.Answers[i].Question == q {
			return &s.Answers[i]
		}
	}
	return nil
}

// A Flawed is a Flaw that was seen, and how it showed.
type Flawed struct {
	Flaw    Flaw   `json:"flaw"`
	Problem string `json:"problem"`
}

// An Answer is what one server said to one question.
type Answer struct {
	Question Question      `json:"question"`
	Outcome  Outcome       `json:"outcome"`
	Status   dnssec.Status `json:"status"`
	RCode    int           `json:"rcode"` // as received; -1 without a reply
	// Alias is the name that an alias leads to. Then there are no Records: those there are
	// a question of its own.
	Alias string `json:"alias,omitempty"`
	// Records in presentation form, in order, without owner and TTL, as received: also
	// those that are Bogus.
	Records []string `json:"records,omitempty"`
	// SignatureEnds is when the first of the signatures ends that prove the answer; zero
	// unless it is Secure.
	SignatureEnds time.Time `json:"signature_ends,omitzero"`
	// Reason why it is not Secure, and Problem the same as text with the error.
	Reason  dnssec.Reason `json:"-"`
	Problem string        `json:"problem,omitempty"`
	// Varies: asked once more, the server said something else.
	Varies bool `json:"varies,omitempty"`
}

// HasData reports whether the server gave an answer that can be compared with those of
// others, whether it validates or not.
func (a *Answer) HasData() bool { return a.Outcome == Answered || a.Outcome == Bogus && a.RCode >= 0 }

// said is the same for the same answer. NXDOMAIN and no data are the same for those who
// look for the records.
func (a *Answer) said() string {
	if a.Alias != "" {
		return "alias " + a.Alias
	}
	return strings.Join(a.Records, "\n")
}

// Said is the answer in a line.
func (a *Answer) Said() string {
	switch {
	case !a.HasData():
		return a.Outcome.String()
	case a.Alias != "":
		return "an alias of " + printable.Line(a.Alias)
	case len(a.Records) == 0:
		return "no " + dns.Type(a.Question.Type).String() + " record"
	}
	return printable.Line(strings.Join(a.Records, ", "))
}
