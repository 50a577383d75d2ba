package diagnosis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/compare"
)

// bogusServers says whose answers fail validation. Where those of all servers do, the lookups
// of the domain have said so.
func (d *diagnosis) bogusServers(z *zoneView) {
	for _, s := range z.answering() {
		var questions, evidence []string
		var first *compare.Answer
		for i := range s.Answers {
			a := &s.Answers[i]
			if a.Outcome != compare.Bogus || d.toldAlready(z, a.Question, compare.Bogus) {
				continue
			}
			if first == nil || first.Question.Type == dns.TypeTXT {
				first = a
			}
			questions = append(questions, shownQuestion(a.Question))
			evidence = append(evidence, s.String()+": "+shownQuestion(a.Question)+": "+a.Said()+inBrackets(a.Reason.String()))
		}
		if first == nil {
			continue
		}
		d.find(Finding{Code: CodeServerBogus, Evidence: evidence,
			Text: "What " + s.String() + ", a name server of " + z.shown() + ", says fails validation: " + shortList(questions) + inBrackets(bogusReason(first)) + ". " +
				others(z, s) + "whoever gets it from there cannot deliver, as if by chance.",
			Fix: bogusFix(first, s)})
	}
}

func others(z *zoneView, not *compare.Server) string {
	for _, s := range z.answering() {
		if s != not {
			return "Others say what validates, so that only "
		}
	}
	return "So "
}

// bogusReason says of an answer why it fails, in a few words.
func bogusReason(a *compare.Answer) string {
	if at := instantIn(a.Reason.Text, "the signature expired on ", ""); a.Reason.Code == dnssec.EDESignatureExpired && at != "" {
		return at + keyTag(a.Reason)
	}
	return a.Reason.String()
}

func bogusFix(a *compare.Answer, s *compare.Server) string {
	name := trimDot(s.Name)
	switch a.Reason.Code {
	case dnssec.EDESignatureExpired:
		return "Find out why " + name + " still has old signatures: it gets no transfers (NOTIFY, TSIG key, TCP port 53 at the primary server), or signs by itself and has stopped. Transfer the zone anew there."
	case dnssec.EDERRSIGsMissing, dnssec.EDENSECMissing:
		return "Have " + name + " serve the signed zone: it seems to load another file, to get the zone from an unsigned primary server, or to be older than DNSSEC."
	case dnssec.EDEDNSKEYMissing:
		return "Have " + name + " serve the zone with the keys that the DS records and the signatures are of: it seems to have another copy, or a signer of its own whose keys the others do not publish."
	}
	return "Transfer the zone anew on " + name + ", and see that nothing changes records after they are signed."
}

// toldAlready reports whether all servers of the zone fail at a question in the same way, and a
// lookup of the domain has failed at it, too.
func (d *diagnosis) toldAlready(z *zoneView, q compare.Question, outcome compare.Outcome) bool {
	all := true
	for _, s := range z.answering() {
		if a := s.Answer(q); a != nil && a.Outcome != outcome {
			all = false
		}
	}
	if !all {
		return false
	}
	return slices.ContainsFunc(d.findings, func(f Finding) bool {
		actor := kindOf(f.Code).actor
		return f.Severity == Broken && (actor == DNSOperator || actor == Registrar) && !strings.HasPrefix(string(f.Code), "name-server")
	})
}

