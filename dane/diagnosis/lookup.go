package diagnosis

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
)

// failedLookup says why a lookup has no usable answer.
func (d *diagnosis) failedLookup(l *dane.Lookup, host string) {
	f := Finding{Host: host, Evidence: lookupEvidence(l)}
	switch {
	case isLocal(l.Err):
		f.Code = CodeLocalLack
		f.Text = "This machine could not ask for " + question(l) + ": " + localCause(f.Evidence)
		f.Fix = "Give it what it lacks, and ask again. It says nothing about the domain."
	case misfits(l):
		d.anchorsMisfit(l)
		return
	case l.Status == dnssec.Bogus:
		d.bogus(l, &f)
	case l.Type == dns.TypeTLSA:
		d.failedTLSA(l, &f)
	default:
		f.Code = CodeDNSFailed
		f.Text = "There is no usable answer to " + failedQuestion(l) + from(serversOf(l)) + d.why(l) + "." + d.overTCP(l) + d.atCulprits(l)
		f.Fix = "See that the name servers of " + nameOr(trimDot(l.Reason.Name), trimDot(l.Name)) + " run, are those that the zone above delegates to, and answer questions with EDNS, over UDP and TCP" + d.comparing() + "." + until(l, d.result)
		if servfail(l) && (l.Type == dns.TypeA || l.Type == dns.TypeAAAA) {
			f.Fix += " An alias that leads back to itself fails in this way, too."
		}
	}
	d.find(f)
}

// bogus says what is wrong with a zone's signatures.
func (d *diagnosis) bogus(l *dane.Lookup, f *Finding) {
	reason := l.Reason
	zone := trimDot(reason.Zone)
	if reason.Code == dnssec.EDENSECMissing && reason.Type == dns.TypeDS {
		zone = nameOr(d.provenZone(reason.Name), zone) // what is not proven is that there is no zone of this name
	}
	if zone == "" { // no signature names one: it is that of what was proven around the name
		zone = nameOr(d.provenZone(reason.Name), trimDot(reason.Name))
	}
	set := strings.TrimSpace(nameOr(trimDot(reason.Name), "the root") + " " + dns.Type(reason.Type).String())
	ofZone := "the zone " + nameOr(zone, "of that name")
	until := " Until then no sender that validates can deliver."
	if f.Host != "" {
		until = " Until then no sender that validates can deliver to " + f.Host + "."
	}
	sign := "Whoever runs the DNS of " + nameOr(zone, "the zone") + " must "
	outOfTime := reason.Code == dnssec.EDESignatureExpired || reason.Code == dnssec.EDESignatureNotYetValid
	switch {
	case outOfTime && (reason.Zone == "." || reason.Name == "."):
		f.Code = CodeClock
		f.Text = "The signatures of the root are not valid by the clock of this machine, at which it is " + shownTime(d.now) + ": " + reason.Text + ". The root signs anew each day, so that the clock must be wrong, or the resolver passes on old answers."
		f.Fix = "Set the clock of this machine right, by NTP, and ask again. If it is right, ask another resolver, or by -recursive none. It says nothing about the domain."
	case reason.Code == dnssec.EDESignatureExpired:
		f.Code = CodeSignatureExpired
		f.Text = "The signature of " + set + " in " + ofZone + instantIn(reason.Text, " expired on ", " has expired") + keyTag(reason) + "."
		f.Fix = sign + "sign it again now, and find out why the signer has stopped: a timer, a key that is gone, a secondary server that gets no transfers." + until
	case reason.Code == dnssec.EDESignatureNotYetValid:
		f.Code = CodeSignatureNotYetValid
		f.Text = "The signature of " + set + " in " + ofZone + instantIn(reason.Text, " begins on ", " is not valid yet") + keyTag(reason) + "."
		f.Fix = sign + "set the clock of the signer right, and its time zone, and sign again. The clock of the machine that looked must be right, too." + until
	case reason.Code == dnssec.EDEDNSKEYMissing && reason.Type == dns.TypeDNSKEY:
		f.Code = CodeDSWithoutKey
		d.withoutKey(zone, reason, f)
		f.Fix += until
	case reason.Code == dnssec.EDEDNSKEYMissing:
		f.Code = CodeKeyMissing
		f.Text = set + " is signed by a key that is not among the keys of " + ofZone + keyTag(reason) + "."
		f.Fix = sign + "publish that key again, or sign with one that is published: in a rollover a key must leave caches before it signs alone." + until
	case reason.Code == dnssec.EDERRSIGsMissing:
		f.Code = CodeSignatureMissing
		f.Text = "The zone above says that " + ofZone + " is signed, and " + set + " has no signature" + says(l) + "."
		f.Fix = sign + "serve the signed zone on every server, by software that knows DNSSEC, and have no firewall take EDNS out of questions" + d.comparing() + ". If it is not to be signed any more, the registrar must remove its DS records first." + d.orResolver(l) + until
	case reason.Code == dnssec.EDENSECMissing:
		f.Code = CodeDenialBroken
		f.Text = "The zone " + nameOr(zone, "of that name") + " does not prove what does not exist, for " + question(l) + says(l) + "."
		f.Fix = sign + "have NSEC or NSEC3 records made anew for the whole zone, and update name server software that gives incomplete answers." + d.orResolver(l) + until
	case reason.Code == dnssec.EDEBogus && reason.KeyTag != 0:
		f.Code = CodeSignatureWrong
		f.Text = "The signature of " + set + " in " + ofZone + " does not fit the records" + keyTag(reason) + ": " + reason.Text + "."
		f.Fix = sign + "sign the zone again, and see that nothing changes records after that, nor serves them from two copies." + until
	default:
		f.Code = CodeBogus
		f.Text = "The answer to " + question(l) + " fails validation: " + nameOr(reason.String(), "no reason is known") + "."
		f.Fix = "Whoever runs the DNS of the zone must repair its signatures, or have its DS records removed." + until
	}
}

