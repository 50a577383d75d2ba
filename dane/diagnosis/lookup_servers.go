package diagnosis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/compare"
)

// culprits are the name servers that have no answer to the question of a lookup either, each
// asked by itself: a resolver only passes on what they say.
func (d *diagnosis) culprits(l *dane.Lookup) (named []string) {
	z := d.zoneOf(l.Name)
	if z == nil {
		return nil
	}
	q := compare.Question{Name: dns.CanonicalName(l.Name), Type: l.Type}
	for i := range z.Servers {
		s := &z.Servers[i]
		outcome, rcode := s.Outcome, dns.RcodeServerFailure
		if a := s.Answer(q); a != nil && outcome == compare.Answered {
			outcome, rcode = a.Outcome, a.RCode
		}
		switch outcome {
		case compare.Refused:
			named = append(named, s.String()+" answers "+nameOr(dns.RcodeToString[rcode], "an unknown rcode"))
		case compare.Silent:
			named = append(named, s.String()+" does not answer")
		case compare.Lame:
			named = append(named, s.String()+" does not serve the zone")
		case compare.Failed:
			named = append(named, s.String()+" gives no usable answer")
		}
	}
	return named
}

// atCulprits says which servers they are, if that is known.
func (d *diagnosis) atCulprits(l *dane.Lookup) string {
	if named := d.culprits(l); len(named) > 0 {
		return " Of the zone's name servers, each asked by itself, " + strings.Join(named, ", and ") + "."
	}
	return ""
}

// secureAt reports whether all name servers that were asked the question of a lookup, each by itself,
// have an answer that validates; asked is false where none was.
func (d *diagnosis) secureAt(l *dane.Lookup) (secure, asked bool) {
	z := d.zoneOf(l.Name)
	if z == nil {
		return false, false
	}
	secure = true
	for i := range z.Servers {
		a := z.Servers[i].Answer(compare.Question{Name: dns.CanonicalName(l.Name), Type: l.Type})
		if a == nil || slices.Contains([]compare.Outcome{compare.NotAsked, compare.Local, compare.Forbidden}, a.Outcome) {
			continue
		}
		asked = true
		secure = secure && a.Outcome == compare.Answered && a.Status == dnssec.Secure
	}
	return secure && asked, asked
}

// zoneOf is the smallest zone around a name whose servers were asked by themselves.
func (d *diagnosis) zoneOf(name string) (smallest *compare.Zone) {
	if d.asked == nil || d.asked.Path != compare.PathOpen {
		return nil
	}
	for i := range d.asked.Zones {
		z := &d.asked.Zones[i]
		if dns.IsSubDomain(z.Name, dns.CanonicalName(name)) && (smallest == nil || dns.CountLabel(z.Name) > dns.CountLabel(smallest.Name)) {
			smallest = z
		}
	}
	return smallest
}

// rightDS are the DS records of the key-signing keys that all servers of a zone show. They are
// not validated, as nothing can be without them.
func (d *diagnosis) rightDS(zone string) (records []string) {
	z := d.zoneOf(zone)
	if z == nil || z.Name != dns.CanonicalName(zone) {
		return nil
	}
	q := compare.Question{Name: z.Name, Type: dns.TypeDNSKEY}
	var shown []string
	for i := range z.Servers {
		a := z.Servers[i].Answer(q)
		switch {
		case a == nil || !a.HasData():
		case shown == nil:
			shown = a.Records
		case !slices.Equal(shown, a.Records):
			return nil // servers disagree, which is another finding
		}
	}
	const most = 4
	for _, text := range shown {
		rr, err := dns.NewRR(z.Name + " IN DNSKEY " + text)
		key, ok := rr.(*dns.DNSKEY)
		if err != nil || !ok || key.Flags&dns.SEP == 0 || key.Flags&dns.ZONE == 0 || key.Flags&dns.REVOKE != 0 || len(records) == most {
			continue
		}
		if ds := key.ToDS(dns.SHA256); ds != nil {
			records = append(records, strings.Join(append([]string{z.Name, "IN", "DS"}, strings.Fields(ds.String())[4:]...), " "))
		}
	}
	return records
}

// withoutKey completes a finding on DS records from which no path leads to the keys of a zone: it
// has none of them, or it has one, which does not sign the keys, or no keys at all.
func (d *diagnosis) withoutKey(zone string, reason dnssec.Reason, f *Finding) {
	f.Publish = d.rightDS(zone)
	f.Text = "The zone above has DS records for " + nameOr(zone, "the zone") + ", "
	how := "dig +cd +dnssec DNSKEY " + zone + " | dnssec-dsfromkey -2 -f - " + zone + ", where +cd has a validating resolver give the keys all the same; daneverify check -compare prints the record"
	if len(f.Publish) > 0 {
		how = "below, as the name servers show " + plural(len(f.Publish), "the key", "the keys") + ": nothing vouches for that yet, so compare it with what the signer has"
	}
	replace := "the registrar replace the DS records by that of the key-signing key in use (" + how + ")"
	switch {
	case strings.Contains(reason.Text, "but no key"):
		f.Text += "and the zone has no keys: it is not signed."
		f.Fix = "Sign the zone, and then have the registrar replace the DS records by that of its key-signing key; or have the registrar remove them, if the zone is not to be signed" +
			", as where the DNS has moved to servers that do not sign."
	case reason.KeyTag != 0:
		f.Text += "and the keys of the zone are not signed by a key that one of them is of: they are signed by key " + fmt.Sprint(reason.KeyTag) + "."
		f.Fix = "In a rollover, have the signer sign the keys with that of the DS records as well. Otherwise have " + replace + ", or remove them if the zone is not to be signed."
	default:
		f.Text += "and none is of a key that it has."
		f.Fix = "Have " + replace + ", or remove them if the zone is not to be signed."
	}
}

// refusal is a reason without the code of an error that the server did not send: it answered
// by SERVFAIL alone, and what that stands for is a guess.
func refusal(r dnssec.Reason) dnssec.Reason {
	if strings.HasPrefix(r.Text, "server answered ") {
		r.Code = dnssec.EDEOther
	}
	return r
}
