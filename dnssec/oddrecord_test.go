package dnssec_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// odd is a record with any octets as its RDATA (RFC 3597 §5).
func odd(owner string, rrtype uint16, rdata string) dns.RR {
	return &dns.RFC3597{Hdr: dns.RR_Header{Name: owner, Rrtype: rrtype, Class: dns.ClassINET, Ttl: 300}, Rdata: fmt.Sprintf("%x", rdata)}
}

// What is verified are the octets that came, not what they are taken for. A record that
// is not as its type wants it costs neither the set, which is as secure as any, nor the
// message; it comes as one of unknown form.
func TestOddRecords(t *testing.T) {
	t.Parallel()
	const www = "www.test."
	for _, tt := range []struct {
		name    string
		records []dns.RR // of www.test., which the zone signs
	}{
		{"TLSA of two octets beside a good one", []dns.RR{parseRR(t, "www.test. 300 IN TLSA 3 1 1 aabb"), odd(www, dns.TypeTLSA, "\x03\x01")}},
		{"TLSA of two octets", []dns.RR{odd(www, dns.TypeTLSA, "\x03\x01")}},
		{"TLSA without octets", []dns.RR{odd(www, dns.TypeTLSA, "")}},
		{"A of three octets", []dns.RR{parseRR(t, "www.test. 300 IN A 192.0.2.1"), odd(www, dns.TypeA, "\xC0\x00\x02")}},
		{"AAAA of four octets", []dns.RR{odd(www, dns.TypeAAAA, "\xC0\x00\x02\x01")}},
		{"MX without a name", []dns.RR{parseRR(t, "www.test. 300 IN MX 10 Mail.test."), odd(www, dns.TypeMX, "\x00\x0a")}},
		{"MX with an octet more", []dns.RR{odd(www, dns.TypeMX, "\x00\x0a\x04mail\x00\x00")}},
		{"TXT whose string is too long", []dns.RR{parseRR(t, `www.test. 300 IN TXT "good"`), odd(www, dns.TypeTXT, "\x03ab")}},
		{"CAA of one octet", []dns.RR{odd(www, dns.TypeCAA, "\x80")}},
		{"SVCB whose keys descend", []dns.RR{odd(www, dns.TypeSVCB, "\x00\x01\x00\x00\x03\x00\x02\x01\xbb\x00\x01\x00\x03\x02h2")}},
		{"APL with an octet that is 0", []dns.RR{odd(www, dns.TypeAPL, "\x00\x01\x08\x02\x0a\x00")}},
		{"SOA without numbers", []dns.RR{odd(www, dns.TypeSOA, "\x00\x00")}},
		{"NAPTR with capital letters, which are signed small", []dns.RR{parseRR(t, `www.test. 300 IN NAPTR 1 2 "S" "A" "" Host.Test.`)}},
		{"LOC of one octet", []dns.RR{odd(www, dns.TypeLOC, "\x00")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "www A 192.0.2.2"})
			qtype := tt.records[0].Header().Rrtype
			set := append(slices.Clone(tt.records), world.Sign("test.", tt.records...))
			world.Tamper = func(q dns.Question, reply *dns.Msg) {
				if q.Name == www && q.Qtype == qtype {
					reply.Answer, reply.Ns = set, nil
				}
			}
			check := func(name string, exchanger upstream.Exchanger) {
				resolver := &dnssec.Resolver{Exchanger: exchanger, Anchors: world.Anchors()}
				answer, err := resolver.Lookup(t.Context(), www, qtype)
				if err != nil || answer.Status != dnssec.Secure || len(answer.Records) != len(tt.records) {
					t.Errorf("%s: %+v, %v", name, answer, err)
					return
				}
				for i, record := range answer.Records {
					_, sent := tt.records[i].(*dns.RFC3597)
					if _, got := record.(*dns.RFC3597); got != sent || record.Header().Rrtype != qtype {
						t.Errorf("%s: %T for %v", name, record, tt.records[i])
					}
				}
			}
			for name, exchanger := range exchangers(t, world) {
				recorder := &upstream.Recorder{Exchanger: exchanger}
				check(name, recorder)
				check(name+", recorded", recorder.Recording())
			}
		})
	}
}

// exchangers are the ways to a world: without a network, and through transports that read
// octets.
func exchangers(t *testing.T, world *dnssectest.Internet) map[string]upstream.Exchanger {
	t.Helper()
	address, err := world.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]upstream.Exchanger{
		"a fake": world, "UDP": &upstream.Client{Address: address}, "TCP": &upstream.Client{Address: "tcp://" + address},
	}
}

