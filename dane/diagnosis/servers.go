package diagnosis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/compare"
)

// servers says where the name servers of the zones disagree, each asked by itself.
func (d *diagnosis) servers(r *compare.Report) {
	if r.Path != compare.PathOpen {
		d.pathBlocked(r)
		return
	}
	for i := range r.Zones {
		z := &zoneView{Zone: &r.Zones[i]}
		d.reached(z)
		d.notAsked(z)
		d.bogusServers(z)
		d.failingTypes(z)
		d.differences(z)
		d.serials(z)
		d.transports(z)
		d.delegation(z)
	}
	if r.Incomplete {
		d.find(Finding{Code: CodeNotProbed, Text: "The time was over before every name server was asked.", Fix: "Allow more time."})
	}
	if r.Omitted > 0 {
		d.find(Finding{Code: CodeNotProbed, Text: "The name servers were not asked everything, since there is too much to ask.",
			Fix: "Publish fewer MX records, or ask for the hosts by themselves."})
	}
}

// pathBlocked says that this machine cannot tell.
func (d *diagnosis) pathBlocked(r *compare.Report) {
	f := Finding{Code: CodePathBlocked, Fix: "Ask from a machine that may send queries to port 53 of any address, over UDP and TCP. It says nothing about the domain."}
	switch r.Path {
	case compare.PathBlocked:
		f.Text = "No name server answers this machine, those of the zones above included: something on the way seems to let no queries to port 53 through."
	case compare.PathIntercepted:
		f.Text = "Whoever answers this machine is no name server of these zones, at any address: something on the way answers queries to port 53 in their place."
	default:
		f.Text = "This machine could ask no name server by itself."
	}
	for i := range r.Zones {
		for j := range r.Zones[i].Servers {
			f.Evidence = append(f.Evidence, seenServer(&r.Zones[i].Servers[j]))
		}
	}
	d.find(f)
}

// A zoneView is a zone, and what is said of it again and again.
type zoneView struct{ *compare.Zone }

func (z *zoneView) shown() string {
	if z.Name == "." {
		return "the root"
	}
	return trimDot(z.Name)
}

// answering are the servers that serve the zone.
func (z *zoneView) answering() (servers []*compare.Server) {
	return z.with(func(s *compare.Server) bool { return s.Outcome == compare.Answered })
}

func (z *zoneView) with(what func(*compare.Server) bool) (servers []*compare.Server) {
	for i := range z.Servers {
		if s := &z.Servers[i]; what(s) {
			servers = append(servers, s)
		}
	}
	return servers
}

// fatal is how grave it is that a server cannot be used: a warning while there are others.
func (z *zoneView) fatal() Severity {
	if len(z.answering()) == 0 {
		return Broken
	}
	return Warning
}

// reached says which servers do not serve the zone, and which do not answer.
func (d *diagnosis) reached(z *zoneView) {
	for _, s := range z.with(func(s *compare.Server) bool { return s.Outcome == compare.Refused || s.Outcome == compare.Lame }) {
		d.find(Finding{Code: CodeServerLame, Severity: z.fatal(), Evidence: []string{seenServer(s)},
			Text: s.String() + " is named as a name server of " + z.shown() + ", and does not serve the zone: " + s.Problem + "." + whatOthers(z),
			Fix:  "Have the zone configured on " + trimDot(s.Name) + ", and its transfer repaired if it has expired there; or take the server out of the NS records of the zone and, at the registrar, out of the zone above."})
	}
	for _, s := range z.with(func(s *compare.Server) bool { return s.Outcome == compare.Silent || s.Outcome == compare.Failed }) {
		if z.StaleGlue(s) {
			continue // which is another finding
		}
		d.find(Finding{Code: CodeServerSilent, Severity: z.fatal(), Evidence: []string{seenServer(s)},
			Text: s.String() + ", a name server of " + z.shown() + ", does not answer." + whatOthers(z),
			Fix:  "Start it, open its port 53 for UDP and TCP, or take its address out of DNS. A firewall that blocks the machine that looked looks the same: ask from elsewhere before you change anything."})
	}
	for _, s := range z.with(func(s *compare.Server) bool { return !s.Address.IsValid() || s.Outcome == compare.Forbidden }) {
		f := Finding{Code: CodeServerNoAddress, Severity: z.fatal(),
			Text: s.String() + ", a name server of " + z.shown() + ", has no address at which the Internet could ask it." + whatOthers(z),
			Fix:  "Publish its A and AAAA records, or take it out of the NS records of the zone and of the zone above."}
		if s.Problem != "" {
			f.Evidence = []string{s.String() + ": " + s.Problem}
		}
		d.find(f)
	}
}

