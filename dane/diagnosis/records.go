package diagnosis

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/tlsa"
)

// owned is a record in the form of a zone file.
func owned(h *dane.HostResult, r tlsa.Record) string { return owner(h) + ". IN TLSA " + r.String() }

// owner is the name that the TLSA records of a host are at, or are to be: no other record can be
// at an alias (RFC 1034 §3.6.2), so that they are where it leads to.
func owner(h *dane.HostResult) string {
	switch {
	case h.TLSA == nil:
		return fmt.Sprintf("_%d._tcp.%s", h.Port, h.Base)
	case len(h.TLSA.Aliases) > 0:
		return trimDot(h.TLSA.Aliases[len(h.TLSA.Aliases)-1].Target)
	}
	return h.TLSA.Name
}

// shared warns of records at an alias's target.
func shared(h *dane.HostResult) string {
	if h.TLSA == nil || len(h.TLSA.Aliases) == 0 {
		return ""
	}
	return " " + h.TLSA.Name + " is an alias of " + owner(h) + ": other hosts may have the same records, so remove none that one of them needs."
}

// removable are the records that are of no certificate at any address of the host.
func (d *diagnosis) removable(h *dane.HostResult) (lines []string) {
	for i, record := range h.Records {
		used := slices.ContainsFunc(h.Attempts, func(a dane.Attempt) bool {
			return a.Report != nil && i < len(a.Report.Verdicts) && a.Report.Verdicts[i].Err == nil
		})
		if !used && !d.usedByOther(h, record) {
			lines = append(lines, owned(h, record))
		}
	}
	return lines
}

// usedByOther reports whether another host of the domain has its records at the same name, and
// this one is of what that presents.
func (d *diagnosis) usedByOther(h *dane.HostResult, record tlsa.Record) bool {
	for i := range d.result.Hosts {
		other := &d.result.Hosts[i]
		if other.Name == h.Name || !strings.EqualFold(owner(other), owner(h)) {
			continue
		}
		for _, a := range other.Attempts {
			for n := range other.Records {
				if other.Records[n].Equal(record) && a.Report != nil && n < len(a.Report.Verdicts) && a.Report.Verdicts[n].Err == nil {
					return true
				}
			}
		}
	}
	return false
}

// caches says how long senders may keep the old records. The TTL is that of the signature: a
// resolver gives what is left of it, and an answer expires with the keys above it as well.
func caches(h *dane.HostResult) string {
	var ttl time.Duration
	also := shared(h)
	if h.TLSA != nil {
		for _, link := range h.TLSA.Chain {
			if link.Type == dns.TypeTLSA || link.Type == dns.TypeCNAME {
				ttl = max(ttl, time.Duration(link.OriginalTTL)*time.Second)
			}
		}
	}
	switch {
	case ttl == 0:
		return " Senders may keep the old answer for its TTL." + also
	case ttl < time.Minute:
		return " Senders may keep the old answer for its TTL, less than a minute." + also
	}
	return " Senders may keep the old answer for its TTL, " + shownSpan(ttl) + "." + also
}
