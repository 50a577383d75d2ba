package diagnosis

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/compare"
)

// DefaultWithin is how far Diagnose looks ahead.
const DefaultWithin = 72 * time.Hour

// Options of Diagnose. The zero value is a good default.
type Options struct {
	// Now is the instant from which Within counts. Zero means when the Result began.
	Now time.Time
	// Within is how soon something must end to be a Warning. 0 means DefaultWithin; less
	// looks for nothing. What has more than a quarter of its time left is not yet due to be
	// renewed, and no Warning: so it is with signatures always, which signers renew by
	// themselves, and with certificates unless Within is longer than DefaultWithin.
	Within time.Duration
	// Also are findings about what the Result does not have, such as the trust anchors. They
	// count like the others. What a finding leaves out is that of its code.
	Also []Finding
	// Servers is what each name server said, if they were asked by themselves: the questions
	// of [ServerQuestions]. Then there are findings on where they disagree.
	Servers *compare.Report
	// Direct: the zones' own servers were asked, as by an upstream.Recursor, and no resolver.
	Direct bool
}

// Diagnose says what is wrong with a domain by what a Checker has found, at all hosts and
// addresses. It changes nothing of the result, which may have been read from JSON. One with
// [dane.Checker.FirstSuccess] leaves out what comes after the first success, and of one by
// [dane.Checker.Plan] the servers are not known.
func Diagnose(r *dane.Result, o Options) Report {
	if r == nil {
		r = new(dane.Result)
	}
	d := diagnosis{result: r, now: o.Now, within: cmp.Or(o.Within, DefaultWithin), asked: o.Servers, direct: o.Direct}
	if d.now.IsZero() {
		d.now = r.Started
	}
	d.domain()
	if o.Servers != nil && r.Domain != nil {
		d.servers(o.Servers)
	}
	for _, f := range o.Also {
		d.find(f)
	}
	slices.SortStableFunc(d.findings, func(a, b Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	return Report{State: d.state(), Findings: d.findings}
}

// A diagnosis is the work of one Diagnose.
type diagnosis struct {
	result   *dane.Result
	now      time.Time
	within   time.Duration
	asked    *compare.Report // nil if the servers were not asked by themselves
	direct   bool            // no resolver was asked
	findings []Finding
}

// find adds a finding, with what its kind says where it says nothing. One that is there
// already gets its addresses and evidence.
func (d *diagnosis) find(f Finding) {
	k := kindOf(f.Code)
	if f.Severity == Note {
		f.Severity = k.severity
	}
	if f.Actor == DomainOwner {
		f.Actor = k.actor
	}
	f.Link = f.Code.Link()
	f.printable()
	for i := range d.findings {
		if known := &d.findings[i]; known.same(&f) {
			known.Addresses = appendNew(known.Addresses, f.Addresses)
			known.Evidence = appendNew(known.Evidence, f.Evidence)
			return
		}
	}
	d.findings = append(d.findings, f)
}

func appendNew[T comparable](to, from []T) []T {
	for _, item := range from {
		if !slices.Contains(to, item) {
			to = append(to, item)
		}
	}
	return to
}

// state is the gravest of all findings, or that there is nothing to find.
func (d *diagnosis) state() State {
	worst := Note
	for _, f := range d.findings {
		worst = max(worst, f.Severity)
	}
	switch {
	case worst == Broken:
		return StateBroken
	case worst == Unknown || d.result.Domain == nil:
		return StateUnknown
	case !d.protected():
		return StateNone
	case worst == Warning:
		return StateWarning
	}
	return StateOK
}

// protected reports whether there is a host that is authenticated by DANE.
func (d *diagnosis) protected() bool {
	for i := range d.result.Hosts {
		if authenticates(&d.result.Hosts[i]) {
			return true
		}
	}
	return false
}

func authenticates(h *dane.HostResult) bool {
	return h.MXSecure && slices.ContainsFunc(h.Attempts, func(a dane.Attempt) bool { return a.Authenticated })
}

// domain looks at the domain, and goes on to its hosts.
func (d *diagnosis) domain() {
	r := d.result
	switch {
	case r.Domain == nil:
		d.find(Finding{Code: CodeNotADomain, Text: quoted(r.Name) + " is not a domain name.",
			Fix: "Ask for what stands after the @ of a mail address.", Evidence: texts(r.Err)})
		return
	case r.Unresolved && r.Failure().Local:
		d.find(Finding{Code: CodeLocalLack, Text: "This machine could not ask a DNS server, for a lack of its own" + lackIn(r.Err.Error()) + ".",
			Fix: "Give it what it lacks, such as file descriptors or a route, and ask again. It says nothing about the domain.", Evidence: texts(r.Err)})
		return
	case r.Unresolved:
		d.noResolver()
		return
	case !r.Domain.Routed && r.Domain.Lookup.Err != nil:
		d.failedLookup(&r.Domain.Lookup, "")
		return
	case !r.Domain.Routed && r.Domain.Lookup.RCode == dns.RcodeNameError:
		d.find(Finding{Code: CodeNoDomain, Text: r.Domain.Name + " does not exist in DNS, and mail to it bounces.",
			Fix: "Check the spelling, and whether the registration has lapsed."})
		return
	case len(r.Domain.MX) == 0 && len(r.Hosts) == 0:
		d.find(Finding{Code: CodeNullMX, Text: r.Domain.Name + " says by a null MX record that it accepts no mail.",
			Fix: "Nothing is to be done, unless it should accept mail: then publish an MX record that names the mail server."})
		return
	}
	if r.Profile.DANE == dane.DANENone {
		d.find(Finding{Code: CodeDANEOff, Text: "The policy of this sender switches DANE off for the domain, so that it was not looked for.",
			Fix: "Ask without that policy."})
	} else if r.Domain.Status == dnssec.Insecure && !r.Domain.Routed {
		d.unsignedMX()
	}
	for i := range r.Hosts {
		d.host(&r.Hosts[i])
	}
	d.hostsWithoutDANE()
	if r.Domain.Omitted > 0 {
		d.find(Finding{Code: CodeNotProbed, Text: "The domain has more MX records than are looked at.",
			Fix: "Publish fewer, and remove those of hosts that are gone."})
	}
	if d.within > 0 {
		d.lookAhead()
	}
}

// noResolver says why none of the DNS servers that were asked is of use: what helps against those
// that drop signatures is of no help where nobody answers.
func (d *diagnosis) noResolver() {
	f := Finding{Code: CodeNoResolver, Evidence: texts(d.result.Err)}
	switch incapable := d.incapable(); {
	case incapable:
		f.Text = "The DNS servers in use answer without what DNSSEC needs, so that nothing is known about the domain."
		f.Fix = "Ask a resolver that passes DNSSEC records on, or the name servers themselves: daneverify resolver says what each one lacks, and daneverify -recursive asks none."
	case d.direct:
		f.Text = "No DNS server answers, not even those of the root, so that nothing is known about the domain."
		f.Fix = "See that a firewall lets this machine ask servers on the Internet, at port 53 over UDP and TCP, or ask by way of a resolver, without -recursive."
	default:
		f.Text = "None of the DNS servers in use answers, not even for the keys of the root, so that nothing is known about the domain."
		f.Fix = "See that what /etc/resolv.conf or -resolver names are resolvers that run, take questions of this machine, and reach the Internet themselves: daneverify resolver asks each one. " +
			"Or ask another one by -resolver, or the name servers themselves by -recursive."
	}
	d.find(f)
}

// incapable reports whether a DNS server has answered, and was of no use.
func (d *diagnosis) incapable() bool {
	for l := range d.result.AllLookups() {
		if l.Err != nil && l.Reason.Code == dnssec.EDEIndeterminate {
			return true
		}
	}
	return false
}

// unsignedMX says who must sign what, so that DANE can apply.
func (d *diagnosis) unsignedMX() {
	l := &d.result.Domain.Lookup
	zone := unsignedZone(l)
	what, fix := d.unsigned(l, zone)
	d.find(Finding{Code: CodeMXUnsigned, Evidence: lookupEvidence(l),
		Text: "The MX records are in " + what + ": senders cannot know that they are genuine, so that DANE does not apply. Nothing is broken.",
		Fix:  fix + " Where that cannot be had, only moving the DNS elsewhere helps."})
}

// unsigned says why what is in a zone does not count, and what its operator must do.
func (d *diagnosis) unsigned(l *dane.Lookup, zone string) (what, fix string) {
	name := nameOr(zone, "that zone")
	what = "the zone " + nameOr(zone, "of that name")
	switch l.Reason.Code {
	case dnssec.EDEUnsupportedAlgorithm, dnssec.EDEUnsupportedDigest:
		return what + ", which is signed in a way that validators do not take (" + l.Reason.Text + ")",
			"Whoever runs the DNS of " + name + " must sign it by an algorithm in use, such as ECDSAP256SHA256 (13), and the registrar must replace its DS record by one with SHA-256 (2)."
	case dnssec.EDENSEC3IterationsTooBig:
		return what + ", whose denials are hashed too often (" + l.Reason.Text + ")",
			"Whoever runs the DNS of " + name + " must set the iterations of NSEC3 to 0 (RFC 9276), or use NSEC."
	}
	puts := "the registrar must put its DS record into the zone above"
	if above := d.provenZone(dns.Fqdn(zone)); above != "" && dns.IsSubDomain(dns.Fqdn(d.result.Domain.Name), dns.Fqdn(above)) {
		puts = "its DS record must be put into the zone " + above // the domain's own delegation, of which no registrar knows
	}
	return what + ", which is not signed", "Whoever runs the DNS of " + name + " must sign it, and " + puts + ". " +
		"If it is signed already, only the DS record is missing."
}

// unsignedZone is the zone that is not signed, by the reason of an insecure lookup.
func unsignedZone(l *dane.Lookup) string {
	if zone := trimDot(l.Reason.Zone); zone != "" {
		return zone
	}
	if l.Reason.Type == dns.TypeDS {
		return trimDot(l.Reason.Name)
	}
	return ""
}

func addrs(a *dane.Attempt) []netip.Addr { return []netip.Addr{a.Addr.Addr()} }
