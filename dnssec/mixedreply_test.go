package dnssec_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// mixedZones has every kind of name and of denial.
func mixedZones() []dnssectest.Zone {
	const records = "@ MX 10 mail\nmail A 192.0.2.25\n_25._tcp.mail TLSA 3 1 1 aabb\nwww A 192.0.2.1\nwww A 192.0.2.2\n" +
		"*.wild A 192.0.2.3\nsub.wild TXT x\nalias CNAME www\ntree DNAME mail\nx.mail A 192.0.2.4\na.b.ent A 192.0.2.5\n*.to CNAME none.kid"
	zones := []dnssectest.Zone{{Name: "test.", Denial: dnssectest.NSEC3OptOut}}
	for _, denial := range []dnssectest.Denial{dnssectest.NSEC, dnssectest.NSEC3, dnssectest.NSEC3OptOut} {
		name := fmt.Sprintf("z%d.test.", denial)
		zones = append(zones, dnssectest.Zone{Name: name, Records: records, Denial: denial},
			dnssectest.Zone{Name: "kid." + name, Records: records, Denial: denial},
			dnssectest.Zone{Name: "deep.ent." + name, Records: "www A 192.0.2.9\n* TXT w", Denial: denial},
			dnssectest.Zone{Name: "un." + name, Unsigned: true, Records: records},
			dnssectest.Zone{Name: "isle." + name, NoDS: true, Records: "www A 192.0.2.9"},
			dnssectest.Zone{Name: "isle.un." + name, NoDS: true, Records: "www A 192.0.2.9"})
	}
	return append(zones, dnssectest.Zone{Name: "evil."})
}

func mixedQuestions() (all []dns.Question) {
	for _, zone := range mixedZones() {
		for _, name := range []string{"", "mail.", "_tcp.mail.", "_25._tcp.mail.", "www.", "a.wild.", "x.sub.wild.", "wild.", "alias.", "x.tree.", "ent.", "b.ent.", "none.", "a.none.", "x.to."} {
			for _, qtype := range []uint16{dns.TypeA, dns.TypeMX, dns.TypeTLSA, dns.TypeDS, dns.TypeDNSKEY, dns.TypeCNAME} {
				all = append(all, dns.Question{Name: name + zone.Name, Qtype: qtype, Qclass: dns.ClassINET})
			}
		}
	}
	return slices.DeleteFunc(all, func(q dns.Question) bool { return dns.IsSubDomain("evil.", q.Name) })
}

// A mixer changes replies by what it knows of all the others.
type mixer struct {
	mu        sync.Mutex
	random    *rand.Rand
	world     *dnssectest.Internet
	questions []dns.Question
	replies   map[dns.Question]*dns.Msg
	percent   int // of the replies that are changed
	changed   int
}

// other returns the reply to another question, mostly of a zone nearby.
func (m *mixer) other(name string) *dns.Msg {
	labels := dns.SplitDomainName(name)
	near := strings.Join(labels[max(0, len(labels)-2-m.random.IntN(2)):], ".") + "."
	var q dns.Question
	for range 20 {
		if q = m.questions[m.random.IntN(len(m.questions))]; dns.IsSubDomain(near, q.Name) {
			break
		}
	}
	return m.replies[q].Copy()
}

// harmless changes are those that a forwarder may make, or a server that sends too much.
var harmless = []func(*mixer, string, *dns.Msg){
	func(m *mixer, name string, reply *dns.Msg) { reply.Ns = append(m.other(name).Ns, reply.Ns...) },
	func(m *mixer, name string, reply *dns.Msg) {
		reply.Extra = append(reply.Extra, m.other(name).Answer...)
	},
	func(_ *mixer, _ string, reply *dns.Msg) { reply.Ns = append(reply.Ns, reply.Copy().Ns...) },
	func(m *mixer, _ string, reply *dns.Msg) {
		m.random.Shuffle(len(reply.Ns), func(i, j int) { reply.Ns[i], reply.Ns[j] = reply.Ns[j], reply.Ns[i] })
	},
	func(m *mixer, name string, reply *dns.Msg) {
		reply.Ns = append(reply.Ns, odd(dns.Fqdn("odd."+strings.TrimSuffix(name, ".")), dns.TypeNSEC, "\x04test\x00\x00\x02\x40\x00"), odd("odd.test.", dns.TypeNSEC3, "\x01"))
	},
}

