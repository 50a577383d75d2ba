package monitor

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/tlsa"
)

// An expiry is the end of something that must be renewed.
type expiry struct {
	what       string // the host of a certificate, or the zone of a signature
	usage      string // of the record that the certificate matched; empty if it matched none
	begin, end time.Time
}

// warnBefore is how long before its end it is a warning: as package diagnosis has it, at most
// a quarter of its life.
func (e *expiry) warnBefore(within time.Duration) time.Duration {
	return max(0, min(within, e.end.Sub(e.begin)/4))
}

// certificateExpiries returns for each host, and each usage that its certificates match by,
// the first certificate that ends: of those that must be valid below a DANE-TA record the
// first of the path, and else the server's own. By DANE-EE no date counts (RFC 7671 §5.1).
func certificateExpiries(r *dane.Result) []expiry {
	var all []expiry
	for i := range r.Hosts {
		h := &r.Hosts[i]
		for j := range h.Attempts {
			a := &h.Attempts[j]
			chain := a.Chain()
			if len(chain) == 0 {
				continue
			}
			path, usage := chain[:1], ""
			if a.Authenticated {
				usage = a.Match.Record.Usage.String()
				if a.Match.Record.Usage == tlsa.DANETA {
					path = chain[:min(len(chain), a.Match.Depth+1)]
				}
			}
			for _, cert := range path {
				all = append(all, expiry{h.Name, usage, cert.NotBefore, cert.NotAfter})
			}
		}
	}
	return earliest(all)
}

// mustBeValid reports whether senders heed the dates of the certificate.
func (e *expiry) mustBeValid() bool { return e.usage == tlsa.DANETA.String() }

// signatureExpiries returns for each zone the first signature that ends, of those that the
// verdict rests on.
func signatureExpiries(r *dane.Result) []expiry {
	var all []expiry
	for _, l := range r.Lookups() {
		for _, link := range l.Chain {
			if link.Status == dnssec.Secure && !link.Expiration.IsZero() {
				all = append(all, expiry{what: zoneName(link.Zone), begin: link.Inception, end: link.Expiration})
			}
		}
	}
	return earliest(all)
}

func zoneName(zone string) string {
	return cmp.Or(strings.ToLower(strings.TrimSuffix(zone, ".")), ".")
}

// earliest keeps of each thing what ends first, and puts that first.
func earliest(all []expiry) []expiry {
	slices.SortStableFunc(all, func(a, b expiry) int {
		return cmp.Or(a.end.Compare(b.end), cmp.Compare(a.what, b.what), cmp.Compare(a.usage, b.usage))
	})
	var kept []expiry
	for _, e := range all {
		if !slices.ContainsFunc(kept, func(k expiry) bool { return k.what == e.what && k.usage == e.usage }) {
			kept = append(kept, e)
		}
	}
	return kept
}

// counts are what a check has looked at.
type counts struct {
	hosts, skipped, attempts, authenticated, failed, lookups int
}

func countsOf(r *dane.Result) (c counts) {
	c.hosts, c.lookups = len(r.Hosts), len(r.Lookups())
	for i := range r.Hosts {
		if r.Hosts[i].Action == dane.Skip {
			c.skipped++
		}
		for _, a := range r.Hosts[i].Attempts {
			c.attempts++
			if a.Authenticated {
				c.authenticated++
			}
			if a.Err != nil {
				c.failed++
			}
		}
	}
	return c
}