// One octet that is another one is seen, though the form of the type would not hold it.
func TestOddRecordIsChanged(t *testing.T) {
	t.Parallel()
	header := dns.RR_Header{Name: "www.test.", Rrtype: dns.TypeTLSA, Class: dns.ClassINET, Ttl: 300}
	for _, pair := range [][2]dns.RR{
		{odd("www.test.", dns.TypeTLSA, "\x03\x01"), odd("www.test.", dns.TypeTLSA, "\x03\x01\x00")},
		{odd("www.test.", dns.TypeTLSA, "\x03\x01"), &dns.TLSA{Hdr: header, Usage: 3, Selector: 1}},
		{odd("www.test.", dns.TypeTLSA, ""), &dns.TLSA{Hdr: header}},
		{odd("www.test.", dns.TypeAPL, "\x00\x01\x08\x02\x0a\x00"), odd("www.test.", dns.TypeAPL, "\x00\x01\x08\x01\x0a")},
		{parseRR(t, "www.test. 300 IN A 192.0.2.1"), odd("www.test.", dns.TypeA, "\xC0\x00\x02\x01\x00")},
	} {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test."})
		sig := world.Sign("test.", pair[0])
		qtype := pair[0].Header().Rrtype
		world.Tamper = func(q dns.Question, reply *dns.Msg) {
			if q.Name == "www.test." && q.Qtype == qtype {
				reply.Answer, reply.Ns, reply.Rcode = []dns.RR{pair[1], sig}, nil, dns.RcodeSuccess
			}
		}
		for name, exchanger := range exchangers(t, world) {
			resolver := &dnssec.Resolver{Exchanger: exchanger, Anchors: world.Anchors()}
			if answer, err := resolver.Lookup(t.Context(), "www.test.", qtype); err == nil || answer.Status != dnssec.Bogus {
				t.Errorf("%s: %v, signed as %v: %+v", name, pair[1], pair[0], answer)
			}
		}
	}
}

// Odd records in the chain: keys and DS records that say nothing, and denials whose type
// bitmaps have octets that they should not have (RFC 4034 §4.1.2).
func TestOddRecordsInTheChain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, question string
		tamper         func(world *dnssectest.Internet, q dns.Question, reply *dns.Msg)
	}{
		{"a key of two octets", "www.test. A", func(world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
			if q.Qtype == dns.TypeDNSKEY && q.Name == "test." {
				set := append(reply.Answer[:1:1], odd("test.", dns.TypeDNSKEY, "\x01\x01"))
				reply.Answer = append(set, world.Sign("test.", set...))
			}
		}},
		{"a DS record of three octets", "www.test. A", func(world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
			if q.Qtype == dns.TypeDS && q.Name == "test." {
				set := append(reply.Answer[:1:1], odd("test.", dns.TypeDS, "\x01\x01\x08"))
				reply.Answer = append(set, world.Sign(".", set...))
			}
		}},
		{"an NSEC record with an octet of no types", "www.test. MX", func(world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
			if q.Qtype == dns.TypeMX {
				set := odd("www.test.", dns.TypeNSEC, "\x04test\x00\x00\x07\x40\x00\x00\x00\x00\x03\x00")
				reply.Ns = []dns.RR{set, world.Sign("test.", set)}
			}
		}},
		{"an NSEC record with a block of no types", "www.test. MX", func(world *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
			if q.Qtype == dns.TypeMX {
				set := odd("www.test.", dns.TypeNSEC, "\x04test\x00\x00\x06\x40\x00\x00\x00\x00\x03\x01\x00")
				reply.Ns = []dns.RR{set, world.Sign("test.", set)}
			}
		}},
		{"a signature without a signer, and records in other sections", "www.test. A", func(_ *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
			reply.Answer = append(reply.Answer, odd(q.Name, dns.TypeRRSIG, "\x00\x01"))
			reply.Ns = append(reply.Ns, odd("other.", dns.TypeNS, "\xC0"), odd("other.", dns.TypeNSEC, "\x01"), odd("other.", dns.TypeSOA, ""))
			reply.Extra = append(reply.Extra, odd("other.", dns.TypeA, "\x01"), odd("other.", dns.TypeSVCB, "\x00"))
		}},
		{"options that are none", "www.test. A", func(_ *dnssectest.Internet, q dns.Question, reply *dns.Msg) {
			if opt := reply.IsEdns0(); opt != nil {
				opt.Option = append(opt.Option, &dns.EDNS0_LOCAL{Code: dns.EDNS0EDE, Data: []byte{0}}, &dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: []byte{0, 9, 8, 0}})
			}
		}},
	} {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "www A 192.0.2.2"})
		world.Tamper = func(q dns.Question, reply *dns.Msg) { tt.tamper(world, q, reply) }
		for name, exchanger := range exchangers(t, world) {
			resolver := &dnssec.Resolver{Exchanger: exchanger, Anchors: world.Anchors()}
			answer, err := lookupBy(t.Context(), resolver, tt.question)
			if err != nil || answer.Status != dnssec.Secure {
				t.Errorf("%s, %s: %+v, %v", tt.name, name, answer, err)
				continue
			}
			if _, err := answer.AuthenticationChain(); err != nil {
				t.Errorf("%s, %s: %v", tt.name, name, err)
			}
		}
	}
}