// hostile changes are what an attacker can do who has no key.
var hostile = []func(*mixer, string, *dns.Msg){
	func(m *mixer, name string, reply *dns.Msg) { *reply = *answerOf(reply, m.other(name)) },
	func(m *mixer, name string, reply *dns.Msg) {
		reply.Answer, reply.Ns = nil, append(m.other(name).Ns, m.other(name).Ns...)
		reply.Rcode = []int{dns.RcodeSuccess, dns.RcodeNameError}[m.random.IntN(2)]
	},
	func(m *mixer, name string, reply *dns.Msg) {
		*reply = *answerOf(reply, m.other(name))
		for _, rr := range reply.Answer {
			rr.Header().Name = name
		}
	},
	func(_ *mixer, _ string, reply *dns.Msg) { reply.Rcode = dns.RcodeNameError - reply.Rcode },
	func(_ *mixer, _ string, reply *dns.Msg) {
		reply.Answer, reply.Ns = slices.DeleteFunc(reply.Answer, isSignature), slices.DeleteFunc(reply.Ns, isSignature)
	},
	func(m *mixer, _ string, reply *dns.Msg) {
		if len(reply.Ns) > 0 {
			i := m.random.IntN(len(reply.Ns))
			reply.Ns = slices.Delete(reply.Ns, i, i+1)
		}
	},
	func(m *mixer, name string, reply *dns.Msg) {
		forged := &dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 300}, A: []byte{192, 0, 2, 66}}
		sig := m.world.Sign("evil.", forged)
		sig.SignerName = name[strings.IndexByte(name, '.')+1:]
		reply.Answer, reply.Rcode = []dns.RR{forged, sig}, dns.RcodeSuccess
	},
	func(m *mixer, name string, reply *dns.Msg) {
		reply.Answer = append(m.other(name).Answer, reply.Answer...)
	},
	func(m *mixer, name string, reply *dns.Msg) {
		for _, rr := range slices.Concat(reply.Answer, reply.Ns) {
			switch rr := rr.(type) {
			case *dns.NSEC:
				rr.TypeBitMap, rr.NextDomain = []uint16{dns.TypeRRSIG, dns.TypeNSEC}, `\000.`+name
			case *dns.NSEC3:
				rr.Flags, rr.Iterations = rr.Flags^1, rr.Iterations+uint16(200*m.random.IntN(2))
			case *dns.RRSIG:
				rr.Labels -= uint8(m.random.IntN(2))
				rr.SignerName = []string{rr.SignerName, "test.", "."}[m.random.IntN(3)]
			}
		}
	},
	func(m *mixer, _ string, reply *dns.Msg) {
		for i, rr := range reply.Answer {
			if unknown := new(dns.RFC3597); !isSignature(rr) && unknown.ToRFC3597(rr) == nil {
				unknown.Rdata = unknown.Rdata[:len(unknown.Rdata)-2*m.random.IntN(2)]
				reply.Answer[i] = unknown
			}
		}
	},
}

func answerOf(reply, other *dns.Msg) *dns.Msg {
	changed := *reply
	changed.Answer, changed.Ns, changed.Rcode = other.Answer, other.Ns, other.Rcode
	return &changed
}

// tamper makes some of the changes, and sends the reply over the wire.
func (m *mixer) tamper(changes []func(*mixer, string, *dns.Msg)) func(dns.Question, *dns.Msg) {
	return func(q dns.Question, reply *dns.Msg) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.random.IntN(100) >= m.percent {
			return
		}
		m.changed++
		*reply = *reply.Copy()
		for range 1 + m.random.IntN(3) {
			changes[m.random.IntN(len(changes))](m, q.Name, reply)
		}
		wire, err := reply.Pack()
		if err != nil {
			reply.Answer, reply.Ns = nil, nil
			return
		}
		if sent, err := wireform.Unpack(wire); err == nil {
			*reply = *sent
		}
	}
}

// said is what an answer says, in one line.
func said(answer *dnssec.Answer, err error) string {
	if err != nil {
		return "error"
	}
	var records []string
	for _, rr := range answer.Records {
		rr.Header().Ttl, rr.Header().Rdlength = 0, 0
		records = append(records, strings.ToLower(rr.String()))
	}
	slices.Sort(records)
	return fmt.Sprintf("%s %s %d %v", answer.Status, answer.Name, answer.RCode, records)
}

// Whatever of the genuine replies an attacker sends in whatever place, with whatever changes,
// and whatever is known from before: an answer is the one of the honest world, or an error.
// What is only more than was asked for, or in another order, makes no difference at all.
func TestMixedReplies(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, mixedZones()...)
	m := &mixer{random: rand.New(rand.NewPCG(1, 2)), world: world, questions: mixedQuestions(), replies: make(map[dns.Question]*dns.Msg)}
	honest := make(map[dns.Question]string)
	secure := 0
	for _, q := range m.questions {
		m.replies[q] = replayed(t, world, q.Name, q.Qtype)
		answer, err := world.Resolver().Lookup(t.Context(), q.Name, q.Qtype)
		if honest[q] = said(answer, err); strings.HasPrefix(honest[q], "secure") {
			secure++
		}
	}
	if secure < len(m.questions)/3 {
		t.Fatalf("%d of %d questions have a secure answer", secure, len(m.questions))
	}
	order := rand.New(rand.NewPCG(3, 4))
	for _, kind := range []struct {
		name    string
		changes []func(*mixer, string, *dns.Msg)
	}{{"harmless", harmless}, {"hostile", slices.Concat(harmless, hostile)}} {
		world.Tamper = m.tamper(kind.changes)
		for round := range 20 {
			resolver := world.Resolver()
			for i := range 60 {
				if i == 0 || i == 20 { // first honest in every other round, so that the caches are warm
					m.mu.Lock()
					m.percent = []int{0, 5, 30, 100}[order.IntN(4)] * min(1, i+round%2)
					m.mu.Unlock()
				}
				q := m.questions[order.IntN(len(m.questions))]
				got := said(resolver.Lookup(t.Context(), q.Name, q.Qtype))
				genuine := got == honest[q] || kind.name == "hostile" &&
					(got == "error" || !strings.HasPrefix(honest[q], "secure") && !strings.HasPrefix(got, "secure"))
				if !genuine {
					t.Errorf("%s: %s %s: %s, want %s", kind.name, q.Name, dns.Type(q.Qtype), got, honest[q])
				}
			}
		}
	}
	if m.changed < 500 {
		t.Errorf("only %d replies were changed", m.changed)
	}
}
