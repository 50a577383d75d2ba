package explanation

import (
	"net/netip"

	"github.com/danesmtp/danesmtp/dane"
)

// A RuleCode names a rule. It does not change.
type RuleCode string

// The rules of a domain.
const (
	RuleDomain   RuleCode = "domain"    // what was given is a domain, or is not
	RuleMX       RuleCode = "mx-choice" // RFC 5321 §5.1, RFC 7505
	RuleMXFailed RuleCode = "mx-failed" // RFC 7672 §2.1.2
	RuleMXStatus RuleCode = "mx-status" // RFC 7672 §2.2.1
	RuleOutcome  RuleCode = "outcome"   // RFC 7672 §2.2, or RFC 7672 §6 where DANE is mandatory
)

// The rules of a host.
const (
	RuleHostName  RuleCode = "host-name"             // RFC 5321 §5.1
	RuleAddresses RuleCode = "addresses"             // RFC 7672 §2.2.2
	RuleAlias     RuleCode = "alias"                 // RFC 7672 §2.1.3; of the domain itself, RFC 7672 §3.2.2
	RuleBase      RuleCode = "base-domain"           // RFC 7672 §2.2.3
	RuleTLSA      RuleCode = "tlsa-failed"           // RFC 7672 §2.1.2
	RuleUsable    RuleCode = "usable-records"        // RFC 7672 §3.1
	RuleAgility   RuleCode = "digest-agility"        // RFC 7671 §9
	RuleAction    RuleCode = "action"                // RFC 7672 §2.2
	RuleNames     RuleCode = "reference-identifiers" // RFC 7672 §3.2.2
	RuleSNI       RuleCode = "sni"                   // RFC 7672 §8.1
)

// The rules of an address.
const (
	RuleStartTLS RuleCode = "starttls" // RFC 7672 §2.2
	RuleMatch    RuleCode = "match"    // RFC 6698 §2.1, RFC 7672 §3.1
	RuleAddress  RuleCode = "address"  // what came of it
)

// A Rule is a rule that was applied, and what followed.
type Rule struct {
	Code RuleCode `json:"rule"`
	// RFC has the sections, such as "RFC 7672 §2.2.1".
	RFC []string `json:"rfc,omitempty"`
	// Host and Address that it was applied to; empty and zero if it is about the domain.
	Host    string          `json:"host,omitempty"`
	Address *netip.AddrPort `json:"address,omitempty"`
	// Text says what was found, and what follows.
	Text string `json:"text"`
	// Records are the TLSA records, for RuleUsable and RuleMatch.
	Records []Record `json:"records,omitempty"`
}

// A Record is a TLSA record, and what became of it.
type Record struct {
	Record string `json:"record"`
	// OK: the record is usable, for RuleUsable, or satisfied, for RuleMatch.
	OK bool `json:"ok"`
	// Reason says why, or why not; RFC by which section.
	Reason string `json:"reason"`
	RFC    string `json:"rfc,omitempty"`
	// Selector and Matching say what of a certificate is compared, Published is the data of the
	// record; for RuleMatch only.
	Selector  string `json:"selector,omitempty"`
	Matching  string `json:"matching,omitempty"`
	Published string `json:"published,omitempty"`
	// Presented has the same of each certificate that the record may be of.
	Presented []Presented `json:"presented,omitempty"`
}

// A Presented is a certificate that a server has presented, and what a TLSA record with the
// right data would have of it.
type Presented struct {
	Place   int    `json:"place"`   // in what was presented, the server's own first
	Other   bool   `json:"other"`   // to clients that take no key of the kind that was presented first
	Subject string `json:"subject"` // or, where it is empty, the first name
	Issuer  string `json:"issuer"`
	Data    string `json:"data"`
	Equal   bool   `json:"equal"` // to the record's
}

// rules collects the rules in order.
type rules struct {
	result *dane.Result
	all    []Rule
}

// rulesOf returns the rules that led to a result.
func rulesOf(r *dane.Result) []Rule {
	c := rules{result: r}
	if c.domain() {
		for i := range r.Hosts {
			c.host(&r.Hosts[i])
		}
	}
	c.outcome()
	return c.all
}

// add adds a rule about the domain.
func (c *rules) add(code RuleCode, text string, rfc ...string) {
	c.all = append(c.all, Rule{Code: code, RFC: rfc, Text: text})
}

// of adds a rule about a host.
func (c *rules) of(h *dane.HostResult, code RuleCode, text string, rfc ...string) *Rule {
	c.all = append(c.all, Rule{Code: code, RFC: rfc, Host: shownHost(h.Name), Text: text})
	return &c.all[len(c.all)-1]
}
