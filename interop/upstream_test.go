//go:build interop

package interop

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// TestForwarders asks through every forwarder over every transport: whoever is in
// between, the statuses are the same.
func TestForwarders(t *testing.T) {
	for _, f := range forwarders {
		t.Run(f.name, func(t *testing.T) {
			lab.stopAfter(t)
			f, err := lab.startForwarder(f)
			if err != nil {
				t.Fatal(err)
			}
			f.checkValidation(t)
			f.checkAuthentication(t)
			for _, via := range transports {
				t.Run(via.name, func(t *testing.T) {
					resolver := newResolver(t, poolOf(via.client(f)))
					for _, l := range lookups {
						for _, e := range l.check(t, resolver, 20*time.Second).Exchanges() {
							if e.Network != via.network {
								t.Errorf("%s %s: asked over %q, want %q", e.Name, dns.Type(e.Type), e.Network, via.network)
							}
						}
					}
				})
			}
		})
	}
}

// transports are the ways to a forwarder, with the network that a reply names.
var transports = []struct {
	name, network string
	client        func(forwarder) *upstream.Client
}{
	{"UDP", "udp", func(f forwarder) *upstream.Client {
		return &upstream.Client{Address: address(f.port)}
	}},
	{"TCP", "tcp", func(f forwarder) *upstream.Client {
		return &upstream.Client{Address: "tcp://" + address(f.port)}
	}},
	{"TLS, the certificate is for the name", "tls", func(f forwarder) *upstream.Client {
		return &upstream.Client{Address: "tls://" + address(f.tls) + "#" + resolverName, TLS: ourRoots()}
	}},
	{"TLS, the certificate is for the address", "tls", func(f forwarder) *upstream.Client {
		return &upstream.Client{Address: "tls://" + address(f.tls), TLS: ourRoots()}
	}},
	{"TLS, the key is pinned", "tls", func(f forwarder) *upstream.Client {
		return &upstream.Client{Address: "tls://" + address(f.tls) + "#" + pin(lab.certificate.resolver)}
	}},
	{"HTTPS", "https", func(f forwarder) *upstream.Client {
		return &upstream.Client{Address: "https://" + address(f.https) + "/dns-query", TLS: ourRoots()}
	}},
}

func ourRoots() *tls.Config { return &tls.Config{RootCAs: lab.certificate.roots} }

// pin pins the key of a "3 1 1 …" record, which has the same digest (RFC 7858 §4.2).
func pin(record string) string {
	digest, err := hex.DecodeString(strings.Fields(record)[3])
	if err != nil {
		panic(err) // danetool wrote it
	}
	return "pin-sha256=" + base64.StdEncoding.EncodeToString(digest)
}

// checkAuthentication shows that a server that is not the one meant is not asked.
func (f forwarder) checkAuthentication(t *testing.T) {
	t.Helper()
	for why, client := range map[string]*upstream.Client{
		"a certificate for another name":             {Address: "tls://" + address(f.tls) + "#other.test", TLS: ourRoots()},
		"another key than the pinned one":            {Address: "tls://" + address(f.tls) + "#" + pin(lab.certificate.stranger)},
		"an authority that the system does not know": {Address: "tls://" + address(f.tls) + "#" + resolverName},
		"such an authority, over HTTPS":              {Address: "https://" + address(f.https) + "/dns-query"},
	} {
		query := new(dns.Msg).SetQuestion("good.test.", dns.TypeMX)
		reply, err := client.Exchange(t.Context(), &upstream.Query{Msg: query})
		if err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: got the reply %v and the error %v, want an error about the certificate", why, reply, err)
		}
	}
}

// checkValidation sees to it that the forwarder is what the table says, so that it
// means something that it passes bogus answers on.
func (f forwarder) checkValidation(t *testing.T) {
	t.Helper()
	want := dns.RcodeSuccess
	if f.validates {
		want = dns.RcodeServerFailure
	}
	reply, err := ask(address(f.port), "expired.test", dns.TypeMX) // without CD
	if err != nil {
		t.Fatal(err)
	}
	if reply.Rcode != want {
		t.Errorf("without CD, a bogus answer comes with %s, want %s", dns.RcodeToString[reply.Rcode], dns.RcodeToString[want])
	}
}

// A lookup is a question and what a Resolver has to say to it.
type lookup struct {
	why   string
	name  string
	qtype uint16

	status dnssec.Status
	rcode  int
}

// lookups are one of each kind, with no reply that is too large for UDP.
var lookups = []lookup{
	{"signed", "good.test", dns.TypeMX, dnssec.Secure, dns.RcodeSuccess},
	{"signed, below a domain with opt-out", "good.example", dns.TypeMX, dnssec.Secure, dns.RcodeSuccess},
	{"no DS, proven by NSEC", "unsigned.test", dns.TypeMX, dnssec.Insecure, dns.RcodeSuccess},
	{"no DS, covered by an NSEC3 with opt-out", "unsigned.example", dns.TypeMX, dnssec.Insecure, dns.RcodeSuccess},
	{"the signatures have expired", "expired.test", dns.TypeMX, dnssec.Bogus, dns.RcodeServerFailure},
	{"somebody changed the MX record", "tamperedmx.test", dns.TypeMX, dnssec.Bogus, dns.RcodeServerFailure},
	{"no such type, proven by NSEC", "mail.nodane.test", dns.TypeAAAA, dnssec.Secure, dns.RcodeSuccess},
	{"no such name, proven by NSEC", "nosuch.test", dns.TypeMX, dnssec.Secure, dns.RcodeNameError},
	{"no such name, proven by NSEC3", "nosuch.nodane3.test", dns.TypeMX, dnssec.Secure, dns.RcodeNameError},
}

// check looks it up within the time, and returns the answer whatever it is.
func (l lookup) check(t *testing.T, resolver *dnssec.Resolver, within time.Duration) *dnssec.Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	answer, err := resolver.Lookup(ctx, l.name, l.qtype)
	if answer == nil {
		t.Errorf("%s: %v", l.why, err)
		return new(dnssec.Answer)
	}
	if answer.Status != l.status || answer.RCode != l.rcode {
		t.Errorf("%s: %s %s is %s with rcode %s, want %s with %s: %v", l.why, l.name, dns.Type(l.qtype),
			answer.Status, dns.RcodeToString[answer.RCode], l.status, dns.RcodeToString[l.rcode], err)
	}
	return answer
}

func poolOf(client *upstream.Client) *upstream.Pool {
	return &upstream.Pool{Exchangers: []upstream.Exchanger{client}}
}

// newResolver returns a Resolver for the private Internet.
func newResolver(t *testing.T, exchanger upstream.Exchanger) *dnssec.Resolver {
	t.Helper()
	anchors, err := anchor.ReadFile(lab.rootDS)
	if err != nil {
		t.Fatal(err)
	}
	return &dnssec.Resolver{Exchanger: exchanger, Anchors: anchors}
}
