package explanation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/tlsa"
)

// host adds the rules of a host, and of its addresses.
func (c *rules) host(h *dane.HostResult) {
	if len(h.Lookups) == 0 && len(h.Addresses) == 0 {
		c.of(h, RuleHostName, "It cannot be looked up, and is passed over: "+errorText(h.Err)+".", "RFC 5321 §5.1")
		return
	}
	c.addresses(h)
	c.alias(h)
	c.base(h)
	c.usable(h)
	c.action(h)
	if h.Action == dane.MustAuthenticate && len(h.Names) > 0 && len(h.Records) > 0 {
		c.names(h)
	}
	for i := range h.Attempts {
		c.attempt(h, &h.Attempts[i])
	}
}

// addresses says what the lookups of addresses gave, which come before that of TLSA records.
func (c *rules) addresses(h *dane.HostResult) {
	var seen []string
	secure, failed, all := false, 0, 0
	for i := range h.Lookups {
		l := &h.Lookups[i]
		if l.Type != dns.TypeA && l.Type != dns.TypeAAAA {
			continue
		}
		all++
		seen = append(seen, found(l))
		secure = secure || l.Err == nil && l.Status == dnssec.Secure
		if l.Err != nil {
			failed++
		}
	}
	if all == 0 {
		c.of(h, RuleAddresses, "It is given by its address, for which there is no DANE.", "RFC 7672 §2.2")
		return
	}
	text := "Addresses are looked up first: " + strings.Join(seen, "; ") + "."
	switch {
	case failed == all:
		text += " Both lookups have failed, so that the host is passed over."
	case len(h.Addresses) == 0 && failed == 0:
		text += " The host has no address, and is passed over."
	case !h.MXSecure && !c.result.Profile.UseInsecureMX:
		text += " Nothing else is looked up."
	case secure:
		text += " One secure answer is enough: TLSA records are looked up."
	case slices.ContainsFunc(h.Lookups, func(l dane.Lookup) bool { return len(l.Aliases) > 0 }):
		text += " They are insecure, and the host is an alias."
	default:
		text += " They are insecure, so that DANE does not apply to the host, and no TLSA record is looked up."
	}
	c.of(h, RuleAddresses, text, "RFC 7672 §2.2.2")
}

