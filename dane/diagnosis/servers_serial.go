package diagnosis

import (
	"fmt"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/compare"
)

// serials says who has an old version of the zone, and how long that may go well.
func (d *diagnosis) serials(z *zoneView) {
	groups := z.Serials()
	if len(groups) < 2 {
		return
	}
	old := behind(groups)
	f := Finding{Code: CodeSerialsDiffer}
	for _, g := range groups {
		for _, s := range g.Servers {
			f.Evidence = append(f.Evidence, fmt.Sprintf("%s: serial %s", s, g.Said))
		}
	}
	f.Text = serverNames(old) + plural(len(old), " has", " have") + " an older version of " + z.shown() + " than the other name servers."
	f.Fix = "If the zone was changed a moment ago, look again after the refresh time of its SOA record. Otherwise repair the transfer: NOTIFY, the TSIG key, TCP port 53 of the primary server. Several providers that sign by themselves may count as they like; then nothing is to be done."
	for _, s := range old {
		a := s.Answer(compare.Question{Name: z.Name, Type: dns.TypeSOA})
		if a != nil && d.within > 0 && !a.SignatureEnds.IsZero() && a.SignatureEnds.Before(d.now.Add(d.within)) {
			f.Severity = Warning
			f.Text += " On " + s.String() + " a signature of it ends on " + shownTime(a.SignatureEnds) + "; from then on what that says fails validation."
		}
	}
	d.find(f)
}

// newer reports whether a serial number comes after another (RFC 1982 §3.2).
func newer(a, b uint32) bool { return a != b && a-b < 1<<31 }

// behind are the servers that do not have the newest serial number.
func behind(groups []compare.Group) (servers []*compare.Server) {
	newest := groups[0].Servers[0].Serial
	for _, g := range groups {
		if serial := g.Servers[0].Serial; newer(serial, newest) {
			newest = serial
		}
	}
	for _, g := range groups {
		if g.Servers[0].Serial != newest {
			servers = append(servers, g.Servers...)
		}
	}
	return servers
}
