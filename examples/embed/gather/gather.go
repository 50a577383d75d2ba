// Package gather makes a Verifier for a mail server that has lookup functions of its own, which
// return values, and with them whether these are authentic.
package gather

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A Lookuper is what the mail server has. Authentic is true only for what has been validated, by
// itself or by a resolver on the same machine. What does not exist is a *net.DNSError with
// IsNotFound, authentic or not; what does not validate is another error.
type Lookuper interface {
	LookupMX(ctx context.Context, name string) (mx []*net.MX, authentic bool, err error)
	LookupCNAME(ctx context.Context, host string) (target string, authentic bool, err error) // one step
	LookupIP(ctx context.Context, network, host string) (ips []net.IP, authentic bool, err error)
	LookupTLSA(ctx context.Context, port int, protocol, host string) (records []TLSA, authentic bool, err error)
}

// A TLSA record as the mail server has it.
type TLSA struct {
	Usage, Selector, MatchType uint8
	CertAssoc                  []byte
}

// NewVerifier returns a Verifier that asks by l.
func NewVerifier(l Lookuper) *dane.Verifier {
	return &dane.Verifier{Resolver: dnssec.TrustAD{Exchanger: gatherer{l}}}
}

// A gatherer answers as a validating resolver would, with the AD bit.
type gatherer struct{ Lookuper }

// Exchange says SERVFAIL where a function has failed, as a resolver would.
func (g gatherer) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	a := &answer{new(dns.Msg).SetReply(q.Msg), q.Msg.Question[0].Name}
	a.msg.AuthenticatedData = true
	reply := &upstream.Reply{Msg: a.msg, Server: "the mail server's own"}
	err := g.ask(ctx, a, q.Msg.Question[0].Qtype)
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		return nil, cmp.Or(ctx.Err(), err)
	}
	if err != nil {
		reply.Msg, reply.PassedOver = new(dns.Msg).SetRcode(q.Msg, dns.RcodeServerFailure), []error{err}
	}
	return reply, nil
}

// ask follows aliases for addresses, since the TLSA records of a host whose name is an alias may
// be at its other name (RFC 7672 §2.2.2). Other records are those of the name itself.
func (g gatherer) ask(ctx context.Context, a *answer, qtype uint16) error {
	const maxAliases = 8
	for n := 0; qtype == dns.TypeA || qtype == dns.TypeAAAA || qtype == dns.TypeCNAME; n++ {
		target, authentic, err := g.LookupCNAME(ctx, a.name)
		var alias []dns.RR
		if err == nil && target != "" {
			alias = []dns.RR{&dns.CNAME{Target: dns.Fqdn(target)}}
		}
		if err := a.take(dns.TypeCNAME, alias, authentic, err); err != nil || qtype == dns.TypeCNAME {
			return err
		}
		if alias == nil {
			break
		}
		if a.name = dns.Fqdn(target); n == maxAliases {
			return fmt.Errorf("%s: too many aliases", a.name)
		}
	}
	records, authentic, err := g.records(ctx, a.name, qtype)
	return a.take(qtype, records, authentic, err)
}

func (g gatherer) records(ctx context.Context, name string, qtype uint16) (out []dns.RR, authentic bool, err error) {
	switch qtype {
	case dns.TypeMX:
		mx, authentic, err := g.LookupMX(ctx, name)
		for _, r := range mx {
			out = append(out, &dns.MX{Preference: r.Pref, Mx: dns.Fqdn(r.Host)})
		}
		return out, authentic, err
	case dns.TypeA:
		ips, authentic, err := g.LookupIP(ctx, "ip4", name)
		for _, ip := range ips {
			out = append(out, &dns.A{A: ip})
		}
		return out, authentic, err
	case dns.TypeAAAA:
		ips, authentic, err := g.LookupIP(ctx, "ip6", name)
		for _, ip := range ips {
			out = append(out, &dns.AAAA{AAAA: ip})
		}
		return out, authentic, err
	case dns.TypeTLSA:
		labels := strings.SplitN(name, ".", 3) // _25._tcp.mail.example.
		port, err := strconv.Atoi(strings.TrimPrefix(labels[0], "_"))
		if err != nil || len(labels) < 3 {
			return nil, false, fmt.Errorf("TLSA records of %s: not below a port", name)
		}
		records, authentic, err := g.LookupTLSA(ctx, port, strings.TrimPrefix(labels[1], "_"), labels[2])
		for _, r := range records {
			out = append(out, &dns.TLSA{Usage: r.Usage, Selector: r.Selector, MatchingType: r.MatchType, Certificate: hex.EncodeToString(r.CertAssoc)})
		}
		return out, authentic, err
	}
	return nil, false, fmt.Errorf("%s: there is no function for %s", name, dns.Type(qtype))
}

// An answer is made of the records of one name after the other.
type answer struct {
	msg  *dns.Msg
	name string
}

// take adds records. Their TTL is 0, as nobody tells: they hold for this once.
func (a *answer) take(qtype uint16, records []dns.RR, authentic bool, err error) error {
	if e, ok := errors.AsType[*net.DNSError](err); err != nil && !(ok && e.IsNotFound) {
		return err
	}
	a.msg.AuthenticatedData = a.msg.AuthenticatedData && authentic
	for _, rr := range records {
		*rr.Header() = dns.RR_Header{Name: a.name, Rrtype: qtype, Class: dns.ClassINET}
		a.msg.Answer = append(a.msg.Answer, rr)
	}
	return nil
}
