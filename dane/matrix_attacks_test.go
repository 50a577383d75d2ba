package dane_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A dnsAttack changes the reply to a question; nil drops it.
type dnsAttack struct {
	name   string
	change func(a *attacker, q dns.Question, reply *dns.Msg) *dns.Msg
}

// An smtpAttack is a fault of the server, or of somebody before it; or another one answers.
type smtpAttack struct {
	name  string
	fault map[smtptest.Stage]smtptest.Fault
	dial  func(a *attacker, ctx context.Context, network, address string) (net.Conn, error)
}

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}

func dnsAttacks() []dnsAttack {
	return []dnsAttack{
		{"leaves it alone", func(_ *attacker, _ dns.Question, reply *dns.Msg) *dns.Msg { return reply }},
		{"drops", func(*attacker, dns.Question, *dns.Msg) *dns.Msg { return nil }},
		{"delays", func(_ *attacker, _ dns.Question, reply *dns.Msg) *dns.Msg { time.Sleep(3 * time.Second); return reply }},
		{"answers SERVFAIL", withRCode(dns.RcodeServerFailure)},
		{"answers REFUSED", withRCode(dns.RcodeRefused)},
		{"answers NXDOMAIN", withRCode(dns.RcodeNameError)},
		{"answers without records", withRCode(dns.RcodeSuccess)},
		{"answers NXDOMAIN, with the AD bit", func(_ *attacker, _ dns.Question, reply *dns.Msg) *dns.Msg {
			reply = emptied(reply, dns.RcodeNameError)
			reply.AuthenticatedData = true
			return reply
		}},
		{"truncates", func(_ *attacker, _ dns.Question, reply *dns.Msg) *dns.Msg {
			reply = emptied(reply, dns.RcodeSuccess)
			reply.Truncated = true
			return reply
		}},
		{"strips signatures", func(_ *attacker, _ dns.Question, reply *dns.Msg) *dns.Msg {
			return without(reply, dns.TypeRRSIG)
		}},
		{"strips signatures and denials", func(_ *attacker, _ dns.Question, reply *dns.Msg) *dns.Msg {
			return without(reply, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3)
		}},
		{"strips denials", func(_ *attacker, _ dns.Question, reply *dns.Msg) *dns.Msg {
			return without(reply, dns.TypeNSEC, dns.TypeNSEC3)
		}},
		{"forges, unsigned", func(a *attacker, q dns.Question, reply *dns.Msg) *dns.Msg { return a.forged(q, reply, false, "") }},
		{"forges, under the old signature", func(a *attacker, q dns.Question, reply *dns.Msg) *dns.Msg { return a.forged(q, reply, true, "") }},
		{"forges, signed by his own zone", func(a *attacker, q dns.Question, reply *dns.Msg) *dns.Msg {
			return a.forged(q, reply, false, "attacker.example.")
		}},
		{"answers with what is signed for another name", func(a *attacker, q dns.Question, reply *dns.Msg) *dns.Msg {
			return a.replayed(q, reply, "mail.attacker.example.", false)
		}},
		{"the same, under the name that was asked for", func(a *attacker, q dns.Question, reply *dns.Msg) *dns.Msg {
			return a.replayed(q, reply, "mail.attacker.example.", true)
		}},
		{"answers with the denial of another name", func(a *attacker, q dns.Question, reply *dns.Msg) *dns.Msg {
			return a.replayed(q, reply, "nobody.victim.example.", false)
		}},
	}
}

func smtpAttacks() []smtpAttack {
	attacks := []smtpAttack{
		{name: "leaves it alone"},
		{name: "refuses connections", dial: func(*attacker, context.Context, string, string) (net.Conn, error) {
			return nil, errRefused
		}},
		{name: "lets connections time out", dial: func(_ *attacker, ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}},
		{name: "takes the connection", dial: func(a *attacker, ctx context.Context, network, address string) (net.Conn, error) {
			return a.own.Dial(ctx, network, address)
		}},
		{name: "takes the connection, without STARTTLS", dial: func(a *attacker, ctx context.Context, network, address string) (net.Conn, error) {
			return a.plain.Dial(ctx, network, address)
		}},
		{name: "takes every second connection, without STARTTLS", dial: func(a *attacker, ctx context.Context, network, address string) (net.Conn, error) {
			if a.dialled++; a.dialled%2 == 0 {
				return a.plain.Dial(ctx, network, address)
			}
			return nil, errRefused
		}},
	}
	faults := []struct {
		fault smtptest.Fault
		name  string
	}{
		{smtptest.Hang, "hangs"}, {smtptest.Close, "closes"}, {smtptest.Temporary, "refuses for now"}, {smtptest.Permanent, "refuses for good"},
		{smtptest.Endless, "talks without end"}, {smtptest.EndlessLine, "talks without end of line"}, {smtptest.Inject, "injects"},
	}
	for _, step := range []smtptest.Stage{smtptest.AtGreeting, smtptest.AtHello, smtptest.AtStartTLS, smtptest.AtHandshake} {
		for _, f := range faults {
			attacks = append(attacks, smtpAttack{name: f.name + " at " + string(step), fault: map[smtptest.Stage]smtptest.Fault{step: f.fault}})
		}
	}
	return attacks
}

// An attacker is on the path to the DNS and to mail servers.
type attacker struct {
	internet *danetest.Internet
	cell     matrixCell
	own      *smtptest.Server // with a certificate that he has made for the victim's host
	plain    *smtptest.Server // without STARTTLS
	dialled  int
}

