package explanation

import (
	"errors"
	"fmt"
	"strings"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/printable"
)

func shownHost(name string) string { return printable.Line(name) }

// domain adds the rules up to the choice of hosts. It returns false if they end there.
func (c *rules) domain() bool {
	d := c.result.Domain
	if d == nil {
		c.add(RuleDomain, "What was given is not the name of a domain: "+errorText(c.result.Err)+".", "RFC 5321 §4.1.2")
		return false
	}
	if d.Routed {
		c.add(RuleMX, "The hosts are those of the sender's own route, or of an address literal; no MX record is looked up. They are "+hostList(d.MX)+".", "RFC 7672 §2.2.2")
		return true
	}
	if d.Lookup.Err != nil {
		c.add(RuleMXFailed, "The MX lookup has failed ("+d.Lookup.Status.String()+"), so that nobody knows where the mail goes. The message waits; the domain's own address is not tried, "+
			"since an attacker may have suppressed the records.", "RFC 7672 §2.1.2")
		return false
	}
	switch {
	case errors.Is(c.result.Err, dane.ErrNoDomain):
		c.add(RuleMX, "The domain does not exist, and mail to it bounces.", "RFC 5321 §5.1")
		return false
	case errors.Is(c.result.Err, dane.ErrNullMX):
		c.add(RuleMX, `The only MX record is "0 .": the domain accepts no mail, and mail to it bounces.`, "RFC 7505 §3")
		return false
	case d.Implicit:
		c.add(RuleMX, "There is no MX record, so that the domain is its own and only mail host.", "RFC 5321 §5.1", "RFC 7672 §2.2.2")
	case len(d.MX) == 0:
		c.add(RuleMX, "There is no MX record that can be used: "+errorText(c.result.Err)+".", "RFC 5321 §5.1")
	default:
		text := "Hosts are tried in the order of their preferences: " + hostList(d.MX) + "."
		if d.Omitted > 0 {
			text += fmt.Sprintf(" %d more are not looked at.", d.Omitted)
		}
		c.add(RuleMX, text, "RFC 5321 §5.1")
	}
	if len(d.Lookup.Aliases) > 0 {
		c.add(RuleAlias, aliasSteps(&d.Lookup)+". The MX records are those of the last name. If all is secure, a certificate may be for the first or for the last.", "RFC 5321 §5.1", "RFC 7672 §3.2.2")
	}
	c.mxStatus(d)
	return true
}

// mxStatus says what the status of the MX records means.
func (c *rules) mxStatus(d *dane.Domain) {
	switch {
	case c.result.Profile.DANE == dane.DANENone:
		c.add(RuleMXStatus, "The sender's policy switches DANE off for the domain.")
	case d.Status == dnssec.Secure:
		c.add(RuleMXStatus, "The MX lookup is secure, so that whoever authenticates a host named there authenticates the domain's mail host.", "RFC 7672 §2.2.1")
	case c.result.Profile.UseInsecureMX:
		c.add(RuleMXStatus, "The MX lookup is insecure: anybody may have named the hosts. By the sender's policy their TLSA records are used nonetheless, and authenticate the hosts, not the domain.", "RFC 7672 §2.2.1")
	default:
		c.add(RuleMXStatus, "The MX lookup is insecure: anybody may have named the hosts, so that DANE does not apply, and no TLSA record is looked up.", "RFC 7672 §2.2.1")
	}
}

func hostList(all []dane.MX) string {
	shown := make([]string, len(all))
	for i, mx := range all {
		shown[i] = fmt.Sprintf("%s (%d)", shownHost(mx.Host), mx.Preference)
	}
	return strings.Join(shown, ", ")
}

// outcome says what a sender does in the end.
func (c *rules) outcome() {
	r := c.result
	section := "RFC 7672 §2.2"
	if r.Mandatory {
		section = "RFC 7672 §6"
	}
	switch {
	case r.Unresolved:
		c.add(RuleOutcome, "There is no verdict: no DNS server in use can prove anything.")
	case r.Local:
		c.add(RuleOutcome, "There is no verdict, for a lack of this machine: "+errorText(r.Err)+".")
	case r.Domain == nil:
		return
	case r.Outcome == dane.OutcomeSuccess && r.Planned:
		c.add(RuleOutcome, "A message goes to the first host that can be authenticated by DANE. No connection was made to find out.", section)
	case r.Outcome == dane.OutcomeSuccess:
		c.add(RuleOutcome, "A message is delivered to the first host above, in order, that is authenticated by DANE.", section)
	case r.Outcome == dane.OutcomeNone:
		c.add(RuleOutcome, "A message is delivered without authentication by DANE.", section)
	case r.Permanent():
		c.add(RuleOutcome, "A message bounces.")
	default:
		c.add(RuleOutcome, "A message is not delivered now, and waits in the queue.", section)
	}
}

func errorText(err error) string {
	if err == nil {
		return "no reason is known"
	}
	return printable.Line(err.Error())
}
