package compare

import (
	"context"
	"errors"
	"net/netip"
	"sync"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// A server is a Server while it is asked.
type server struct {
	Server
	met      bool // it was asked for the SOA record
	resolver *dnssec.Resolver
	heard    *hearing
}

// lock waits until nobody else asks the address, and returns what lets the next one do so.
func (s *session) lock(addr netip.Addr) (unlock func()) {
	lock, _ := s.locks.LoadOrStore(addr, new(sync.Mutex))
	lock.(*sync.Mutex).Lock()
	s.places <- struct{}{}
	return func() {
		<-s.places
		lock.(*sync.Mutex).Unlock()
	}
}

// ednsSize is the largest reply over UDP that is asked for (dnsflagday.net/2020).
const ednsSize = 1232

// An option or a version of EDNS that nobody knows.
const (
	unknownOption  = 65001 // for experiments (RFC 6891 §9)
	unknownVersion = 1
)

// edns returns the OPT record of a query.
func edns(signatures bool, options ...dns.EDNS0) *dns.OPT {
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}, Option: options}
	opt.SetUDPSize(ednsSize)
	opt.SetDo(signatures)
	return opt
}

// newQuery returns a query as validators send it. A nil OPT record is none.
func newQuery(name string, qtype uint16, opt *dns.OPT) *dns.Msg {
	msg := new(dns.Msg)
	msg.SetQuestion(name, qtype)
	msg.RecursionDesired, msg.CheckingDisabled = false, true
	if opt != nil {
		msg.Extra = []dns.RR{opt}
	}
	return msg
}

// meet asks a server for the SOA record of the zone, in each of the ways that there are.
func (s *session) meet(ctx context.Context, z *zone, at *server) {
	if !at.Address.IsValid() {
		return
	}
	soa := func(opt *dns.OPT) *dns.Msg { return newQuery(z.Name, dns.TypeSOA, opt) }
	reply, err := s.exchange(ctx, z, at, soa(edns(true)), false)
	if ended(ctx) == nil && (outcomeOf(err) == Silent || err == nil && refusesEDNS(reply.Msg)) {
		plain, failed := s.exchange(ctx, z, at, soa(nil), false)
		if failed == nil && serves(plain.Msg) {
			at.flaw(NoEDNS, "with EDNS "+whatCame(reply, err)+", without it the zone's SOA record comes")
			reply, err = plain, nil
		}
	}
	if ended(ctx) != nil {
		at.Problem = "there was no time left to ask"
		return
	}
	at.judge(s, reply, err)
	if at.Outcome != Answered {
		return
	}
	if s.late(reply) {
		at.flaw(NoUDP, "an answer came over TCP alone")
	}
	if _, err := s.exchange(ctx, z, at, soa(edns(true)), true); err != nil && outcomeOf(err) != Local && ended(ctx) == nil {
		at.flaw(NoTCP, problem(err))
	}
	if at.has(NoEDNS) || at.has(NoUDP) || ended(ctx) != nil {
		return
	}
	reply, err = s.exchange(ctx, z, at, soa(edns(true, &dns.EDNS0_LOCAL{Code: unknownOption, Data: []byte{1}})), false)
	if ended(ctx) == nil && (err != nil || !serves(reply.Msg) || s.late(reply)) {
		at.flaw(FailsUnknownOption, whatCame(reply, err))
	}
	opt := edns(true)
	opt.SetVersion(unknownVersion)
	reply, err = s.exchange(ctx, z, at, soa(opt), false)
	if ended(ctx) == nil && (err != nil || reply.Msg.Rcode != dns.RcodeBadVers || s.late(reply)) {
		at.flaw(FailsUnknownVersion, whatCame(reply, err))
	}
}

