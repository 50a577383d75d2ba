package dnssec_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// validating is a server that validates: what it cannot prove is SERVFAIL.
type validating struct {
	world    *dnssectest.Internet
	resolver *dnssec.Resolver
}

func (v validating) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	question := q.Msg.Question[0]
	answer, err := v.resolver.Lookup(ctx, question.Name, question.Qtype)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	reply, replyErr := v.world.Exchange(ctx, q)
	if replyErr != nil {
		return nil, replyErr
	}
	if err != nil {
		reply.Msg = new(dns.Msg).SetRcode(q.Msg, dns.RcodeServerFailure)
		return reply, nil
	}
	reply.Msg.AuthenticatedData = answer.Status == dnssec.Secure
	return reply, nil
}

func TestTrustADKeepsTheContract(t *testing.T) {
	t.Parallel()
	dnssectest.TestLookup(t, func(t *testing.T, world *dnssectest.Internet) dnssectest.Lookuper {
		return dnssec.TrustAD{Exchanger: validating{world, world.Resolver()}}
	})
}

// The zero TrustAD fails.
func TestZeroTrustAD(t *testing.T) {
	t.Parallel()
	if answer, err := (dnssec.TrustAD{}).Lookup(t.Context(), "example.", dns.TypeMX); err == nil {
		t.Errorf("%+v", answer)
	}
}

// RFC 7672 §2.1.3: it cannot tell which step of an insecure chain is secure.
func TestTrustADDoesNotGuessAliases(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "signed.", Records: "a CNAME b.unsigned."},
		dnssectest.Zone{Name: "unsigned.", Unsigned: true, Records: "b A 192.0.2.1"})
	answer, err := dnssec.TrustAD{Exchanger: validating{world, world.Resolver()}}.Lookup(t.Context(), "a.signed", dns.TypeA)
	if err != nil || answer.Status != dnssec.Insecure || len(answer.Aliases) != 1 || answer.Aliases[0].Status != dnssec.Indeterminate {
		t.Errorf("%+v, %v", answer, err)
	}
}

// unboundAt is a server as Unbound 1.17 is one, which fails on the question for the CNAME record of a name below a
// signed DNAME record.
type unboundAt struct {
	validating
	tree string
}

func (u unboundAt) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	reply, err := u.validating.Exchange(ctx, q)
	if question := q.Msg.Question[0]; err == nil && question.Qtype == dns.TypeCNAME && dns.IsSubDomain(u.tree, question.Name) {
		reply.Msg = new(dns.Msg).SetRcode(q.Msg, dns.RcodeServerFailure)
	}
	return reply, err
}

// RFC 7672 §2.1.3: of a name whose addresses are insecure the status of its alias counts. That of a DNAME record is
// asked for by the record itself, at its owner.
func TestTrustADTellsAliasesByDNAME(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t,
		dnssectest.Zone{Name: "signed.", Records: "tree DNAME unsigned.\nown.tree.of DNAME tree.of\na.tree.of A 192.0.2.2"},
		dnssectest.Zone{Name: "unsigned.", Unsigned: true, Records: "a A 192.0.2.1\na.b A 192.0.2.3\nbranch DNAME b.unsigned.\n_25._tcp.a TLSA 3 1 1 00"},
	)
	server := unboundAt{validating{world, world.Resolver()}, "tree.signed."}
	for _, tt := range []struct {
		name      string
		qtype     uint16
		answer    dnssec.Status
		alias     dnssec.Status
		exchanges int
	}{
		{"a.tree.signed", dns.TypeA, dnssec.Insecure, dnssec.Secure, 2},
		{"_25._tcp.a.tree.signed", dns.TypeTLSA, dnssec.Insecure, dnssec.Secure, 2},
		{"a.tree.signed", dns.TypeMX, dnssec.Insecure, dnssec.Secure, 2}, // which there are none of
		{"a.branch.unsigned", dns.TypeA, dnssec.Insecure, dnssec.Insecure, 2},
		{"a.own.tree.of.signed", dns.TypeA, dnssec.Secure, dnssec.Secure, 1},
	} {
		answer, err := dnssec.TrustAD{Exchanger: server}.Lookup(t.Context(), tt.name, tt.qtype)
		if err != nil || answer.Status != tt.answer || len(answer.Aliases) != 1 || answer.Aliases[0].Status != tt.alias || answer.Aliases[0].Type != dns.TypeDNAME {
			t.Errorf("%s: %+v, %v", tt.name, answer, err)
			continue
		}
		if n := len(answer.Exchanges()); n != tt.exchanges {
			t.Errorf("%s: %d queries, want %d", tt.name, n, tt.exchanges)
		}
	}
}

// Mock resolvers often look names up as they are written, and say of others that they do
// not exist, with AD. That must not pass for a domain without DANE.
func TestTrustADAsksInLowerCase(t *testing.T) {
	t.Parallel()
	const name = "_25._tcp.a-name-with-so-many-letters-that-chance-does-not-write-it-so.test."
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	record := parseRR(t, name+" 60 TLSA 3 1 1 00")
	started := make(chan struct{})
	server := &dns.Server{PacketConn: conn, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		reply := new(dns.Msg).SetRcode(query, dns.RcodeNameError)
		reply.AuthenticatedData = true
		if query.Question[0].Name == name {
			reply.Rcode = dns.RcodeSuccess
			reply.Answer = []dns.RR{record}
		}
		w.WriteMsg(reply)
	})}
	go server.ActivateAndServe() // ends with the test
	<-started
	t.Cleanup(func() { server.Shutdown() })
	for _, asked := range []string{name, strings.ToUpper(name)} {
		answer, err := dnssec.TrustAD{Exchanger: &upstream.Client{Address: conn.LocalAddr().String()}}.Lookup(t.Context(), asked, dns.TypeTLSA)
		if err != nil || answer.Status != dnssec.Secure || answer.RCode != dns.RcodeSuccess || len(answer.Records) != 1 {
			t.Errorf("%s: %+v, %v", asked, answer, err)
		}
	}
}

// A record without a wire form fails the lookup; it is not taken for absent.
func TestMalformedRecordIsNotAbsent(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ A 192.0.2.1\nalias CNAME @"})
	world.Tamper = func(_ dns.Question, reply *dns.Msg) {
		for _, rr := range reply.Answer {
			switch rr := rr.(type) {
			case *dns.A:
				rr.A = []byte{1, 2, 3}
			case *dns.CNAME:
				rr.Target = "a..b."
			}
		}
	}
	ad := dnssec.TrustAD{Exchanger: alwaysAD{world}}
	for _, name := range []string{"test.", "alias.test."} {
		for label, resolver := range map[string]dnssectest.Lookuper{"TrustAD": ad, "Resolver": world.Resolver()} {
			if answer, err := resolver.Lookup(t.Context(), name, dns.TypeA); err == nil {
				t.Errorf("%s, %s: %+v", label, name, answer)
			}
		}
	}
}

// alwaysAD is a server that claims to have validated everything.
type alwaysAD struct{ *dnssectest.Internet }

func (e alwaysAD) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	reply, err := e.Internet.Exchange(ctx, q)
	if err == nil {
		reply.Msg.AuthenticatedData = true
	}
	return reply, err
}