// An odd denial that nobody signed, or somebody else, proves nothing.
func TestOddDenialIsForged(t *testing.T) {
	t.Parallel()
	forged := odd("www.test.", dns.TypeNSEC, "\x04test\x00\x00\x07\x00\x00\x00\x00\x00\x03\x00")
	for name, forge := range map[string]func(world *dnssectest.Internet, reply *dns.Msg){
		"without a signature": func(_ *dnssectest.Internet, reply *dns.Msg) { reply.Ns = []dns.RR{forged} },
		"with a signature of another zone": func(world *dnssectest.Internet, reply *dns.Msg) {
			reply.Ns = signedAs(world, "test.", forged)
		},
		"with the signature of another record": func(world *dnssectest.Internet, reply *dns.Msg) {
			reply.Ns = []dns.RR{forged, world.Sign("test.", parseRR(t, "www.test. 300 IN NSEC test. RRSIG NSEC"))}
		},
		"beside a good one": func(world *dnssectest.Internet, reply *dns.Msg) {
			good := parseRR(t, "test. 300 IN NSEC www.test. NS SOA RRSIG NSEC DNSKEY")
			reply.Ns = []dns.RR{forged, good, world.Sign("test.", good)}
		},
	} {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "www A 192.0.2.2"}, dnssectest.Zone{Name: "evil.test."})
		world.Tamper = func(q dns.Question, reply *dns.Msg) {
			if q.Name == "www.test." && q.Qtype == dns.TypeA {
				reply.Answer = nil
				forge(world, reply)
			}
		}
		for transport, exchanger := range exchangers(t, world) {
			resolver := &dnssec.Resolver{Exchanger: exchanger, Anchors: world.Anchors()}
			if answer, err := lookupBy(t.Context(), resolver, "www.test. A"); err == nil || answer.Status != dnssec.Bogus {
				t.Errorf("%s, %s: %+v", name, transport, answer)
			}
		}
	}
}

// A delegation is insecure where it is signed with algorithms or digests that are not
// supported (RFC 4035 §5.2), and not because a DS record cannot be read.
func TestUnreadableDelegation(t *testing.T) {
	t.Parallel()
	short := odd("test.", dns.TypeDS, "\x01\x01\x08")
	for _, tt := range []struct {
		name   string
		change func(ds *dns.DS) []dns.RR
		status dnssec.Status
	}{
		{"three octets", func(*dns.DS) []dns.RR { return []dns.RR{short} }, dnssec.Bogus},
		{"no octets", func(*dns.DS) []dns.RR { return []dns.RR{odd("test.", dns.TypeDS, "")} }, dnssec.Bogus},
		{"three octets beside an unknown digest", func(ds *dns.DS) []dns.RR {
			ds.DigestType = 200
			return []dns.RR{ds, short}
		}, dnssec.Bogus},
		{"an unknown digest", func(ds *dns.DS) []dns.RR {
			ds.DigestType = 200
			return []dns.RR{ds}
		}, dnssec.Insecure},
		{"a good one beside three octets", func(ds *dns.DS) []dns.RR { return []dns.RR{ds, short} }, dnssec.Secure},
	} {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "www A 192.0.2.2"})
		world.Tamper = func(q dns.Question, reply *dns.Msg) {
			if q.Qtype == dns.TypeDS && q.Name == "test." {
				set := tt.change(dns.Copy(reply.Answer[0]).(*dns.DS))
				reply.Answer = append(set, world.Sign(".", set...))
			}
		}
		for name, exchanger := range exchangers(t, world) {
			resolver := &dnssec.Resolver{Exchanger: exchanger, Anchors: world.Anchors()}
			if answer, err := lookupBy(t.Context(), resolver, "www.test. A"); answer.Status != tt.status {
				t.Errorf("%s, %s: %+v, %v", tt.name, name, answer, err)
			}
		}
	}
	// Whoever hands on replies in another form has no say in the status.
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "www A 192.0.2.2"})
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		if q.Qtype == dns.TypeDS && q.Name == "test." {
			unknown := new(dns.RFC3597)
			if err := unknown.ToRFC3597(reply.Answer[0]); err != nil {
				t.Error(err)
			}
			reply.Answer[0] = unknown
		}
	}
	if answer, err := lookup(t, world, "www.test. A"); answer.Status != dnssec.Bogus {
		t.Errorf("in unknown form: %+v, %v", answer, err)
	}
}
