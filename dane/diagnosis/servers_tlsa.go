package diagnosis

import (
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec/compare"
	"github.com/danesmtp/danesmtp/tlsa"
)

// judgeTLSA says what becomes of mail by the records of each server, and whether it makes no
// difference to what the mail servers present.
func (d *diagnosis) judgeTLSA(diff *compare.Difference) (consequence, host string, harmless bool) {
	var right, refused, bare []*compare.Server
	published := false
	for i := range d.result.Hosts {
		h := &d.result.Hosts[i]
		asked := slices.ContainsFunc(h.Lookups, func(l dane.Lookup) bool {
			return l.Type == dns.TypeTLSA && dns.CanonicalName(l.Name) == diff.Question.Name
		})
		if !asked {
			continue
		}
		host = h.Name
		for _, g := range diff.Groups {
			published = published || g.Answer.Outcome == compare.Answered && len(g.Answer.Records) > 0
			switch accepted, known := d.acceptsAll(g.Answer, h); {
			case g.Answer.Outcome == compare.Answered && g.Answer.Alias == "" && len(g.Answer.Records) == 0:
				bare = append(bare, g.Servers...)
			case !known:
			case accepted:
				right = append(right, g.Servers...)
			default:
				refused = append(refused, g.Servers...)
			}
		}
	}
	if len(right) > 0 && len(refused)+len(bare) > 0 {
		d.withdraw(host, CodeTLSAMismatch, CodeOtherCertificate, CodeIssuerChanged, CodeAnchorNotSent)
	}
	if published {
		d.withdraw(host, CodeTLSAAbsent) // they are there, whether or not it is known of which certificate
	}
	if len(right) > 0 && len(refused)+len(bare) == 0 {
		return "By each of them the certificate of " + host + " is the right one, as in the middle of a change.", host, true
	}
	if len(refused) > 0 {
		consequence = "By what " + serverNames(refused) + plural(len(refused), " says", " say") + ", the certificate of " + host + " is not the right one, so that delivery fails for senders whose resolver happens to ask there. "
	}
	if len(bare) > 0 {
		consequence += "Senders whose resolver happens to ask " + serverNames(bare) + " deliver without authentication. "
	}
	if len(right) > 0 {
		consequence += "By what " + serverNames(right) + plural(len(right), " says", " say") + " it is the right one."
	}
	return nameOr(strings.TrimSpace(consequence), "Which of it senders get depends on the server that their resolver happens to ask."), host, false
}

// withdraw takes back what was found in the records of a host: by chance they came from the
// server that is wrong.
func (d *diagnosis) withdraw(host string, codes ...Code) {
	d.findings = slices.DeleteFunc(d.findings, func(f Finding) bool { return f.Host == host && slices.Contains(codes, f.Code) })
}

// acceptsAll reports whether a sender delivers to a host by the records that a server has, at
// every address, as far as it is known what is presented there.
func (d *diagnosis) acceptsAll(a *compare.Answer, h *dane.HostResult) (accepted, known bool) {
	accepted = true
	for i := range h.Attempts {
		if chain := h.Attempts[i].Chain(); len(chain) > 0 {
			known = true
			accepted = accepted && a.Outcome == compare.Answered && d.accepts(a, h, chain)
		}
	}
	return accepted, known
}

// accepts reports whether a sender delivers to a host that presents the chain, by the records
// that a server has.
func (d *diagnosis) accepts(a *compare.Answer, h *dane.HostResult, chain []*x509.Certificate) bool {
	v := &tlsa.Verifier{Names: h.Names, Time: func() time.Time { return d.result.Started }}
	for _, text := range a.Records {
		if r, err := tlsa.Parse(text); err == nil {
			v.Records = append(v.Records, r)
		}
	}
	if len(v.Names) == 0 {
		v.Names = []string{h.Name}
	}
	_, err := v.Verify(chain)
	return err == nil
}
