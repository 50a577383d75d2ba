package main

import (
	"bytes"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// What the default output says of faults tells what is wrong, and what to do.
func TestCheckTellsCauseAndCure(t *testing.T) {
	t.Parallel()
	sound := danetest.Host{Name: "mail", TLSA: []string{"3 1 1", "2 1 1"}}
	serving := func(change func(*smtptest.Server)) []danetest.Domain {
		h := sound
		h.Server = change
		return []danetest.Domain{{Name: "a.example", Hosts: []danetest.Host{h}}}
	}
	zone := func(hosts []danetest.Host, z dnssectest.Zone) []danetest.Domain {
		return []danetest.Domain{{Name: "a.example", Hosts: hosts, Zone: z}}
	}
	for _, tt := range []struct {
		name    string
		domains []danetest.Domain
		tamper  func(dns.Question, *dns.Msg)
		want    []string
		never   string // "" if that is anything
	}{
		{name: "TLSA at the domain, not at the host", domains: zone([]danetest.Host{{Name: "mail"}}, dnssectest.Zone{Records: "_25._tcp TLSA 3 1 1 " + otherKey + "\n"}), want: []string{"if a server takes it: none was tried", "tlsa-misplaced", "If they are published, a name server has an old zone (daneverify check -compare asks each of them)", "There are TLSA records at _25._tcp.a.example", "Publish them at _25._tcp.mail.a.example"}},
		{name: "TLSA for port 465", domains: zone([]danetest.Host{{Name: "mail"}}, dnssectest.Zone{Records: "_465._tcp.mail TLSA 3 1 1 " + otherKey + "\n"}), want: []string{"There are TLSA records at _465._tcp.mail.a.example"}},
		{name: "TLSA without underscores", domains: zone([]danetest.Host{{Name: "mail"}}, dnssectest.Zone{Records: "25.tcp.mail TLSA 3 1 1 " + otherKey + "\n"}), want: []string{"There are TLSA records at 25.tcp.mail.a.example", "Publish them at _25._tcp.mail.a.example"}},
		{name: "TLSA without the final dot", domains: zone([]danetest.Host{{Name: "mail"}}, dnssectest.Zone{Records: "_25._tcp.mail.a.example TLSA 3 1 1 " + otherKey + "\n"}), want: []string{"There are TLSA records at _25._tcp.mail.a.example.a.example", "Publish them at _25._tcp.mail.a.example as"}},
		{name: "TLSA at a wildcard", domains: zone([]danetest.Host{{Name: "mail"}}, dnssectest.Zone{Records: "* TLSA 3 1 1 " + otherKey + "\n"}), want: []string{"There are TLSA records at *.a.example, a wildcard, which does not reach _25._tcp.mail.a.example", "Publish them at _25._tcp.mail.a.example as"}, never: "There are TLSA records at _25"},
		{name: "an MX host without the final dot", domains: zone(nil, dnssectest.Zone{Records: "@ MX 10 mail.a.example\nmail A 192.0.2.9\n"}), want: []string{"names mail.a.example.a.example, which has neither", "If mail.a.example was meant, the final dot is missing in the zone file"}},
		{name: "an address for an MX host", domains: zone(nil, dnssectest.Zone{Records: "@ MX 10 192.0.2.9\n"}), want: []string{"names 192.0.2.9.a.example, which has neither", "publish 192.0.2.9 as an A record of a name"}},
		{name: "an MX host that is gone", domains: zone(nil, dnssectest.Zone{Records: "@ MX 10 mail\n"}), want: []string{"Publish its addresses, or remove the MX record"}, never: "final dot"},
		{name: "a better MX without DANE", domains: zone([]danetest.Host{{Name: "best"}, sound}, dnssectest.Zone{}), want: []string{"best.a.example has no TLSA records", "this one is tried before them, so that mail is delivered here without authentication"}, never: "can make those unreachable"},
		{name: "TLSA is an alias of nothing", domains: zone([]danetest.Host{{Name: "mail"}}, dnssectest.Zone{Records: "_25._tcp.mail CNAME gone\n"}), want: []string{"an alias of gone.a.example, a name that does not exist", "Publish at gone.a.example 3 1 1", "or take the alias away"}, never: "publish 3 1 1 and the digest of the server's public key at that name"},
		{name: "TLSA is an alias of an old record", domains: zone([]danetest.Host{{Name: "mail"}}, dnssectest.Zone{Records: "_25._tcp.mail CNAME _dane\n_dane TLSA 3 1 1 " + otherKey + "\n"}), want: []string{"Publish: _dane.a.example. IN TLSA 3 1 1", "Remove: _dane.a.example. IN TLSA 3 1 1 0011", "_25._tcp.mail.a.example is an alias of _dane.a.example"}, never: "Publish: _25"},
		{name: "TLSA is an alias of another host's record", domains: zone([]danetest.Host{{Name: "one"}, {Name: "two", TLSA: []string{"3 1 1"}}}, dnssectest.Zone{Records: "_25._tcp.one CNAME _25._tcp.two\n"}), want: []string{"Publish: _25._tcp.two.a.example. IN TLSA 3 1 1", "remove none that one of them needs"}, never: "Remove:"},
		{name: "TLSA is an alias into an unsigned zone", domains: append(zone([]danetest.Host{{Name: "mail"}}, dnssectest.Zone{Records: "_25._tcp.mail CNAME tlsa.b.example.\n"}),
			danetest.Domain{Name: "b.example", Zone: dnssectest.Zone{Unsigned: true, Records: "tlsa TLSA 3 1 1 " + otherKey + "\n"}}), want: []string{"is in the zone b.example, which is not signed", "Whoever runs the DNS of b.example must sign it"}},
		{name: "the MX host is an alias into an unsigned zone", domains: append(zone(nil, dnssectest.Zone{Records: "@ MX 10 mail\nmail CNAME mail.b.example.\n_25._tcp.mail TLSA 3 1 1 " + otherKey + "\n"}),
			danetest.Domain{Name: "b.example", Hosts: []danetest.Host{{Name: "mail"}}, Zone: dnssectest.Zone{Unsigned: true}}), want: []string{"tlsa-mismatch", "Publish: _25._tcp.mail.a.example. IN TLSA 3 1 1"}},
		{name: "a digest that was cut", domains: zone([]danetest.Host{{Name: "mail", TLSA: []string{"3 1 1 " + otherKey[:40]}}}, dnssectest.Zone{}), want: []string{"digest of the wrong length", "Publish: _25._tcp.mail.a.example. IN TLSA 3 1 1", "Remove: _25._tcp.mail.a.example. IN TLSA 3 1 1 0011"}},
		{name: "the host's zone is bogus, and not the domain's", domains: append(zone(nil, dnssectest.Zone{Records: "@ MX 10 mail.b.example.\n"}),
			danetest.Domain{Name: "b.example", Hosts: []danetest.Host{sound}, Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.Expired}}}), want: []string{"The signature of b.example DNSKEY in the zone b.example expired on", "Whoever runs the DNS of b.example must sign it again", "no sender that validates can deliver to mail.b.example."}},
		{name: "denials are stripped", domains: zone([]danetest.Host{sound}, dnssectest.Zone{}), tamper: func(_ dns.Question, reply *dns.Msg) {
			var kept []dns.RR
			for _, rr := range reply.Ns {
				if t := rr.Header().Rrtype; t != dns.TypeNSEC && t != dns.TypeNSEC3 {
					kept = append(kept, rr)
				}
			}
			reply.Ns = kept
		}, want: []string{"does not prove what does not exist", "have NSEC or NSEC3 records made anew"}},
		{name: "a key was taken out too early", domains: zone([]danetest.Host{sound}, dnssectest.Zone{}), tamper: func(q dns.Question, reply *dns.Msg) {
			for _, rr := range reply.Answer {
				if sig, ok := rr.(*dns.RRSIG); ok && q.Qtype == dns.TypeMX {
					sig.KeyTag++
				}
			}
		}, want: []string{"is signed by a key that is not among the keys of the zone a.example", "publish that key again"}},
		{name: "the signer's clock is fast", domains: zone([]danetest.Host{sound}, dnssectest.Zone{Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.NotYetValid}}), want: []string{"begins on", "set the clock of the signer right"}},
		{name: "records were edited after signing", domains: zone([]danetest.Host{sound}, dnssectest.Zone{Faults: map[string]dnssectest.Fault{"mail A": dnssectest.BadSignature}}), want: []string{"The signature of mail.a.example A in the zone a.example does not fit the records", "sign the zone again"}},
		{name: "certificates of senders are demanded", domains: serving(func(s *smtptest.Server) { s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert} }), want: []string{"since the sender has no certificate of its own", "Do not demand certificates of clients on port 25"}},
		{name: "the certificate file cannot be read", domains: serving(func(s *smtptest.Server) {
			s.Replies = map[smtptest.Stage]string{smtptest.AtStartTLS: "454 4.7.0 TLS not available due to local problem"}
		}), want: []string{"offers STARTTLS, and the command fails: 454 4.7.0", "certificate or key file cannot be read"}},
		{name: "a web server", domains: serving(func(s *smtptest.Server) {
			s.Replies = map[smtptest.Stage]string{smtptest.AtGreeting: "HTTP/1.1 400 Bad Request"}
		}), want: []string{"HTTP/1.1 400 Bad Request", "a service of another protocol"}},
		{name: "the name in EHLO is refused", domains: serving(func(s *smtptest.Server) {
			s.Replies = map[smtptest.Stage]string{smtptest.AtHello: "550 5.7.1 Helo command rejected: need fully-qualified hostname"}
		}), want: []string{"refuses this client (550 5.7.1 Helo command rejected", "Give in EHLO a name of this machine that is in DNS (daneverify -helo)"}},
		{name: "this client is on a blocklist", domains: serving(func(s *smtptest.Server) {
			s.Replies = map[smtptest.Stage]string{smtptest.AtGreeting: "554 5.7.1 Service unavailable; client host blocked using zen.example"}
		}), want: []string{"client host blocked using zen.example", "is on no blocklist"}},
		{name: "a proxy that closes", domains: serving(func(s *smtptest.Server) {
			s.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtGreeting: smtptest.Close}
		}), want: []string{"a proxy that has no server behind it", "See what listens there"}},
		{name: "a tarpit", domains: serving(func(s *smtptest.Server) {
			s.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtGreeting: smtptest.Hang}
		}), want: []string{"nothing came in time", "a server that is too slow"}},
		{name: "a certificate that TLS libraries refuse", domains: zone([]danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Certificate: tlsatest.Leaf{Faults: tlsatest.NegativeSerial}}}, dnssectest.Zone{}), want: []string{"it has a negative serial number", "Install a new certificate"}},
		{name: "an MX that is an address", domains: zone([]danetest.Host{sound}, dnssectest.Zone{Records: "@ MX 20 192.0.2.9.\n"}), want: []string{`The MX record names "192.0.2.9", which is not a host name`, "Publish an MX record with the name of a host"}},
		{name: "a backup MX without DANE", domains: zone([]danetest.Host{sound, {Name: "backup"}}, dnssectest.Zone{}), want: []string{"backup.a.example has no TLSA records", "gets mail delivered here without authentication", "publish 3 1 1"}},
		{name: "the registration has lapsed", domains: []danetest.Domain{{Name: "b.example"}}, want: []string{"does not exist in DNS", "whether the registration has lapsed"}},
		{name: "the zone is served by nobody", domains: zone([]danetest.Host{sound}, dnssectest.Zone{Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.Refused}}), want: []string{"server answered REFUSED", "are those that the zone above delegates to"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			internet := danetest.New(t, tt.domains...)
			internet.DNS.Tamper = tt.tamper
			o := defaults()
			o.checking, o.domains = true, []string{"a.example"}
			v := internet.Verifier()
			v.AttemptTimeout = 2 * time.Second
			var stdout, stderr bytes.Buffer
			status := verifyAll(t.Context(), v, *o, &stdout, &stderr)
			text := strings.Join(strings.Fields(stdout.String()), " ")
			if tt.never != "" && strings.Contains(text, tt.never) {
				t.Errorf("%q in\n%s", tt.never, stdout.String())
			}
			for _, want := range tt.want {
				if !strings.Contains(text, want) {
					t.Errorf("exit status %d, no %q in\n%s%s", status, want, stdout.String(), stderr.String())
				}
			}
		})
	}
}

// The end of the time for the whole check is no fault of a server that is slow.
func TestCheckIsNotInTime(t *testing.T) {
	t.Parallel()
	slow := danetest.Host{Name: "mail", TLSA: []string{"3 1 1", "2 1 1"}, Server: func(s *smtptest.Server) {
		s.Delays = map[smtptest.Stage]time.Duration{smtptest.AtGreeting: 3 * time.Second}
	}}
	for _, checking := range []bool{true, false} {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{slow}})
		o := defaults()
		o.checking, o.domains, o.timeout = checking, []string{"a.example"}, time.Second
		var stdout, stderr bytes.Buffer
		status := verifyAll(t.Context(), internet.Verifier(), *o, &stdout, &stderr)
		if text := stdout.String(); checking && status != exitUsage || strings.Contains(text, "BROKEN") || !strings.Contains(text, "Allow more time by -timeout") {
			t.Errorf("check %t: exit status %d:\n%s%s", checking, status, text, stderr.String())
		}
	}
}