// found says what came of a lookup, such as "A secure, 192.0.2.1".
func found(l *dane.Lookup) string {
	what := dns.Type(l.Type).String() + " " + l.Status.String()
	switch {
	case l.Err != nil:
		return what + ", failed"
	case len(l.Records) == 0 && l.RCode == dns.RcodeNameError:
		return what + ", no such name"
	case len(l.Records) == 0:
		return what + ", no record"
	}
	return what + ", " + counted(len(l.Records), "record")
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// alias says what it means that the host is an alias.
func (c *rules) alias(h *dane.HostResult) {
	for i := range h.Lookups {
		l := &h.Lookups[i]
		if l.Type != dns.TypeA && l.Type != dns.TypeAAAA || len(l.Aliases) == 0 {
			continue
		}
		text := aliasSteps(l) + ". "
		switch {
		case l.Status == dnssec.Secure:
			text += "All steps are secure, so that TLSA records are looked for at the last name, and if there are none, at the first; never in between."
		case h.TLSA != nil:
			text += "The last name is insecure, and the first alias is secure, so that TLSA records are looked for at the first name."
		default:
			text += "That is insecure, so that DANE does not apply."
		}
		c.of(h, RuleAlias, text, "RFC 7672 §2.1.3", "RFC 7672 §2.2.2")
		return
	}
}

// aliasSteps says which name is an alias of which.
func aliasSteps(l *dane.Lookup) string {
	var steps []string
	for _, a := range l.Aliases {
		steps = append(steps, fmt.Sprintf("%s is an alias of %s (%s, %s)", short(a.Name), short(a.Target), dns.Type(a.Type), a.Status))
	}
	return strings.Join(steps, "; ")
}

// base says at which names TLSA records were looked for.
func (c *rules) base(h *dane.HostResult) {
	var tried []string
	for i := range h.Lookups {
		l := &h.Lookups[i]
		if l.Type == dns.TypeTLSA {
			tried = append(tried, l.Name+": "+strings.TrimPrefix(found(l), "TLSA "))
		}
	}
	if len(tried) == 0 {
		return
	}
	text := "TLSA records are looked for at " + strings.Join(tried, "; then at ") + "."
	switch {
	case h.TLSA.Err != nil:
		c.of(h, RuleTLSA, text+" The lookup has failed, so that the host is passed over without a connection: an attacker who suppresses the records must not get mail in clear.", "RFC 7672 §2.1.2")
		return
	case len(h.Records) > 0:
		text += " So the TLSA base domain is " + shownHost(h.Base) + "."
	case len(h.TLSA.Records) > 0:
		text += " They are insecure, and do not count."
	default:
		text += " There are none."
	}
	c.of(h, RuleBase, text, "RFC 7672 §2.2.3")
}

// usable says which records mean anything to a sender.
func (c *rules) usable(h *dane.HostResult) {
	if len(h.Records) == 0 {
		return
	}
	var records []Record
	usable := 0
	digests := make(map[string]tlsa.Matching)
	agile := false
	for _, r := range h.Records {
		out := Record{Record: r.String(), OK: true, Reason: "usable"}
		if err := r.Usable(tlsa.SMTP); err != nil {
			out.OK, out.Reason = false, recordReason(err)
			out.RFC = unusableRFC(r)
		} else {
			usable++
			kind := fmt.Sprint(r.Usage, r.Selector)
			other, seen := digests[kind]
			agile = agile || seen && other != r.Matching && other != tlsa.Full && r.Matching != tlsa.Full
			digests[kind] = r.Matching
		}
		records = append(records, out)
	}
	text := fmt.Sprintf("Of %s, %d can be used.", counted(len(h.Records), "TLSA record"), usable)
	c.of(h, RuleUsable, text, "RFC 7672 §3.1", "RFC 6698 §4.1").Records = records
	if agile {
		c.of(h, RuleAgility, "Of records with the same usage and selector only those with the strongest digest count, which is SHA-512 here.", "RFC 7671 §9")
	}
}

func unusableRFC(r tlsa.Record) string {
	if r.Usage == tlsa.PKIXTA || r.Usage == tlsa.PKIXEE {
		return "RFC 7672 §3.1.3"
	}
	return "RFC 6698 §4.1"
}

// action says what must be done with the host.
func (c *rules) action(h *dane.HostResult) {
	section := "RFC 7672 §2.2"
	if c.result.Mandatory && len(h.Records) == 0 {
		section = "RFC 7672 §6"
	}
	switch h.Action {
	case dane.Skip:
		if last := c.all[len(c.all)-1].Code; last == RuleTLSA || last == RuleAddresses {
			return // which says so
		}
		c.of(h, RuleAction, "The host is passed over: "+errorText(h.Err)+".", section)
	case dane.MayEncrypt:
		c.of(h, RuleAction, "DANE does not apply: TLS is used if it is offered, without authentication, and otherwise the message goes in clear.", section)
	case dane.MustEncrypt:
		c.of(h, RuleAction, "There are TLSA records, and none can be used: TLS is required, and nobody can be authenticated.", section)
	case dane.MustAuthenticate:
		if len(h.Records) == 0 {
			c.of(h, RuleAction, "By the sender's policy there must be a certificate of a public authority for "+shownHost(h.PKIX)+".")
			return
		}
		c.of(h, RuleAction, "TLS is required, and one of the usable records must match the server's certificate. Otherwise the message does not go to the host, neither encrypted nor in clear.", section)
	case dane.SendClear:
		c.of(h, RuleAction, "By the sender's policy the message goes in clear.")
	}
}

// names says what the server is asked for, and what names count.
func (c *rules) names(h *dane.HostResult) {
	c.of(h, RuleSNI, "The name sent in SNI is the TLSA base domain, "+shownHost(h.Base)+".", "RFC 7672 §8.1")
	anchored := slices.ContainsFunc(h.Records, func(r tlsa.Record) bool { return r.Usage == tlsa.DANETA && r.Usable(tlsa.SMTP) == nil })
	if !anchored {
		c.of(h, RuleNames, "All usable records are of usage 3: the names in the certificate, its dates and its issuer do not count.", "RFC 7672 §3.1.1")
		return
	}
	shown := make([]string, len(h.Names))
	for i, name := range h.Names {
		shown[i] = shownHost(name)
	}
	c.of(h, RuleNames, "With a record of usage 2 the certificate must be valid, and for one of "+strings.Join(shown, ", ")+": the TLSA base domain, and the names that led there securely.", "RFC 7672 §3.2.2", "RFC 7672 §3.1.2")
}
