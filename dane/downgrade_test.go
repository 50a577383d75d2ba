package dane_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// An attacker forges the MX record of an unsigned domain. His own host is signed, has TLSA
// records, and matches them, so DANE proves that it is his.
func TestForgedInsecureMX(t *testing.T) {
	t.Parallel()
	victim := danetest.Domain{Name: "victim.example", Zone: dnssectest.Zone{Unsigned: true, Records: "@ MX 10 mail.attacker.example."}}
	for _, tt := range []struct {
		name  string
		level dane.TLSLevel
		// names in the certificate of the attacker's host
		names []string
		tlsa  string
		sent  string
	}{
		{"a certificate for the domain is demanded, and he has none", dane.TLSRequiredVerifyHosted, []string{"mail.attacker.example"}, "3 1 1", ""},
		{"with unusable records neither", dane.TLSRequiredVerifyHosted, []string{"mail.attacker.example"}, "0 0 1", ""},
		{"one of the domain's own is enough, with DANE", dane.TLSRequiredVerifyHosted, []string{"victim.example"}, "3 1 1", "verified"},
		{"and DANE is demanded beside it", dane.TLSRequiredVerifyHosted, []string{"victim.example"}, otherKey, ""},
		{"a certificate for the host is demanded, and he has one", dane.TLSRequiredVerify, []string{"mail.attacker.example"}, "3 1 1", "verified"},
		{"one for another name is none", dane.TLSRequiredVerify, []string{"other.attacker.example"}, "3 1 1", ""},
		{"any TLS is enough, and DANE is more", dane.TLSRequired, []string{"mail.attacker.example"}, "3 1 1", "TLS"},
		{"any TLS is enough, and DANE fails", dane.TLSRequired, []string{"mail.attacker.example"}, otherKey, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			internet := danetest.New(t, victim, danetest.Domain{Name: "attacker.example", Hosts: []danetest.Host{
				{Name: "mail", TLSA: []string{tt.tlsa}, Certificate: tlsatest.Leaf{Names: tt.names}}}})
			v := internet.Verifier()
			v.RootCAs = internet.CA.Pool()
			v.Policy = policy(t, dane.Profile{TLS: tt.level, UseInsecureMX: true})
			d, err := v.LookupMX(t.Context(), "victim.example")
			if err != nil {
				t.Fatal(err)
			}
			h := v.LookupHost(t.Context(), d, d.MX[0])
			if got := send(t, internet, h); got != tt.sent {
				t.Errorf("sent %q, want %q (%s, PKIX %q)", got, tt.sent, h.Action, h.PKIX)
			}
			if !h.MTASTS {
				t.Error("RFC 8461 §2: a forged MX record switches MTA-STS off")
			}
			result, err := checker(v).Verify(t.Context(), "victim.example")
			if err != nil || result.Outcome == dane.OutcomeSuccess || result.MTASTS != (result.Outcome == dane.OutcomeNone) {
				t.Errorf("%v: outcome %s, MTA-STS %v", err, result.Outcome, result.MTASTS)
			}
		})
	}
}

const otherKey = "3 1 1 " + digest

// Whoever walks MX records himself makes his own Domain. What he leaves out, or takes from a
// lookup that has failed, must not open the door (RFC 7672 §2.1.2).
func TestHandMadeDomains(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	v := internet.Verifier()
	_, bogus := v.LookupMX(t.Context(), "bogus.example")
	failed, _ := errors.AsType[*dnssec.Error](bogus)
	mail := dane.MX{Host: "mail.good.example"}
	for _, tt := range []struct {
		name   string
		domain *dane.Domain
		mx     dane.MX
		action dane.Action
		cause  error
	}{
		{"nil", nil, mail, dane.Skip, dane.ErrName},
		{"zero", &dane.Domain{}, mail, dane.Skip, dane.ErrName},
		{"without a name", &dane.Domain{Status: dnssec.Secure}, mail, dane.Skip, dane.ErrName},
		{"without a status", &dane.Domain{Name: "good.example"}, mail, dane.Skip, dane.ErrLookup},
		{"bogus", &dane.Domain{Name: "good.example", Status: dnssec.Bogus}, mail, dane.Skip, dane.ErrLookup},
		{"routed, without a status", &dane.Domain{Name: "good.example", Routed: true}, mail, dane.Skip, dane.ErrLookup},
		{"with a status that does not exist", &dane.Domain{Name: "good.example", Status: dnssec.Secure + 1}, mail, dane.Skip, dane.ErrLookup},
		{"insecure by a lookup that has failed", &dane.Domain{Name: "good.example", Status: dnssec.Insecure, Lookup: dane.Lookup{Err: failed}}, mail, dane.Skip, failed},
		{"with a host that is none", &dane.Domain{Name: "good.example", Status: dnssec.Secure}, dane.MX{}, dane.Skip, dane.ErrName},
		{"with the host of a null MX", &dane.Domain{Name: "good.example", Status: dnssec.Secure}, dane.MX{Host: "."}, dane.Skip, dane.ErrName},
		{"insecure", &dane.Domain{Name: "good.example", Status: dnssec.Insecure}, mail, dane.MayEncrypt, nil},
		{"secure", &dane.Domain{Name: "good.example", Status: dnssec.Secure}, mail, dane.MustAuthenticate, nil},
		{"with names as the DNS has them", &dane.Domain{Name: "Good.Example.", Status: dnssec.Secure}, dane.MX{Host: "Mail.Good.example."}, dane.MustAuthenticate, nil},
	} {
		h := v.LookupHost(t.Context(), tt.domain, tt.mx)
		if h.Action != tt.action || !errors.Is(h.Err, tt.cause) || (tt.action == dane.Skip) != (len(h.Addrs) == 0) {
			t.Errorf("%s: %s, %v, %v", tt.name, h.Action, h.Err, h.Addrs)
		}
		if got, want := send(t, internet, addressed(h)), map[dane.Action]string{dane.Skip: "", dane.MayEncrypt: "TLS", dane.MustAuthenticate: "TLS"}[tt.action]; got != want {
			t.Errorf("%s: sent %q, want %q", tt.name, got, want)
		}
		for _, name := range h.Names {
			if name == "" {
				t.Errorf("%s: an empty name among %q", tt.name, h.Names)
			}
		}
	}
}