// provenZone is the smallest zone around a name that a lookup of this diagnosis has proven.
func (d *diagnosis) provenZone(name string) (zone string) {
	for l := range d.result.AllLookups() {
		for _, link := range l.Chain {
			proven := link.Zone
			if link.Type == dns.TypeDS {
				proven = link.Name // the zone above vouches for that of this name
			}
			if link.Status == dnssec.Secure && dns.IsSubDomain(proven, name) && dns.CountLabel(proven) > dns.CountLabel(zone) {
				zone = proven
			}
		}
	}
	return trimDot(zone)
}

// failedTLSA says that TLSA alone fails, if that is what was seen.
func (d *diagnosis) failedTLSA(l *dane.Lookup, f *Finding) {
	servers := serversOf(l)
	good := d.answeredBy(servers)
	if len(good) == 0 || asksElse(l) {
		f.Code = CodeDNSFailed
		f.Text = "There is no usable answer to " + failedQuestion(l) + from(servers) + d.why(l) + "." + d.overTCP(l) + d.atCulprits(l)
		f.Fix = "See that the name servers of that zone run and answer over UDP and TCP. Until then senders that use DANE do not deliver to the host."
		return
	}
	if others := d.failedAt(servers); len(others) > 0 {
		f.Code = CodeDNSFailed
		f.Text = "There is no usable answer to " + question(l) + from(servers) + d.why(l) + ". It fails for " + strings.Join(others, ", ") + ", too, and answers for " + strings.Join(good, ", ") + "."
		f.Fix = "Where some questions are answered and others are not, answers that are large get lost, or those over TCP: see that the name servers answer over TCP, and that firewalls let that and packets of 1,232 bytes over UDP through" +
			d.comparing() + ". Until then senders that use DANE do not deliver to the host."
		return
	}
	f.Code = CodeTLSAQueryFails
	f.Text = strings.Join(servers, " and ") + " " + plural(len(servers), "answers", "answer") + " for " + strings.Join(good, ", ") + ", and " +
		plural(len(servers), "fails", "fail") + " for TLSA alone" + d.why(l) + "." + d.atCulprits(l)
	f.Fix = "Update the name server's software, or let the firewall or load balancer before it pass questions of every type (RFC 3597). " +
		"A server without TLSA records must say so. If that name is an alias, see the zone that it leads to. " + d.whereElse(l, servers) +
		"Until then senders that use DANE do not deliver to the host."
}