// notAsked says which servers this machine could not ask. One that was asked at another address
// leaves nothing open but whether both are the same.
func (d *diagnosis) notAsked(z *zoneView) {
	if local := z.with(func(s *compare.Server) bool { return s.Outcome == compare.Local }); len(local) > 0 {
		f := Finding{Code: CodeServerNotAsked,
			Text: "This machine has no way to " + shortList(labels(local)) + ", " + plural(len(local), "a name server", "name servers") + " of " + z.shown() + ", for a lack of its own. It says nothing about " + plural(len(local), "the server", "the servers") + ".",
			Fix:  "Ask from a machine that has, with IPv6 for instance, to know what is said there."}
		if len(z.answering()) == 0 {
			f.Severity = Unknown
		}
		for _, s := range local {
			f.Evidence = append(f.Evidence, seenServer(s))
		}
		d.find(f)
	}
	if len(z.Servers) == 0 {
		d.find(Finding{Code: CodeServerNotAsked, Severity: Unknown, Evidence: []string{z.Problem},
			Text: "It could not be found out which name servers there are for " + z.shown() + ".",
			Fix:  "Ask again, by another resolver or by none: the way there leads through the zones above."})
	}
	if z.Omitted > 0 {
		d.find(Finding{Code: CodeServerNotAsked,
			Text: z.shown() + " has more name servers and addresses than are asked.", Fix: "Nothing is to be done."})
	}
}

// whatOthers is what follows from the loss of one server.
func whatOthers(z *zoneView) string {
	if len(z.answering()) == 0 {
		return " No other one answers, so that nobody finds what is in the zone."
	}
	return " Resolvers that ask it first lose time, and some of them the answer."
}

// transports says what servers get wrong whatever the question.
func (d *diagnosis) transports(z *zoneView) {
	for flaw := compare.NoUDP; flaw <= compare.FailsUnknownVersion; flaw++ {
		servers := z.with(func(s *compare.Server) bool { return s.Has(flaw) })
		if len(servers) == 0 {
			continue
		}
		f := Finding{}
		problem := ""
		for _, s := range servers {
			for _, flawed := range s.Flaws {
				if flawed.Flaw == flaw {
					problem = nameOr(problem, flawed.Problem)
					f.Evidence = append(f.Evidence, fmt.Sprintf("%s: %s: %s", s, flaw, flawed.Problem))
				}
			}
		}
		f.Text = shortList(labels(servers)) + ", " + plural(len(servers), "a name server", "name servers") + " of " + z.shown() + ", " + plural(len(servers), "does", "do") + " not "
		f.of(flaw, problem)
		if flaw == compare.NoEDNS && !z.signed() {
			f.Severity = Warning
		}
		d.find(f)
	}
}

// of completes a finding on servers that do not do something.
func (f *Finding) of(flaw compare.Flaw, problem string) {
	switch flaw {
	case compare.NoTCP:
		f.Code = CodeServerTransport
		f.Text += "answer over TCP: what does not fit into one datagram, such as the keys of a zone in a rollover or many TLSA records, cannot be had there."
		f.Fix = "Open port 53 for TCP in the firewall, and have the server listen there (RFC 7766)."
	case compare.NoUDP:
		f.Code = CodeServerTransport
		f.Text += "answer over UDP: resolvers take that for dead, or lose seconds."
		f.Fix = "Open port 53 for UDP in the firewall. If that drops large or unknown queries, let it pass all to port 53."
	case compare.NoEDNS:
		f.Code = CodeServerNoEDNS
		f.Text += "answer queries with EDNS: " + problem + ". Nobody gets signatures there, so that validators find no proof in what is said."
		f.Fix = "Replace software that is older than EDNS (RFC 6891), or let the firewall before it pass queries with an OPT record."
	case compare.FailsUnknownOption:
		f.Code = CodeServerEDNS
		f.Text += "treat what is unknown of EDNS as it should be: to a query with an unknown option " + problem + ". The answer should be as without it (RFC 6891); resolvers lose time."
		f.Fix = "Update the name server's software, or let the firewall before it pass such queries."
	default:
		f.Code = CodeServerEDNS
		f.Text += "treat what is unknown of EDNS as it should be: to a query of an unknown version " + problem + ", and not BADVERS (RFC 6891). Nothing is broken today."
		f.Fix = "Update the name server's software when there is an occasion."
	}
}

// signed reports whether any server has proven something.
func (z *zoneView) signed() bool {
	return slices.ContainsFunc(z.Servers, func(s compare.Server) bool {
		return slices.ContainsFunc(s.Answers, func(a compare.Answer) bool { return a.Status == dnssec.Secure || a.Outcome == compare.Bogus })
	})
}

// seenServer is the evidence on a server as a whole.
func seenServer(s *compare.Server) string {
	text := s.String() + ": " + s.Outcome.String()
	if s.Outcome == compare.Answered {
		text += fmt.Sprintf(", serial %d", s.Serial)
	}
	return text + inBrackets(s.Problem)
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

func shownQuestion(q compare.Question) string {
	return trimDot(q.Name) + " " + dns.Type(q.Type).String()
}

func serverNames(servers []*compare.Server) string { return strings.Join(labels(servers), ", ") }

func labels(servers []*compare.Server) (names []string) {
	for _, s := range servers {
		names = append(names, s.String())
	}
	return names
}