// addressed is a host that a careless sender connects to anyway.
func addressed(h *dane.Host) *dane.Host {
	own := *h
	if len(own.Addrs) == 0 {
		own.Addrs = append(own.Addrs, firstAddr)
	}
	return &own
}

// A naive resolver over the AD bit, or a fake, breaks the contract of dnssec.Answer. What it
// says of TLSA records is then never "none" (RFC 7672 §2.1.2).
func TestResolversThatBreakTheContract(t *testing.T) {
	t.Parallel()
	for _, rcode := range []int{dns.RcodeServerFailure, dns.RcodeRefused, dns.RcodeFormatError, dns.RcodeNotImplemented, dns.RcodeNotAuth, 4095} {
		for _, status := range []dnssec.Status{dnssec.Secure, dnssec.Insecure} {
			testBrokenContract(t, dns.RcodeToString[rcode]+" is "+status.String(), func(a *dnssec.Answer) { a.RCode, a.Status = rcode, status })
		}
	}
	testBrokenContract(t, "an unknown status", func(a *dnssec.Answer) { a.Status = dnssec.Secure + 1 })
	testBrokenContract(t, "secure by an insecure step", func(a *dnssec.Answer) {
		a.Aliases = []dnssec.Alias{{Name: a.Name, Target: "other.example.", Type: dns.TypeCNAME, Status: dnssec.Insecure}}
	})
	testBrokenContract(t, "insecure by a bogus step", func(a *dnssec.Answer) {
		a.Status = dnssec.Insecure
		a.Aliases = []dnssec.Alias{{Name: a.Name, Target: "other.example.", Type: dns.TypeCNAME, Status: dnssec.Bogus}}
	})
	testBrokenContract(t, "a record that is nil", func(a *dnssec.Answer) { a.Records = []dns.RR{nil} })
	testBrokenContract(t, "a name that does not exist, with records", func(a *dnssec.Answer) {
		rr, err := dns.NewRR("x. TLSA 0 0 1 " + digest)
		if err != nil {
			t.Fatal(err)
		}
		a.RCode, a.Records = dns.RcodeNameError, []dns.RR{rr}
	})
}

// A resolver that returns the alias at the TLSA name, and not what is behind it, has not said
// that there are no TLSA records; neither for this name nor for the next candidate.
func TestAnswerWithoutTLSARecord(t *testing.T) {
	t.Parallel()
	script := parseScript("example.org MX secure 10 mx.example.org.\nmx.example.org A secure 192.0.2.1\n_25._tcp.mx.example.org TLSA secure 3 1 1 " + digest)
	v := &dane.Verifier{Resolver: contractBreaker{script, dns.TypeTLSA, func(a *dnssec.Answer) {
		a.Records = []dns.RR{&dns.CNAME{Hdr: dns.RR_Header{Name: a.Name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET}, Target: "tlsa.example.net."}}
	}}}
	result, err := checker(v).Plan(t.Context(), "example.org")
	if err != nil || result.Outcome != dane.OutcomeFailure || !errors.Is(result.Err, dane.ErrLookup) || result.Permanent() {
		t.Errorf("outcome %s, %v, %v", result.Outcome, result.Err, err)
	}
}

func testBrokenContract(t *testing.T, name string, breaks func(*dnssec.Answer)) {
	for _, qtype := range []uint16{dns.TypeTLSA, dns.TypeA, dns.TypeMX} {
		script := parseScript("example.org MX secure 10 mx.example.org.\nmx.example.org A secure 192.0.2.1\n_25._tcp.mx.example.org TLSA secure 3 1 1 " + digest)
		v := &dane.Verifier{Resolver: contractBreaker{script, qtype, breaks}}
		result, err := checker(v).Plan(t.Context(), "example.org")
		if err != nil || result.Outcome != dane.OutcomeFailure || result.Permanent() {
			t.Errorf("%s %s: outcome %s, permanent %v, %v", name, dns.Type(qtype), result.Outcome, result.Permanent(), err)
		}
		for _, l := range result.Lookups() {
			if l.Type == qtype && (l.Err == nil || l.Status == dnssec.Secure || l.Status == dnssec.Insecure) {
				t.Errorf("%s %s: %s, %v", name, dns.Type(qtype), l.Status, l.Err)
			}
		}
	}
}