// failedAt returns the types other than TLSA that have failed at one of the servers.
func (d *diagnosis) failedAt(servers []string) (types []string) {
	for l := range d.result.AllLookups() {
		name := dns.Type(l.Type).String()
		if l.Err == nil || l.Type == dns.TypeTLSA || l.Status == dnssec.Bogus || slices.Contains(types, name) {
			continue
		}
		if slices.ContainsFunc(serversOf(l), func(server string) bool { return slices.Contains(servers, server) }) {
			types = append(types, name)
		}
	}
	return types
}

// comparing says how to look at each server, unless that was done.
func (d *diagnosis) comparing() string {
	if d.asked != nil {
		return ""
	}
	return " (daneverify check -compare asks each of them)"
}

// until says what a lookup that has failed keeps senders from.
func until(l *dane.Lookup, r *dane.Result) string {
	for i := range r.Hosts {
		if h := &r.Hosts[i]; l.Name == h.Name && len(h.Addresses) > 0 {
			return " Until then senders may wait, or not deliver at all: the other address family alone is known."
		}
	}
	return " Until then nobody can send mail there."
}

// servfail reports whether the last server answered SERVFAIL.
func servfail(l *dane.Lookup) bool {
	return len(l.Exchanges) > 0 && l.Exchanges[len(l.Exchanges)-1].RCode == dns.RcodeServerFailure
}

// answeredBy returns the types for which one of the servers has answered in this diagnosis.
func (d *diagnosis) answeredBy(servers []string) (types []string) {
	add := func(server string, qtype uint16) {
		name := dns.Type(qtype).String()
		if slices.Contains(servers, host(server)) && !slices.Contains(types, name) {
			types = append(types, name)
		}
	}
	for l := range d.result.AllLookups() {
		for _, x := range l.Exchanges {
			if x.Err == nil && (x.RCode == dns.RcodeSuccess || x.RCode == dns.RcodeNameError) && x.Type != dns.TypeTLSA {
				add(x.Server, x.Type)
			}
		}
		// What was asked ahead has no exchange here, and the evidence has its server.
		for _, link := range l.Chain {
			if link.Status >= dnssec.Insecure && l.Err == nil && link.Type == l.Type {
				add(link.Server, l.Type)
			}
		}
	}
	// What comes first is what mail needs.
	slices.SortStableFunc(types, func(a, b string) int { return order(a) - order(b) })
	return types[:min(len(types), 4)]
}

func order(qtype string) int {
	if i := slices.Index([]string{"MX", "A", "AAAA"}, qtype); i >= 0 {
		return i
	}
	return 3
}

var inError = regexp.MustCompile(`(\S+:\d+) over (?:udp|tcp|tls|https)`)

// serversOf returns the servers that were asked in vain: by their addresses, as far as the
// lookup tells.
func serversOf(l *dane.Lookup) (servers []string) {
	add := func(server string) {
		if server = host(server); server != "" && !slices.Contains(servers, server) {
			servers = append(servers, server)
		}
	}
	name, qtype := "", l.Type // aliases are followed under other names
	if asksElse(l) {
		name, qtype = dns.CanonicalName(l.Reason.Name), l.Reason.Type
	}
	for _, x := range l.Exchanges {
		if x.Type != qtype || name != "" && dns.CanonicalName(x.Name) != name {
			continue
		}
		add(x.Server)
		for _, err := range append(slices.Clone(x.PassedOver), x.Err) {
			if err != nil {
				for _, found := range inError.FindAllStringSubmatch(err.Error(), -1) {
					add(found[1])
				}
			}
		}
	}
	return servers
}

func from(servers []string) string {
	if len(servers) == 0 {
		return ""
	}
	return " from " + strings.Join(servers, ", ")
}

// host is a server without what else is said of it.
func host(server string) string {
	server, _, _ = strings.Cut(server, " ")
	return server
}

// whereElse says how to find the name server behind a resolver.
func (d *diagnosis) whereElse(l *dane.Lookup, servers []string) string {
	if d.direct || len(d.culprits(l)) > 0 {
		return ""
	}
	return "If " + strings.Join(servers, " or ") + " is a resolver, it passes on what a name server of that zone says: daneverify check -compare names that one. "
}

