package gather

import (
	"context"
	"encoding/hex"
	"net"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/examples/embed/internal/embedtest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// own stands for the functions of the mail server.
type own struct{ resolver *dnssec.Resolver }

func (o own) lookup(ctx context.Context, name string, qtype uint16) ([]dns.RR, bool, error) {
	answer, err := o.resolver.Lookup(ctx, name, qtype)
	if err != nil {
		return nil, false, err
	}
	if len(answer.Records) == 0 {
		err = &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return answer.Records, answer.Status == dnssec.Secure, err
}

func (o own) LookupMX(ctx context.Context, name string) (mx []*net.MX, authentic bool, err error) {
	records, authentic, err := o.lookup(ctx, name, dns.TypeMX)
	for _, rr := range records {
		mx = append(mx, &net.MX{Pref: rr.(*dns.MX).Preference, Host: rr.(*dns.MX).Mx})
	}
	return mx, authentic, err
}

func (o own) LookupCNAME(ctx context.Context, host string) (string, bool, error) {
	records, authentic, err := o.lookup(ctx, host, dns.TypeCNAME)
	if err != nil {
		return "", authentic, err
	}
	return records[0].(*dns.CNAME).Target, authentic, nil
}

func (o own) LookupIP(ctx context.Context, network, host string) (ips []net.IP, authentic bool, err error) {
	qtype := dns.TypeA
	if network == "ip6" {
		qtype = dns.TypeAAAA
	}
	records, authentic, err := o.lookup(ctx, host, qtype)
	for _, rr := range records {
		switch rr := rr.(type) {
		case *dns.A:
			ips = append(ips, rr.A)
		case *dns.AAAA:
			ips = append(ips, rr.AAAA)
		}
	}
	return ips, authentic, err
}

func (o own) LookupTLSA(ctx context.Context, port int, protocol, host string) (out []TLSA, authentic bool, err error) {
	if port != 25 || protocol != "tcp" {
		return nil, false, &net.DNSError{Err: "another port", Name: host}
	}
	records, authentic, err := o.lookup(ctx, "_25._tcp."+host, dns.TypeTLSA)
	for _, rr := range records {
		r := rr.(*dns.TLSA)
		data, err := hex.DecodeString(r.Certificate)
		if err != nil {
			return nil, false, err
		}
		out = append(out, TLSA{r.Usage, r.Selector, r.MatchingType, data})
	}
	return out, authentic, err
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	embedtest.Outcomes(t, internet, NewVerifier(own{internet.DNS.Resolver()}))
}

// A host whose name is an alias is authenticated by the records of either name, and an alias
// that is secure is enough where what it leads to is not (RFC 7672 §2.1.3).
func TestAliases(t *testing.T) {
	t.Parallel()
	const digest = " TLSA 3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
	noTLS := func(s *smtptest.Server) { s.NoStartTLS = true }
	internet := danetest.New(t,
		danetest.Domain{Name: "hoster.example", Hosts: []danetest.Host{{Name: "mx", TLSA: []string{"3 1 1"}, Server: noTLS}}},
		danetest.Domain{Name: "unsigned.example", Hosts: []danetest.Host{{Name: "mx", Server: noTLS}}, Zone: dnssectest.Zone{Unsigned: true}},
		danetest.Domain{Name: "to-signed.example", Outcome: dane.OutcomeFailure, Zone: dnssectest.Zone{Records: "@ MX 10 mail\nmail CNAME mx.hoster.example."}},
		danetest.Domain{Name: "to-unsigned.example", Outcome: dane.OutcomeFailure, Zone: dnssectest.Zone{Records: "@ MX 10 mail\nmail CNAME mx.unsigned.example.\n_25._tcp.mail" + digest}},
		danetest.Domain{Name: "none.example", Outcome: dane.OutcomeNone, Zone: dnssectest.Zone{Records: "@ MX 10 mail\nmail CNAME mx.unsigned.example."}},
		danetest.Domain{Name: "loop.example", Outcome: dane.OutcomeFailure, Zone: dnssectest.Zone{Records: "@ MX 10 mail\nmail CNAME mail"}},
	)
	internet.Domains = internet.Domains[2:]
	embedtest.Outcomes(t, internet, NewVerifier(own{internet.DNS.Resolver()}))
	embedtest.Outcomes(t, internet, internet.Verifier())
}
