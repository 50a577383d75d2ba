package diagnosis

import (
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/tlsa"
)

// lookAhead finds what ends soon.
func (d *diagnosis) lookAhead() {
	type signature struct {
		zone, name string
		qtype, tag uint16
	}
	told := make(map[signature]bool)
	for l := range d.result.AllLookups() {
		for i := range l.Chain {
			link := &l.Chain[i]
			if link.Status != dnssec.Secure || !d.endsSoon(link.Inception, link.Expiration) {
				continue // nearly all; their lookups share most of their chains
			}
			if one := (signature{link.Zone, link.Name, link.Type, link.KeyTag}); !told[one] {
				told[one] = true
				d.signature(link)
			}
		}
	}
	for i := range d.result.Hosts {
		h := &d.result.Hosts[i]
		for j := range h.Attempts {
			d.certificates(h, &h.Attempts[j])
		}
	}
}

// endsSoon reports whether what began and ends then ends within the time looked ahead, and
// should have been renewed by now: signers and CAs that renew in time leave at least a
// quarter of the whole, and some make signatures for two days on purpose.
func (d *diagnosis) endsSoon(begin, end time.Time) bool {
	left := end.Sub(d.now)
	return !end.IsZero() && left > 0 && left < d.within && left < end.Sub(begin)/4
}

func (d *diagnosis) signature(link *dnssec.Link) {
	zone := "the root zone"
	if name := trimDot(link.Zone); name != "" {
		zone = "the zone " + name
	}
	d.find(Finding{Code: CodeSignatureEnds,
		Text: "Signatures of " + zone + " end on " + shownTime(link.Expiration) + ", in " + shownSpan(link.Expiration.Sub(d.now)) + ", and have not been renewed. After that nobody that validates can deliver.",
		Fix:  "See that the signer of " + zone + " runs, and that its work gets to all name servers.",
		Evidence: []string{fmt.Sprintf("%s %s, key tag %d, signed %s, ends %s, server %s", link.Name, dns.Type(link.Type), link.KeyTag,
			shownTime(link.Inception), shownTime(link.Expiration), link.Server)}})
}

// certificates looks at those that must be valid: below a record of a CA.
func (d *diagnosis) certificates(h *dane.HostResult, a *dane.Attempt) {
	if !a.Authenticated || a.Match.Record.Usage != tlsa.DANETA {
		return
	}
	chain := a.Chain()
	for i, cert := range chain[:min(len(chain), a.Match.Depth+1)] {
		// Whoever looks further ahead than usual wants to know of all that people renew.
		left := cert.NotAfter.Sub(d.now)
		asked := d.within > DefaultWithin && left > 0 && left < d.within
		if !asked && !d.endsSoon(cert.NotBefore, cert.NotAfter) {
			continue
		}
		what := "The certificate of " + h.Name
		if i > 0 {
			what = "The certificate of the CA " + quoted(nameOr(cert.Subject.CommonName, cert.Subject.String())) + " above that of " + h.Name
		}
		d.find(Finding{Code: CodeCertificateEnds, Host: h.Name, Addresses: addrs(a), Evidence: certificateEvidence(chain),
			Text: what + " ends on " + shownTime(cert.NotAfter) + ", in " + shownSpan(cert.NotAfter.Sub(d.now)) + ". By " + strings.ToLower(a.Match.Record.Usage.String()) + " (usage 2) it must be valid.",
			Fix:  "Renew it, and have the server load the new one."})
	}
}