// orResolver says that what is missing may have got lost on the way, or has where the name servers of
// the zone were asked by themselves and have it: Knot Resolver 5.6 without validation, for one, passes all
// signatures and denials on but those that belong to an answer from a wildcard (RFC 4035 §3.1.3.3).
func (d *diagnosis) orResolver(l *dane.Lookup) string {
	server := serverOf(l)
	if d.direct || server == "" {
		return ""
	}
	switch secure, asked := d.secureAt(l); {
	case !asked:
		return " If " + server + " is a resolver, it may be what leaves them out: ask another one, or by -recursive none."
	case secure:
		return " But all name servers of the zone, each asked by itself, prove what they say: what leaves it out is " + server + ", so ask another one, or by -recursive none."
	}
	return ""
}

// why is what a failed lookup ended with, in brackets.
func (d *diagnosis) why(l *dane.Lookup) string {
	text := l.Reason.Text
	if text == "" {
		return ""
	}
	if l.Err != nil && strings.Contains(l.Err.Error(), syscall.ECONNREFUSED.Error()) {
		text += ": " + syscall.ECONNREFUSED.Error()
	}
	if !d.direct && l.Reason.Code == dnssec.EDENoReachableAuthority && servfail(l) {
		text += "; if it is a resolver, it got no answer from a name server of the zone"
	}
	return " (" + text + ")"
}

// serverOf is the server that gave what is not secure, as far as it is known.
func serverOf(l *dane.Lookup) string {
	for _, link := range slices.Backward(l.Chain) {
		if link.Status != dnssec.Secure && link.Server != "" {
			return host(link.Server)
		}
	}
	return ""
}

// says names that server at the end of a sentence.
func says(l *dane.Lookup) string {
	if server := serverOf(l); server != "" {
		return ", says " + server
	}
	return ""
}

// asksElse reports whether it is not the lookup's own question that has no answer, but one that
// its answer is validated by, for the keys of the zone or its DS records.
func asksElse(l *dane.Lookup) bool {
	return l.Status == dnssec.Indeterminate && l.Reason.Name != "" && (l.Reason.Type == dns.TypeDNSKEY || l.Reason.Type == dns.TypeDS) && l.Reason.Type != l.Type
}

func failedQuestion(l *dane.Lookup) string {
	if !asksElse(l) {
		return question(l)
	}
	return nameOr(trimDot(l.Reason.Name), ".") + " " + dns.Type(l.Reason.Type).String() + ", without which that to " + question(l) + " cannot be validated,"
}

// overTCP says that an answer is too large for a datagram, and none comes over TCP either: where
// nothing else went wrong, each server has said so over UDP.
func (d *diagnosis) overTCP(l *dane.Lookup) string {
	if l.Err == nil || !d.direct { // a resolver may have been asked over TCP to begin with
		return ""
	}
	if text := l.Err.Error(); strings.Contains(text, " over tcp: ") && !strings.Contains(text, " over udp: ") {
		return " The answer does not fit into a datagram, and over TCP none comes: port 53 must be open for both."
	}
	return ""
}

func question(l *dane.Lookup) string { return l.Name + " " + dns.Type(l.Type).String() }

func keyTag(r dnssec.Reason) string {
	if r.KeyTag == 0 {
		return ""
	}
	return fmt.Sprintf(" (key tag %d)", r.KeyTag)
}

var inText = regexp.MustCompile(`\b\d{14}\b`)

// instantIn shows the instant that a reason has in the form of RFC 4034 §3.2.
func instantIn(text, with, without string) string {
	at, err := time.Parse("20060102150405", inText.FindString(text))
	if err != nil {
		return without
	}
	return with + shownTime(at)
}

func lookupEvidence(l *dane.Lookup) (lines []string) {
	lines = append(lines, fmt.Sprintf("%s: %s", question(l), l.Status))
	reason := l.Reason.String()
	shown := refusal(l.Reason).String()
	if reason != "" {
		lines = append(lines, shown)
	}
	if l.Err == nil {
		return lines
	}
	// The error repeats the reason, between where it comes from and what caused it.
	text := l.Err.Error()
	if _, cause, found := strings.Cut(text, reason); found && reason != "" {
		if text = strings.TrimLeft(cause, ": ("); strings.Count(text, "(") < strings.Count(text, ")") {
			text = strings.TrimSuffix(text, ")")
		}
	}
	if text != "" {
		lines = append(lines, text)
	}
	return lines
}