// judge sets what is known of a server by what came of the question for the SOA record.
func (at *server) judge(s *session, reply *upstream.Reply, err error) {
	if err != nil {
		at.Outcome, at.Problem = outcomeOf(err), problem(err)
		return
	}
	at.Elapsed, at.Authoritative = reply.Elapsed, reply.Msg.Authoritative
	if opt := reply.Msg.IsEdns0(); opt != nil {
		at.UDPSize = opt.UDPSize()
	}
	s.sawReply(serves(reply.Msg))
	switch {
	case isRefusal(reply.Msg):
		at.Outcome, at.Problem = Refused, "it answers with "+describe(reply.Msg)
	case !serves(reply.Msg):
		at.Outcome, at.Problem = Lame, "it answers with "+describe(reply.Msg)
	default:
		at.Outcome = Answered
		at.Serial = serialOf(reply.Msg)
	}
}

// sawReply notes that somebody answers, and whether only a name server of the zone would say
// so.
func (s *session) sawReply(genuine bool) {
	s.replied.Store(true)
	if genuine {
		s.genuine.Store(true)
	}
}

// late reports whether a reply came over TCP since none came over UDP. Truncated ones are sent
// over TCP at once.
func (s *session) late(reply *upstream.Reply) bool {
	return reply.Network == "tcp" && reply.Elapsed >= s.timeout()
}

func (at *server) flaw(f Flaw, problem string) {
	at.Flaws = append(at.Flaws, Flawed{f, problem})
}

// Has reports whether the server has a flaw.
func (s *Server) Has(f Flaw) bool {
	for _, flawed := range s.Flaws {
		if flawed.Flaw == f {
			return true
		}
	}
	return false
}

func (at *server) has(f Flaw) bool { return at.Has(f) }

// serves reports whether a reply to the question for the SOA record of a zone is that of a
// server of the zone.
func serves(reply *dns.Msg) bool {
	if reply.Rcode != dns.RcodeSuccess || !reply.Authoritative || len(reply.Question) != 1 {
		return false
	}
	for _, rr := range reply.Answer {
		if rr.Header().Rrtype == dns.TypeSOA && sameName(rr.Header().Name, reply.Question[0].Name) {
			return true
		}
	}
	return false
}

func serialOf(reply *dns.Msg) uint32 {
	for _, rr := range reply.Answer {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa.Serial
		}
	}
	return 0
}

func isRefusal(reply *dns.Msg) bool {
	return reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError
}

// refusesEDNS reports whether a reply may be that of a server that does not know EDNS (RFC
// 6891 §7).
func refusesEDNS(reply *dns.Msg) bool {
	switch reply.Rcode {
	case dns.RcodeFormatError, dns.RcodeNotImplemented, dns.RcodeServerFailure, dns.RcodeBadVers:
		return true
	}
	return false
}

// describe says in a few words what a reply is.
func describe(reply *dns.Msg) string {
	switch {
	case reply.Rcode != dns.RcodeSuccess:
		return rcodeText(reply.Rcode)
	case len(reply.Answer) > 0 && reply.RecursionAvailable:
		return "records of a cache (no AA, but RA), as a resolver does"
	case len(reply.Answer) > 0 && !reply.Authoritative:
		return "records that are not authoritative"
	case len(reply.Answer) > 0:
		return "other records"
	}
	for _, rr := range reply.Ns {
		if rr.Header().Rrtype == dns.TypeNS {
			return "a referral to the servers of " + printable.Line(rr.Header().Name)
		}
	}
	return "no records"
}

func rcodeText(rcode int) string {
	if name, ok := dns.RcodeToString[rcode]; ok {
		return name
	}
	return "an unknown rcode"
}

// whatCame says what came of a query.
func whatCame(reply *upstream.Reply, err error) string {
	if err != nil {
		return "there is no answer (" + problem(err) + ")"
	}
	if reply.Network == "tcp" {
		return "an answer comes over TCP alone"
	}
	return describe(reply.Msg) + " comes"
}

// problem is an error without what is known anyway: the server and the question.
func problem(err error) string {
	if e, ok := errors.AsType[*upstream.Error](err); ok && e.Err != nil {
		if _, judged := errors.AsType[*dnssec.Error](err); !judged {
			err = e.Err
		}
	}
	const most = 300 // characters
	text := printable.Line(err.Error())
	if len(text) > most {
		text = text[:most] + "..."
	}
	return text
}