func newAttacker(internet *danetest.Internet, cell matrixCell) *attacker {
	names := []string{"mail.victim.example", "mail.provider.example", "victim.example"}
	a := &attacker{internet: internet, cell: cell}
	a.own = smtptest.NewUnstartedServer(tlsatest.SelfSigned(tlsatest.Leaf{Names: names}).TLS())
	a.plain = smtptest.NewUnstartedServer()
	a.plain.NoStartTLS = true
	return a
}

// messages that he has got hold of: those for his own server of the DNS, too.
func (a *attacker) messages() (all []smtptest.Message) {
	for _, server := range []*smtptest.Server{a.own, a.plain, a.internet.Servers["mail.attacker.example"]} {
		all = append(all, server.Messages()...)
	}
	return all
}

func (a *attacker) close() {
	a.own.Close()
	a.plain.Close()
}

// Dial is the path to mail servers.
func (a *attacker) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if a.cell.smtp.dial != nil {
		return a.cell.smtp.dial(a, ctx, network, address)
	}
	return a.internet.Dial(ctx, network, address)
}

// Exchange is the path to the DNS.
func (a *attacker) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	reply, err := a.internet.DNS.Exchange(ctx, q)
	if err != nil || !slices.Contains(strings.Fields(a.cell.stage), dns.TypeToString[q.Msg.Question[0].Qtype]) {
		return reply, err
	}
	if reply.Msg = a.cell.dns.change(a, q.Msg.Question[0], reply.Msg); reply.Msg == nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return reply, nil
}

// ask returns what the DNS says to another question, in a reply to this one.
func (a *attacker) ask(name string, reply *dns.Msg) *dns.Msg {
	query := new(dns.Msg)
	query.SetQuestion(name, reply.Question[0].Qtype)
	query.SetEdns0(1232, true)
	other, err := a.internet.DNS.Exchange(context.Background(), &upstream.Query{Msg: query})
	if err != nil {
		return reply
	}
	other.Msg.Id, other.Msg.Question = reply.Id, reply.Question
	return other.Msg
}

// replayed returns what is validly signed for another name, under its own or the name asked.
func (a *attacker) replayed(q dns.Question, reply *dns.Msg, name string, renamed bool) *dns.Msg {
	if q.Qtype == dns.TypeTLSA && !strings.Contains(name, "nobody") {
		name = "_25._tcp." + name
	}
	other := a.ask(name, reply)
	for _, rr := range slices.Concat(other.Answer, other.Ns) {
		if renamed && strings.EqualFold(rr.Header().Name, name) {
			rr.Header().Name = q.Name
		}
	}
	return other
}

// forged returns a reply with records that lead to the attacker: in clear, under the signature
// that was there, or signed by his own zone.
func (a *attacker) forged(q dns.Question, reply *dns.Msg, keep bool, zone string) *dns.Msg {
	data, ok := map[uint16]string{
		dns.TypeMX: "10 mail.attacker.example.", dns.TypeA: attackersAddr(a.internet), dns.TypeAAAA: "2001:db8::66", dns.TypeCNAME: "mail.attacker.example.",
		dns.TypeTLSA: a.tlsa(), dns.TypeDS: "1 13 2 " + digest,
		dns.TypeDNSKEY: "257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
	}[q.Qtype]
	if !ok {
		return reply
	}
	rr, err := dns.NewRR(q.Name + " 300 IN " + dns.TypeToString[q.Qtype] + " " + data)
	if err != nil {
		panic(err)
	}
	forged := emptied(reply, dns.RcodeSuccess)
	forged.Answer = []dns.RR{rr}
	for _, old := range reply.Answer {
		if old.Header().Rrtype == dns.TypeRRSIG && keep {
			forged.Answer = append(forged.Answer, old)
		}
	}
	if zone != "" {
		forged.Answer = append(forged.Answer, a.internet.DNS.Sign(zone, rr))
	}
	return forged
}

// tlsa is the record of the attacker's own server.
func (a *attacker) tlsa() string {
	return fmt.Sprintf("3 0 0 %x", a.own.Certificates[0].Certificate[0])
}

func attackersAddr(internet *danetest.Internet) string {
	query := new(dns.Msg)
	query.SetQuestion("mail.attacker.example.", dns.TypeA)
	reply, err := internet.DNS.Exchange(context.Background(), &upstream.Query{Msg: query})
	if err != nil || len(reply.Msg.Answer) == 0 {
		panic("the attacker has no host")
	}
	return reply.Msg.Answer[0].(*dns.A).A.String()
}

func withRCode(rcode int) func(*attacker, dns.Question, *dns.Msg) *dns.Msg {
	return func(_ *attacker, _ dns.Question, reply *dns.Msg) *dns.Msg { return emptied(reply, rcode) }
}

// emptied is a reply with nothing in it but its EDNS record.
func emptied(reply *dns.Msg, rcode int) *dns.Msg {
	own := reply.Copy()
	own.Rcode, own.Answer, own.Ns = rcode, nil, nil
	return own
}

func without(reply *dns.Msg, types ...uint16) *dns.Msg {
	for _, section := range []*[]dns.RR{&reply.Answer, &reply.Ns} {
		*section = slices.DeleteFunc(*section, func(rr dns.RR) bool { return slices.Contains(types, rr.Header().Rrtype) })
	}
	return reply
}