// failingTypes says which servers answer, and fail at some questions.
func (d *diagnosis) failingTypes(z *zoneView) {
	for _, s := range z.answering() {
		if s.Has(compare.NoEDNS) {
			continue // which explains all of it
		}
		var failed, evidence []string
		var types []uint16
		for i := range s.Answers {
			a := &s.Answers[i]
			if a.HasData() || a.Outcome == compare.NotAsked || a.Outcome == compare.Local || d.toldAlready(z, a.Question, a.Outcome) {
				continue
			}
			failed, types = append(failed, shownQuestion(a.Question)), append(types, a.Question.Type)
			evidence = append(evidence, s.String()+": "+shownQuestion(a.Question)+": "+a.Outcome.String()+inBrackets(a.Problem))
		}
		if len(failed) == 0 {
			continue
		}
		f := Finding{Code: CodeServerFailsType, Evidence: evidence,
			Text: s.String() + ", a name server of " + z.shown() + ", answers other questions, and " + howFailed(s) + " " + shortList(failed) + "."}
		if f.Fix = "Look into its log for these questions, and transfer the zone anew."; !slices.ContainsFunc(types, func(t uint16) bool { return t != dns.TypeTLSA }) {
			f.Fix = "Update its software, or let the firewall or load balancer before it pass questions of every type (RFC 3597): TLSA is the only type that it fails at. A server without TLSA records must say so."
			f.Text += " Senders that use DANE do not deliver when their resolver finds no other server."
		}
		if len(z.answering()) == 1 {
			f.Severity = Broken
		}
		d.find(f)
	}
}

// howFailed says what a server does to questions that it has no answer to.
func howFailed(s *compare.Server) string {
	for _, a := range s.Answers {
		switch a.Outcome {
		case compare.Refused:
			return "answers " + nameOr(dns.RcodeToString[a.RCode], "an unknown rcode") + " to"
		case compare.Silent:
			return "drops"
		case compare.Lame:
			return "refers elsewhere for"
		}
	}
	return "has no usable answer to"
}

// differences says to which questions the servers give different answers.
func (d *diagnosis) differences(z *zoneView) {
	for _, difference := range z.Differences() {
		d.difference(z, &difference)
	}
}

func (d *diagnosis) difference(z *zoneView, diff *compare.Difference) {
	q := diff.Question
	f := Finding{Code: CodeServersDiffer}
	var said []string
	for _, g := range diff.Groups {
		said = append(said, serverNames(g.Servers)+plural(len(g.Servers), " says ", " say ")+shorten(g.Said))
		for _, s := range g.Servers {
			f.Evidence = append(f.Evidence, fmt.Sprintf("%s: serial %d: %s: %s", s, s.Serial, shownQuestion(q), g.Said))
		}
	}
	f.Text = "The name servers of " + z.shown() + " disagree about " + shownQuestion(q) + ": " + strings.Join(said, "; ") + ". "
	if diff.Varies {
		f.Code = CodeAnswerVaries
		f.Text += "One of them says something else each time, as servers do that spread load; nothing is broken if that is meant."
		f.Fix = "Nothing is to be done if the answers are meant to vary. Every address must belong to a server with the same certificates and TLSA records."
		d.find(f)
		return
	}
	consequence := "Which of it senders get depends on the server that their resolver happens to ask."
	switch q.Type {
	case dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeTXT:
		f.Severity = Warning
	case dns.TypeTLSA:
		var harmless bool
		if consequence, f.Host, harmless = d.judgeTLSA(diff); harmless {
			f.Severity = Warning
		}
	case dns.TypeDNSKEY:
		consequence = "A resolver that has the keys from one and an answer from another finds no signature that fits."
	}
	f.Text += consequence
	f.Fix = transferFix(z, diff)
	d.find(f)
}

// transferFix is how servers come to have the same zone, by their serial numbers.
func transferFix(z *zoneView, diff *compare.Difference) string {
	groups := z.Serials()
	if len(groups) < 2 {
		return "All have the same serial number, so that no transfer will repair it by itself: raise the serial number on the primary server, and transfer the zone anew on the others. Do not edit the zone on more than one server."
	}
	behind := serverNames(behind(groups))
	return "Find out why " + behind + " has an old zone: NOTIFY, the TSIG key, TCP port 53 of the primary server, or its list of those who may transfer. Transfer the zone anew there. If it was changed a moment ago, look again after the refresh time of the SOA record."
}

func shortList(items []string) string {
	const most = 4
	if len(items) > most {
		return strings.Join(items[:most], ", ") + fmt.Sprintf(" and %d more", len(items)-most)
	}
	return strings.Join(items, ", ")
}

// shorten keeps an answer from filling the screen; the evidence has it in full.
func shorten(text string) string {
	const most = 40
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}