type contractBreaker struct {
	dane.Resolver
	qtype  uint16
	breaks func(*dnssec.Answer)
}

func (c contractBreaker) Lookup(ctx context.Context, name string, qtype uint16) (*dnssec.Answer, error) {
	answer, err := c.Resolver.Lookup(ctx, name, qtype)
	if qtype == c.qtype {
		answer.Records = nil // as of an answer that says nothing
		c.breaks(answer)
	}
	return answer, err
}

// RFC 7672 §3.1.1: DANE-EE needs no reference identifier, so that one that no certificate can
// have does no harm.
func TestAliasToNoHostName(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t,
		danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{Records: `www CNAME no\032host.b.example.`}},
		danetest.Domain{Name: "b.example", Zone: dnssectest.Zone{Records: `no\032host MX 10 mail`}, Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}})
	result, err := internet.Checker().Verify(t.Context(), "www.a.example")
	if err != nil || result.Outcome != dane.OutcomeSuccess || result.Domain.Expanded == "www.a.example" {
		t.Errorf("%v\n%s", err, result)
	}
}

// RFC 6066 §3: an alias of a host may lead to a name that is no host's. It is not sent as SNI,
// whatever the records demand.
func TestHostAliasToNoHostName(t *testing.T) {
	t.Parallel()
	for _, record := range []string{"3 1 1", "0 0 1"} {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{record}}},
			Zone: dnssectest.Zone{Records: `mx CNAME no\032host
no\032host A 192.0.2.1
_25._tcp.no\032host CNAME _25._tcp.mail`}})
		h := internet.Verifier().LookupHost(t.Context(), &dane.Domain{Name: "a.example", Status: dnssec.Secure}, dane.MX{Host: "mx.a.example"})
		session, err := (&smtpprobe.Prober{Dial: internet.Dial}).Probe(t.Context(), "192.0.2.1:25", h.TLSConfig(nil))
		if err != nil || h.Base != `no\ host.a.example` || session.TLS.ServerName != "" {
			t.Errorf("TLSA %s: %s %q, %v, %v; SNI %q", record, h.Action, h.Base, h.Err, err, h.TLSConfig(nil).ServerName)
		}
	}
}

// One name is sent as SNI, and demanded of the certificate that answers it.
func TestOneBaseDomain(t *testing.T) {
	t.Parallel()
	for _, record := range []string{"0 0 1", "3 1 1", ""} {
		for _, level := range []dane.TLSLevel{dane.TLSPreferredVerify, dane.TLSRequiredVerify} {
			for _, unsigned := range []bool{false, true} {
				host := danetest.Host{Name: "mail", Certificate: tlsatest.Leaf{Names: []string{"mail.b.example", "mx.a.example"}}}
				if record != "" {
					host.TLSA = []string{record}
				}
				internet := danetest.New(t,
					danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{Records: "@ MX 10 mx.c.example.", Unsigned: unsigned}},
					danetest.Domain{Name: "c.example", Zone: dnssectest.Zone{Records: "mx CNAME mail.b.example."}},
					danetest.Domain{Name: "b.example", Hosts: []danetest.Host{host}})
				v := internet.Verifier()
				v.Policy = policy(t, dane.Profile{TLS: level, UseInsecureMX: true})
				d, err := v.LookupMX(t.Context(), "a.example")
				if err != nil {
					t.Fatal(err)
				}
				h := v.LookupHost(t.Context(), d, d.MX[0])
				if h.PKIX != "" && h.PKIX != h.Base || h.PKIX == "" && h.Base != "mail.b.example" || h.TLSConfig(nil).ServerName != h.Base {
					t.Errorf("TLSA %q, %s, unsigned %v: %s, SNI %q, PKIX %q", record, level, unsigned, h.Action, h.Base, h.PKIX)
				}
			}
		}
	}
}

// RFC 1035 §3.1: below a host name of more than 244 octets there is no room for _25._tcp, so
// that nobody can have published TLSA records there.
func TestHostTooLongForTLSA(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("x", 60)
	long := strings.Join([]string{label, label, label, label}, ".") // 243 octets with its dots, before the zone
	for cut, want := range map[int]dane.Action{0: dane.MustAuthenticate, 1: dane.MayEncrypt} {
		host := long[:244-len(".org")+cut] + ".org"
		script := parseScript("example.org MX secure 10 " + host + ".\n" + host + " A secure 192.0.2.1\n_25._tcp." + host + " TLSA secure 3 1 1 " + digest)
		result, err := checker(&dane.Verifier{Resolver: script}).Plan(t.Context(), "example.org")
		if err != nil || result.Hosts[0].Action != want || result.Hosts[0].Err != nil {
			t.Errorf("%d octets: %s, %v, %v", len(host), result.Hosts[0].Action, result.Hosts[0].Err, err)
		}
	}
}
