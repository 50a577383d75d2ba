package diagnosis

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
)

// misfits reports whether the keys of a zone are none that the machine that looked has trust
// anchors for. The zone above has no say in that: nobody else's DS records are wrong.
func misfits(l *dane.Lookup) bool {
	reason := &l.Reason
	if l.Status != dnssec.Bogus || reason.Code != dnssec.EDEDNSKEYMissing || reason.Type != dns.TypeDNSKEY ||
		strings.HasPrefix(reason.Text, "server answered ") { // nobody has shown keys
		return false
	}
	if reason.Zone == "." {
		return true
	}
	// A chain that begins at an anchor for another zone has no DS record of that zone.
	return len(l.Chain) > 0 && !slices.ContainsFunc(l.Chain, func(link dnssec.Link) bool {
		return link.Status == dnssec.Secure
	})
}

// anchorsMisfit says it of all names at once.
func (d *diagnosis) anchorsMisfit(l *dane.Lookup) {
	zone := nameOr(trimDot(l.Reason.Zone), "the root")
	d.find(Finding{Code: CodeTrustAnchorMismatch, Evidence: lookupEvidence(l),
		Text: "The trust anchors of this machine are of none of the keys of " + zone + ", so that nothing below can be validated, whatever the domain. It says nothing about the domain.",
		Fix: "See which ones are in use, and compare them with those that are published (https://www.iana.org/dnssec/files for the root): daneverify anchors shows them, and -anchors or -trust-state names others. " +
			"A DNS server that answers from a root of its own, or forges it, looks the same: daneverify -recursive asks the root servers themselves."})
}
