package diagnosis_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A uselessExchanger has no answer to anything.
type uselessExchanger struct{ err error }

func (u uselessExchanger) Exchange(context.Context, *upstream.Query) (*upstream.Reply, error) {
	return nil, u.err
}

// asking has a Verifier ask DNS servers that give no answer for a reason.
func asking(err error) func(*dane.Verifier) {
	return func(v *dane.Verifier) {
		v.Resolver = &dnssec.Resolver{Exchanger: uselessExchanger{err}, Anchors: anchor.Root()}
	}
}

// signedByAnother has the keys of a.example seem to be signed by one that no DS record is of.
func signedByAnother(q dns.Question, reply *dns.Msg) {
	if q.Qtype != dns.TypeDNSKEY || q.Name != "a.example." {
		return
	}
	other := &dns.DNSKEY{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 300}, Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256}
	if _, err := other.Generate(256); err != nil {
		panic(err)
	}
	for _, rr := range reply.Answer {
		if sig, ok := rr.(*dns.RRSIG); ok {
			sig.KeyTag, sig.Algorithm = other.KeyTag(), other.Algorithm
		}
	}
	reply.Answer = append(reply.Answer, other)
}

// A smallExchanger loses the keys of a.example, as a server does that answers over UDP alone.
type smallExchanger struct{ upstream.Exchanger }

func (e smallExchanger) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	if asked := q.Msg.Question[0]; asked.Qtype == dns.TypeDNSKEY && dns.CanonicalName(asked.Name) == "a.example." {
		return nil, errors.New("upstream: a.example. DNSKEY: no server of zone a.example. gave an answer: 192.0.2.53:53 over tcp: a.example. DNSKEY: no reply in time")
	}
	return e.Exchanger.Exchange(ctx, q)
}

func withoutTCP(v *dane.Verifier) {
	resolver := v.Resolver.(*dnssec.Resolver)
	v.Resolver = &dnssec.Resolver{Exchanger: smallExchanger{resolver.Exchanger}, Anchors: resolver.Anchors}
}

// inMX changes the signature of MX records on its way.
func inMX(change func(*dns.RRSIG)) func(dns.Question, *dns.Msg) {
	return func(q dns.Question, reply *dns.Msg) {
		for _, rr := range reply.Answer {
			if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == dns.TypeMX {
				change(sig)
			}
		}
	}
}

// withoutDenials takes the proof out of all denials of AAAA, and of that of the host's DS records: it
// says what types there are, and with it in the cache there is a proof, if it comes in time (RFC 8198).
func withoutDenials(q dns.Question, reply *dns.Msg) {
	if q.Qtype == dns.TypeAAAA || q.Qtype == dns.TypeDS && q.Name == "mail.a.example." {
		reply.Ns = slices.DeleteFunc(reply.Ns, func(rr dns.RR) bool {
			sig, ok := rr.(*dns.RRSIG)
			return rr.Header().Rrtype == dns.TypeNSEC || ok && sig.TypeCovered == dns.TypeNSEC
		})
	}
}

// What is wrong in each world is found, with the state, the fix and who must act.
func TestDiagnose(t *testing.T) {
	t.Parallel()
	ca := tlsatest.NewCA(tlsatest.Authority{Name: "Root X"})
	between := ca.NewCA(tlsatest.Authority{Name: "R10"})
	leaf := between.Issue(tlsatest.Leaf{Names: []string{"mail.a.example"}})
	e8 := ca.NewCA(tlsatest.Authority{Name: "E8", Organization: "Let's Encrypt"})
	ofE8 := e8.Issue(tlsatest.Leaf{Names: []string{"mail.a.example"}})
	const ofE6 = "d016e1fe311948aca64f2de44ce86c9a51ca041df6103bb52a88eb3f761f57d7"
	ofRSA, rsaRecord := rsaCertificate(t)
	own := func(r tlsa.Record) string { return r.String() }
	spki := func(data []byte) string { sum := sha256.Sum256(data); return hex.EncodeToString(sum[:]) }
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Leaf.Raw})
	good := own(leaf.Record(tlsa.SPKI, tlsa.SHA256))
	wanted := "_25._tcp.mail.a.example. IN TLSA " + good
	leafHost := func(records ...string) danetest.Host {
		return danetest.Host{TLSA: records, Server: presenting(leaf.TLS())}
	}
	sound := danetest.Host{TLSA: []string{"3 1 1", "2 1 1"}}
	mail := func(records ...string) danetest.Host { return danetest.Host{TLSA: records} }
	at := func(d time.Duration) diagnosis.Options { return diagnosis.Options{Now: time.Now().Add(d)} }
	broken := func(faults tlsatest.Fault) danetest.Host {
		return danetest.Host{TLSA: []string{"2 1 1"}, Certificate: tlsatest.Leaf{Faults: faults}}
	}

	quantum := mldsaFromFile(t)
	short, shortRecord := shortKey(t)

	tests := []struct {
		name    string
		world   world
		domain  string // a.example if empty
		options diagnosis.Options
		plan    bool
		both    bool // certificates are looked for
		edit    func(*dane.Result)
		state   diagnosis.State
		code    diagnosis.Code // "" if nothing is found
		actor   diagnosis.Actor
		text    string // what the finding's text says
		fix     string // what its fix, or the records to publish and to remove, say
	}{
		{name: "all is well: the key and its CA", world: oneHost(sound, ""), state: diagnosis.StateOK},
		{name: "all is well: the CA alone", world: oneHost(mail("2 1 1"), ""), state: diagnosis.StateOK},
		{name: "all is well: the key and the next one", world: oneHost(mail("3 1 1", "3 1 1 "+otherKey), ""), state: diagnosis.StateOK},

		{name: "records that live longer than the keys above them", world: oneHost(danetest.Host{}, "_25._tcp.mail 86400 IN TLSA 3 1 1 "+otherKey),
			state: diagnosis.StateBroken, code: diagnosis.CodeTLSAMismatch, actor: diagnosis.MailHost, fix: "keep the old answer for its TTL, 24 h 0 min."},
		{name: "a certificate renewed, and records of the old one as a whole", world: oneHost(mail("3 0 1 "+otherKey), ""), state: diagnosis.StateBroken,
			code: diagnosis.CodeTLSAMismatch, actor: diagnosis.MailHost, text: "presents another certificate than its TLSA records are of", fix: "stays right with a renewal that keeps the key"},
		{name: "not a domain", world: oneHost(sound, ""), domain: "exa mple", state: diagnosis.StateUnknown, code: diagnosis.CodeNotADomain, actor: diagnosis.Sender, text: `"exa mple"`},
		{name: "no DNS server answers", world: oneHost(sound, "").changed(asking(errors.New("cable cut"))),
			state: diagnosis.StateUnknown, code: diagnosis.CodeNoResolver, actor: diagnosis.Sender, text: "None of the DNS servers in use answers,", fix: "or the name servers themselves by -recursive"},
		{name: "no DNS server answers, and no resolver was asked", world: oneHost(sound, "").changed(asking(errors.New("cable cut"))), options: diagnosis.Options{Direct: true},
			state: diagnosis.StateUnknown, code: diagnosis.CodeNoResolver, actor: diagnosis.Sender, text: "not even those of the root", fix: "at port 53 over UDP and TCP, or ask by way of a resolver, without -recursive"},
		{name: "the DNS server drops signatures", world: oneHost(sound, "").changed(asking(&upstream.CapabilityError{Servers: []upstream.Capability{{Server: "192.0.2.53:53", Causes: []upstream.Cause{upstream.DropsSignatures}}}})),
			state: diagnosis.StateUnknown, code: diagnosis.CodeNoResolver, actor: diagnosis.Sender, text: "answer without what DNSSEC needs", fix: "Ask a resolver that passes DNSSEC records on"},
		{name: "no file descriptor", world: world{domains: oneHost(sound, "").domains, errnos: map[string]syscall.Errno{"192.0.2.1": syscall.EMFILE}},
			state: diagnosis.StateUnknown, code: diagnosis.CodeLocalLack, actor: diagnosis.Sender, text: "for a lack of its own: too many open files", fix: "file descriptors"},
		{name: "no IPv6 here", world: world{domains: oneHost(sound, "mail AAAA 2001:db8::1").domains, errnos: map[string]syscall.Errno{"2001:db8::1": syscall.ENETUNREACH}},
			state: diagnosis.StateUnknown, code: diagnosis.CodeNoRoute, actor: diagnosis.Sender, text: "IPv6", fix: "a machine with IPv6"},
		{name: "IPv4 alone, of a host that is not reached over IPv6", world: overOne("tcp4"), state: diagnosis.StateOK},
		{name: "IPv6 alone, of the same host", world: overOne("tcp6"), state: diagnosis.StateBroken, code: diagnosis.CodeUnreachable, actor: diagnosis.MailHost},
		{name: "IPv6 alone, of a host without", world: oneHost(sound, "").changed(func(v *dane.Verifier) { v.Network = "tcp6" }), state: diagnosis.StateUnknown,
			code: diagnosis.CodeNotProbed, actor: diagnosis.Sender, text: "no address of the one family"},
		{name: "TLSA records are at another name", world: oneHost(mail(), ""), options: diagnosis.Options{Also: []diagnosis.Finding{{Code: diagnosis.CodeTLSAMisplaced, Text: "it is so", Fix: "let it"}}},
			state: diagnosis.StateNone, code: diagnosis.CodeTLSAMisplaced, actor: diagnosis.MailHost, text: "it is so", fix: "let it"},
		{name: "the trust state cannot be written", world: oneHost(sound, ""), options: diagnosis.Options{Also: []diagnosis.Finding{{Code: diagnosis.CodeTrustState, Text: "it is so", Fix: "let it"}}},
			state: diagnosis.StateWarning, code: diagnosis.CodeTrustState, actor: diagnosis.Sender, text: "it is so", fix: "let it"},
		{name: "nothing was connected to", world: oneHost(sound, ""), plan: true, state: diagnosis.StateUnknown, code: diagnosis.CodeNotProbed, actor: diagnosis.Sender},
		{name: "DANE is switched off", world: world{domains: oneHost(sound, "").domains, change: func(v *dane.Verifier) {
			policy, err := dane.NewPolicy(dane.Profile{DANE: dane.DANENone}, nil)
			if err != nil {
				t.Fatal(err)
			}
			v.Policy = policy
		}}, state: diagnosis.StateNone, code: diagnosis.CodeDANEOff, actor: diagnosis.Sender},

		{name: "no such domain", world: oneHost(sound, ""), domain: "none.such", state: diagnosis.StateBroken, code: diagnosis.CodeNoDomain, actor: diagnosis.DomainOwner, fix: "spelling"},
		{name: "null MX", world: world{domains: []danetest.Domain{{Name: "a.example", Zone: dnssectest.Zone{Records: "@ MX 0 ."}}}},
			state: diagnosis.StateNone, code: diagnosis.CodeNullMX, actor: diagnosis.DomainOwner},
		{name: "an MX record with an address", world: world{domains: []danetest.Domain{{Name: "a.example", Zone: dnssectest.Zone{Records: "@ MX 10 192.0.2.9."}}}},
			state: diagnosis.StateBroken, code: diagnosis.CodeMXName, actor: diagnosis.DomainOwner, text: `"192.0.2.9"`, fix: "not with an address"},
		{name: "an MX host without address", world: oneHost(sound, "@ MX 20 gone"), state: diagnosis.StateBroken, code: diagnosis.CodeNoAddress, actor: diagnosis.DomainOwner, text: "gone.a.example"},
		{name: "an address of loopback", world: oneHost(sound, "@ MX 20 me\nme A 127.0.0.1"), state: diagnosis.StateBroken, code: diagnosis.CodeAddressRefused, actor: diagnosis.DomainOwner, text: "me.a.example"},
		{name: "the clock is slow", world: oneHost(sound, "").changed(clock(-48 * time.Hour)), state: diagnosis.StateUnknown, code: diagnosis.CodeClock, actor: diagnosis.Sender,
			text: "clock of this machine", fix: "NTP"},
		{name: "the clock is fast", world: oneHost(sound, "").changed(clock(90 * 24 * time.Hour)), state: diagnosis.StateUnknown, code: diagnosis.CodeClock, actor: diagnosis.Sender,
			text: "clock of this machine", fix: "NTP"},
		{name: "a private address that is not reached", world: privateHost(syscall.ETIMEDOUT), state: diagnosis.StateBroken, code: diagnosis.CodeAddressPrivate, actor: diagnosis.DomainOwner,
			text: "only hosts in the same network", fix: "the Internet reaches"},
		{name: "a short key", world: oneHost(danetest.Host{TLSA: []string{shortRecord, "3 1 1 " + otherKey}, Server: presenting(short)}, ""), state: diagnosis.StateWarning,
			code: diagnosis.CodeWeakKey, actor: diagnosis.MailHost, text: "RSA with 1024 bits", fix: "ECDSA P-256"},

		{name: "the trust anchors are of another root", world: oneHost(sound, "").changed(func(v *dane.Verifier) {
			v.Resolver.(*dnssec.Resolver).Anchors = anchor.Root()
		}), state: diagnosis.StateUnknown, code: diagnosis.CodeTrustAnchorMismatch, actor: diagnosis.Sender, text: "trust anchors of this machine", fix: "daneverify anchors"},
		{name: "the trust anchor is of another key of the zone", world: oneHost(sound, "").changed(func(v *dane.Verifier) {
			ds := &dns.DS{Hdr: dns.RR_Header{Name: "a.example.", Rrtype: dns.TypeDS, Class: dns.ClassINET}, KeyTag: 1, Algorithm: dns.ECDSAP256SHA256, DigestType: dns.SHA256, Digest: otherKey}
			v.Resolver.(*dnssec.Resolver).Anchors = anchor.Set{{Zone: "a.example.", DS: ds}}
		}), state: diagnosis.StateUnknown, code: diagnosis.CodeTrustAnchorMismatch, actor: diagnosis.Sender, text: "the keys of a.example", fix: "daneverify anchors"},
		{name: "signatures have expired", world: oneHost(sound, "").faulty(dnssectest.WholeZone, dnssectest.Expired), state: diagnosis.StateBroken,
			code: diagnosis.CodeSignatureExpired, actor: diagnosis.DNSOperator, text: "zone a.example expired on " + time.Now().Add(-24*time.Hour).UTC().Format("2 Jan 2006"), fix: "must sign it again"},
		{name: "signatures are not valid yet", world: oneHost(sound, "").faulty("@ MX", dnssectest.NotYetValid), state: diagnosis.StateBroken,
			code: diagnosis.CodeSignatureNotYetValid, actor: diagnosis.DNSOperator, text: "a.example MX in the zone a.example begins on ", fix: "clock"},
		{name: "signatures are missing", world: oneHost(sound, "").faulty("@ MX", dnssectest.NoSignature), state: diagnosis.StateBroken,
			code: diagnosis.CodeSignatureMissing, actor: diagnosis.DNSOperator, text: "a.example MX has no signature", fix: "serve the signed zone"},
		{name: "a signature is wrong", world: oneHost(sound, "").faulty("_25._tcp.mail TLSA", dnssectest.BadSignature), state: diagnosis.StateBroken,
			code: diagnosis.CodeSignatureWrong, actor: diagnosis.DNSOperator, text: "_25._tcp.mail.a.example TLSA", fix: "sign the zone again"},
		{name: "the DS record is of another key", world: oneHost(sound, "").faulty(dnssectest.WholeZone, dnssectest.WrongDS), state: diagnosis.StateBroken,
			code: diagnosis.CodeDSWithoutKey, actor: diagnosis.Registrar, text: "DS records for a.example, and none is of a key that it has.", fix: "Have the registrar replace the DS records"},
		{name: "the DS record is of a key that does not sign the keys", world: world{domains: oneHost(sound, "").domains, tamper: signedByAnother}, state: diagnosis.StateBroken,
			code: diagnosis.CodeDSWithoutKey, actor: diagnosis.Registrar, text: "the keys of the zone are not signed by a key that one of them is of: they are signed by key ", fix: "have the signer sign the keys with that of the DS records as well"},
		{name: "the DS record is of a zone without keys", world: oneHost(sound, "").faulty(dnssectest.WholeZone, dnssectest.NoKeys), state: diagnosis.StateBroken,
			code: diagnosis.CodeDSWithoutKey, actor: diagnosis.Registrar, text: "the zone has no keys: it is not signed", fix: "or have the registrar remove them"},
		{name: "signatures of TLSA records are missing", world: oneHost(sound, "").faulty("_25._tcp.mail TLSA", dnssectest.NoSignature), state: diagnosis.StateBroken,
			code: diagnosis.CodeSignatureMissing, actor: diagnosis.DNSOperator, text: "says that the zone a.example is signed, and _25._tcp.mail.a.example TLSA has no signature", fix: "Whoever runs the DNS of a.example must"},
		{name: "signed with a key that is not published", world: world{domains: oneHost(sound, "").domains, tamper: inMX(func(sig *dns.RRSIG) { sig.KeyTag++ })},
			state: diagnosis.StateBroken, code: diagnosis.CodeKeyMissing, actor: diagnosis.DNSOperator, text: "key tag ", fix: "publish that key again"},
		{name: "denials without proof", world: world{domains: oneHost(sound, "").domains, tamper: withoutDenials},
			state: diagnosis.StateBroken, code: diagnosis.CodeDenialBroken, actor: diagnosis.DNSOperator, text: "mail.a.example AAAA", fix: "NSEC"},
		{name: "signed in the name of what is no zone", world: world{domains: oneHost(sound, "").domains, tamper: inMX(func(sig *dns.RRSIG) { sig.SignerName = "example." })},
			state: diagnosis.StateBroken, code: diagnosis.CodeBogus, actor: diagnosis.DNSOperator, text: "a.example MX"},
		{name: "SERVFAIL for MX", world: oneHost(sound, "").faulty("@ MX", dnssectest.ServFail), state: diagnosis.StateBroken,
			code: diagnosis.CodeDNSFailed, actor: diagnosis.DNSOperator, text: "a.example MX", fix: "name servers"},
		{name: "SERVFAIL for the keys", world: oneHost(sound, "").faulty("@ DNSKEY", dnssectest.ServFail), state: diagnosis.StateBroken,
			code: diagnosis.CodeDNSFailed, actor: diagnosis.DNSOperator, text: "no usable answer to a.example DNSKEY, without which that to a.example MX cannot be validated, from internet (server answered SERVFAIL)", fix: "name servers of a.example run"},
		{name: "the keys do not fit into a datagram", world: oneHost(sound, "").changed(withoutTCP), options: diagnosis.Options{Direct: true}, state: diagnosis.StateBroken,
			code: diagnosis.CodeDNSFailed, actor: diagnosis.DNSOperator, text: "from 192.0.2.53:53 (no answer). The answer does not fit into a datagram, and over TCP none comes", fix: "over UDP and TCP"},
		{name: "the keys of the zone that TLSA is an alias into are not there", world: world{domains: append(oneHost(danetest.Host{}, "_25._tcp.mail CNAME tlsa.b.example.\n").domains, danetest.Domain{Name: "b.example",
			Zone: dnssectest.Zone{Records: "tlsa TLSA 3 1 1 " + otherKey, Faults: map[string]dnssectest.Fault{"@ DNSKEY": dnssectest.ServFail}}})}, state: diagnosis.StateBroken,
			code: diagnosis.CodeDNSFailed, actor: diagnosis.DNSOperator, text: "no usable answer to b.example DNSKEY, without which that to _25._tcp.mail.a.example TLSA", fix: "name servers"},
		{name: "SERVFAIL for TLSA alone", world: oneHost(sound, "").faulty("_25._tcp.mail TLSA", dnssectest.ServFail), state: diagnosis.StateBroken,
			code: diagnosis.CodeTLSAQueryFails, actor: diagnosis.DNSOperator, text: "internet answers for MX, A", fix: "questions of every type"},
		{name: "the domain is not signed", world: oneHost(sound, "").zone(func(z *dnssectest.Zone) { z.Unsigned = true }), state: diagnosis.StateNone,
			code: diagnosis.CodeMXUnsigned, actor: diagnosis.DomainOwner, text: "zone a.example, which is not signed", fix: "Whoever runs the DNS of a.example must sign it"},
		{name: "signed by an algorithm of the past", world: oneHost(sound, "").zone(func(z *dnssectest.Zone) { z.Unsigned = true }), edit: func(r *dane.Result) {
			r.Domain.Lookup.Reason.Code, r.Domain.Lookup.Reason.Text = dnssec.EDEUnsupportedAlgorithm, "no DS record has a supported algorithm"
		}, state: diagnosis.StateNone, code: diagnosis.CodeMXUnsigned, actor: diagnosis.DomainOwner, text: "no DS record has a supported algorithm", fix: "ECDSAP256SHA256"},
		{name: "too many iterations of NSEC3", world: oneHost(sound, "").zone(func(z *dnssectest.Zone) { z.Unsigned = true }), edit: func(r *dane.Result) {
			r.Domain.Lookup.Reason.Code = dnssec.EDENSEC3IterationsTooBig
		}, state: diagnosis.StateNone, code: diagnosis.CodeMXUnsigned, actor: diagnosis.DomainOwner, text: "hashed too often", fix: "iterations of NSEC3 to 0"},
		{name: "the mail host is not signed", world: world{domains: []danetest.Domain{
			{Name: "a.example", Zone: dnssectest.Zone{Records: "@ MX 10 mail.b.example."}},
			{Name: "b.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}, Zone: dnssectest.Zone{Unsigned: true}}}},
			state: diagnosis.StateNone, code: diagnosis.CodeHostUnsigned, actor: diagnosis.MailHost, text: "zone b.example, which is not signed", fix: "only moving"},
		{name: "the TLSA records are not signed", world: world{domains: []danetest.Domain{
			{Name: "a.example", Hosts: []danetest.Host{{Name: "mail"}}},
			{Name: "_tcp.mail.a.example", Zone: dnssectest.Zone{Unsigned: true, Records: "_25 TLSA " + good}}}},
			state: diagnosis.StateNone, code: diagnosis.CodeTLSAUnsigned, actor: diagnosis.MailHost, text: "zone _tcp.mail.a.example, which is not signed", fix: "its DS record must be put into the zone a.example."},
		{name: "signatures end in two days", world: oneHost(sound, ""), options: at(28 * 24 * time.Hour), state: diagnosis.StateWarning,
			code: diagnosis.CodeSignatureEnds, actor: diagnosis.DNSOperator, text: "zone a.example end on", fix: "the signer of the zone a.example"},
		{name: "signatures end in four days", world: oneHost(sound, ""), options: at(26 * 24 * time.Hour), state: diagnosis.StateOK},

		{name: "connection refused", world: world{domains: oneHost(sound, "").domains, errnos: map[string]syscall.Errno{"192.0.2.1": syscall.ECONNREFUSED}},
			state: diagnosis.StateBroken, code: diagnosis.CodeUnreachable, actor: diagnosis.MailHost, text: "connection refused", fix: "firewall"},
		{name: "421 in the greeting", world: oneHost(danetest.Host{TLSA: sound.TLSA, Server: saying(smtptest.AtGreeting, "421 4.7.0 try again later")}, ""),
			state: diagnosis.StateUnknown, code: diagnosis.CodeServerBusy, actor: diagnosis.Sender, text: "421 4.7.0 try again later", fix: "again later"},
		{name: "554 in the greeting", world: oneHost(danetest.Host{TLSA: sound.TLSA, Server: failing(smtptest.AtGreeting, smtptest.Permanent)}, ""),
			state: diagnosis.StateUnknown, code: diagnosis.CodeClientRefused, actor: diagnosis.Sender, fix: "PTR"},
		{name: "closes without a greeting", world: oneHost(danetest.Host{TLSA: sound.TLSA, Server: failing(smtptest.AtGreeting, smtptest.Close)}, ""),
			state: diagnosis.StateBroken, code: diagnosis.CodeSMTPBroken, actor: diagnosis.MailHost, text: "closed without a greeting"},
		{name: "refuses EHLO over TLS", world: oneHost(danetest.Host{TLSA: sound.TLSA, Server: failing(smtptest.AtHelloTLS, smtptest.Permanent)}, ""),
			state: diagnosis.StateBroken, code: diagnosis.CodeSMTPBroken, actor: diagnosis.MailHost, text: "After STARTTLS"},
		{name: "no STARTTLS", world: oneHost(danetest.Host{TLSA: sound.TLSA, Server: func(s *smtptest.Server) { s.NoStartTLS = true }}, ""),
			state: diagnosis.StateBroken, code: diagnosis.CodeNoStartTLS, actor: diagnosis.MailHost, fix: "Switch STARTTLS on"},
		{name: "STARTTLS is refused", world: oneHost(danetest.Host{TLSA: sound.TLSA, Server: failing(smtptest.AtStartTLS, smtptest.Temporary)}, ""),
			state: diagnosis.StateBroken, code: diagnosis.CodeStartTLSFails, actor: diagnosis.MailHost, text: "454"},
		{name: "TLS 1.0 alone", world: oneHost(danetest.Host{TLSA: sound.TLSA, Server: func(s *smtptest.Server) {
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}
		}}, ""), state: diagnosis.StateBroken, code: diagnosis.CodeTLSVersion, actor: diagnosis.MailHost, fix: "TLS 1.2"},
		{name: "closes in the handshake", world: oneHost(danetest.Host{TLSA: sound.TLSA, Server: failing(smtptest.AtHandshake, smtptest.Close)}, ""),
			state: diagnosis.StateBroken, code: diagnosis.CodeTLSFails, actor: diagnosis.MailHost, text: "closed the connection"},
		{name: "nothing in common with the server", world: oneHost(danetest.Host{TLSA: []string{rsaRecord}, Server: func(s *smtptest.Server) {
			s.Certificates, s.TLS = []tls.Certificate{ofRSA}, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}
		}}, ""), state: diagnosis.StateBroken, code: diagnosis.CodeTLSFails, actor: diagnosis.MailHost, text: "alert 40", fix: "key exchange"},
		{name: "a client certificate is demanded", world: oneHost(danetest.Host{TLSA: sound.TLSA, Server: func(s *smtptest.Server) {
			s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
		}}, ""), state: diagnosis.StateBroken, code: diagnosis.CodeClientCertificate, actor: diagnosis.MailHost},

		{name: "no TLSA record", world: oneHost(mail(), ""), state: diagnosis.StateNone, code: diagnosis.CodeTLSAAbsent, actor: diagnosis.MailHost, text: "_25._tcp.mail.a.example", fix: "daneverify tlsa make -from mail.a.example"},
		{name: "one of two hosts without TLSA record", world: world{domains: []danetest.Domain{{Name: "a.example", Hosts: []danetest.Host{{Name: "one", TLSA: sound.TLSA}, {Name: "two"}}}}},
			state: diagnosis.StateWarning, code: diagnosis.CodeTLSAAbsent, actor: diagnosis.MailHost, text: "without authentication"},
		{name: "usages of the Web alone", world: oneHost(leafHost("1 1 1 "+spki(leaf.Leaf.RawSubjectPublicKeyInfo)), ""), state: diagnosis.StateBroken,
			code: diagnosis.CodeTLSAUnusable, actor: diagnosis.MailHost, fix: wanted},
		{name: "another key", world: oneHost(leafHost("3 1 1 "+otherKey), ""), state: diagnosis.StateBroken, code: diagnosis.CodeTLSAMismatch, actor: diagnosis.MailHost, fix: wanted},
		{name: "another key, and which record to remove", world: oneHost(leafHost("3 1 1 "+otherKey), ""), state: diagnosis.StateBroken,
			code: diagnosis.CodeTLSAMismatch, actor: diagnosis.MailHost, fix: "_25._tcp.mail.a.example. IN TLSA 3 1 1 " + otherKey},
		{name: "two certificates, and a record of one", world: oneHost(danetest.Host{TLSA: []string{good, "3 1 1 " + otherKey}, Server: presenting(leaf.TLS(), ofRSA)}, ""), both: true,
			state: diagnosis.StateBroken, code: diagnosis.CodeOtherCertificate, actor: diagnosis.MailHost, text: "one with an RSA key", fix: rsaRecord},
		{name: "TLS 1.3 alone may hide a certificate", world: oneHost(danetest.Host{TLSA: []string{good, "3 1 1 " + otherKey}, Server: func(s *smtptest.Server) {
			s.Certificates, s.TLS = []tls.Certificate{leaf.TLS(), ofRSA}, &tls.Config{MinVersion: tls.VersionTLS13}
		}}, ""), both: true, state: diagnosis.StateOK, code: diagnosis.CodeHidden, actor: diagnosis.MailHost, text: "TLS 1.3 alone", fix: "a record of each"},
		{name: "a key of ML-DSA, as far as can be seen", world: oneHost(leafHost(good, "3 1 1 "+otherKey), ""), both: true, edit: showing(quantum, true),
			state: diagnosis.StateUnknown, code: diagnosis.CodeHidden, actor: diagnosis.MailHost, text: "do not see the one with an ML-DSA key", fix: "a record of each"},
		{name: "a key of ML-DSA alone", world: oneHost(leafHost(good, "3 1 1 "+otherKey), ""), both: true, edit: showing(quantum, false),
			state: diagnosis.StateBroken, code: diagnosis.CodeMLDSAAlone, actor: diagnosis.MailHost, text: "no signature in common", fix: "ECDSA or RSA"},
		{name: "the CA has changed its intermediate", world: oneHost(leafHost("2 1 1 "+otherKey), ""), state: diagnosis.StateBroken,
			code: diagnosis.CodeIssuerChanged, actor: diagnosis.MailHost, text: `issued by "R10" now`, fix: own(between.Record(tlsa.SPKI, tlsa.SHA256))},
		{name: "Let's Encrypt has changed its intermediate", world: oneHost(danetest.Host{TLSA: []string{"2 1 1 " + ofE6}, Server: presenting(ofE8.TLSWith(e8.Certificate))}, ""),
			state: diagnosis.StateBroken, code: diagnosis.CodeIssuerChanged, actor: diagnosis.MailHost,
			text: `issued by "E8" now, and its TLSA record is of E6 of Let's Encrypt`, fix: "has had E5, E6, E7, E8 and E9"},
		{name: "the same, and what to remove", world: oneHost(danetest.Host{TLSA: []string{"2 1 1 " + ofE6}, Server: presenting(ofE8.TLSWith(e8.Certificate))}, ""),
			state: diagnosis.StateBroken, code: diagnosis.CodeIssuerChanged, actor: diagnosis.MailHost, fix: "_25._tcp.mail.a.example. IN TLSA 2 1 1 " + ofE6},
		{name: "the same by the whole certificate", world: oneHost(danetest.Host{TLSA: []string{"2 0 1 76e9e288aafc0e37f4390cbf946aad997d5c1c901b3ce513d3d8fadbabe2ab85"}, Server: presenting(ofE8.TLSWith(e8.Certificate))}, ""),
			state: diagnosis.StateBroken, code: diagnosis.CodeIssuerChanged, actor: diagnosis.MailHost, text: "E6 of Let's Encrypt"},
		{name: "from Let's Encrypt to another CA", world: oneHost(leafHost("2 1 1 "+ofE6), ""),
			state: diagnosis.StateBroken, code: diagnosis.CodeIssuerChanged, actor: diagnosis.MailHost, text: `issued by "R10" now, and its TLSA record is of E6 of Let's Encrypt`, fix: own(between.Record(tlsa.SPKI, tlsa.SHA256))},
		{name: "the intermediate is not sent", world: oneHost(danetest.Host{TLSA: []string{"2 1 1 885bf0572252c6741dc9a52f5044487fef2a93b811cdedfad7624cc283b7cdd5"}, Server: presenting(ofE8.TLSWith())}, ""),
			state: diagnosis.StateBroken, code: diagnosis.CodeAnchorNotSent, actor: diagnosis.MailHost, text: "E8 of Let's Encrypt, which has issued", fix: "fullchain.pem"},
		{name: "one intermediate of several", world: oneHost(mail("2 1 1"), ""), edit: matching(t, "2 1 1 "+ofE6), state: diagnosis.StateWarning,
			code: diagnosis.CodeIssuerMayChange, actor: diagnosis.MailHost, text: "of E6 of Let's Encrypt, and not of E5, E7, E8 and E9", fix: "2 1 1 885bf0572252c6741dc9a52f5044487fef2a93b811cdedfad7624cc283b7cdd5"},
		{name: "one intermediate, and the server's own key", world: oneHost(mail("2 1 1"), ""), edit: matching(t, "2 1 1 "+ofE6, good), state: diagnosis.StateOK},
		{name: "the root is not sent", world: oneHost(danetest.Host{TLSA: []string{own(ca.Record(tlsa.SPKI, tlsa.SHA256))}, Server: presenting(leaf.TLSWith(between.Certificate))}, ""),
			state: diagnosis.StateBroken, code: diagnosis.CodeAnchorNotSent, actor: diagnosis.MailHost, fix: `"Root X"`},
		{name: "a root that is known is not sent", world: oneHost(leafHost("2 1 1 0b9fa5a59eed715c26c1020c711b4f6ec42d58b0015e14337a39dad301c5afc3"), ""),
			state: diagnosis.StateBroken, code: diagnosis.CodeAnchorNotSent, actor: diagnosis.MailHost, text: "ISRG Root X1"},
		{name: "the digest of a PEM file", world: oneHost(leafHost("3 0 1 "+spki(text)), ""), state: diagnosis.StateBroken, code: diagnosis.CodePEMDigest, actor: diagnosis.MailHost, fix: wanted},
		{name: "the selector is wrong", world: oneHost(leafHost("3 0 1 "+spki(leaf.Leaf.RawSubjectPublicKeyInfo)), ""), state: diagnosis.StateBroken,
			code: diagnosis.CodeWrongSelector, actor: diagnosis.MailHost, fix: wanted},
		{name: "the matching type is wrong", world: oneHost(leafHost("3 1 0 "+hex.EncodeToString(leaf.Record(tlsa.SPKI, tlsa.SHA512).Data)), ""), state: diagnosis.StateBroken,
			code: diagnosis.CodeWrongMatching, actor: diagnosis.MailHost, fix: "IN TLSA 3 1 2 "},
		{name: "SHA-256 data as SHA-512", world: oneHost(leafHost("3 1 2 "+spki(leaf.Leaf.RawSubjectPublicKeyInfo)), ""), state: diagnosis.StateBroken,
			code: diagnosis.CodeWrongMatching, actor: diagnosis.MailHost, fix: wanted},
		{name: "SHA-512 data as SHA-256 beside others", world: oneHost(leafHost("3 1 2 "+hex.EncodeToString(leaf.Leaf.RawSubjectPublicKeyInfo[:64]), "3 0 2 "+hex.EncodeToString(leaf.Record(tlsa.SPKI, tlsa.SHA512).Data)), ""),
			state: diagnosis.StateBroken, code: diagnosis.CodeWrongSelector, actor: diagnosis.MailHost},
		{name: "the usage is that for a CA", world: oneHost(leafHost("2 1 1 "+spki(leaf.Leaf.RawSubjectPublicKeyInfo)), ""), state: diagnosis.StateBroken,
			code: diagnosis.CodeWrongUsage, actor: diagnosis.MailHost, fix: wanted},
		{name: "the digest of nothing", world: oneHost(leafHost("3 1 1 "+spki(nil)), ""), state: diagnosis.StateBroken, code: diagnosis.CodeEmptyDigest, actor: diagnosis.MailHost, fix: wanted},
		{name: "the certificate has expired", world: oneHost(broken(tlsatest.Expired), ""), state: diagnosis.StateBroken, code: diagnosis.CodeCertExpired, actor: diagnosis.MailHost, text: "has expired on", fix: "Or, instead of that, publish"},
		{name: "the certificate is not valid yet", world: oneHost(broken(tlsatest.NotYetValid), ""), state: diagnosis.StateBroken, code: diagnosis.CodeCertNotYetValid, actor: diagnosis.MailHost},
		{name: "the certificate is for another name", world: oneHost(broken(tlsatest.WrongName), ""), state: diagnosis.StateBroken,
			code: diagnosis.CodeCertName, actor: diagnosis.MailHost, text: "is for wrong.invalid", fix: "issued for mail.a.example"},
		{name: "the certificate is for clients", world: oneHost(broken(tlsatest.ClientOnly), ""), state: diagnosis.StateBroken, code: diagnosis.CodeCertPath, actor: diagnosis.MailHost},
		{name: "the certificate is malformed", world: oneHost(danetest.Host{TLSA: []string{"3 1 1"}, Certificate: tlsatest.Leaf{Faults: tlsatest.NegativeSerial}}, ""),
			state: diagnosis.StateBroken, code: diagnosis.CodeCertRefused, actor: diagnosis.MailHost},
		{name: "a record of no use beside good ones", world: oneHost(mail("3 1 1", "2 1 1", "1 1 1"), ""), state: diagnosis.StateWarning,
			code: diagnosis.CodeUselessRecord, actor: diagnosis.MailHost, fix: "IN TLSA 1 1 1"},
		{name: "a CA that is gone beside good ones", world: oneHost(mail("3 1 1", "3 1 1 "+otherKey, "2 1 1 "+otherKey), ""), state: diagnosis.StateWarning, code: diagnosis.CodeAnchorAtRisk, actor: diagnosis.MailHost},
		{name: "a combination that matches nothing", world: oneHost(mail("3 1 1", "2 1 1", "3 0 1 "+otherKey), ""), state: diagnosis.StateWarning, code: diagnosis.CodeTLSAIncomplete, actor: diagnosis.MailHost},
		{name: "SHA-512 alone", world: oneHost(leafHost(own(leaf.Record(tlsa.SPKI, tlsa.SHA512)), own(ca.Record(tlsa.SPKI, tlsa.SHA512))), ""), state: diagnosis.StateWarning,
			code: diagnosis.CodeTLSAIncomplete, actor: diagnosis.MailHost, text: "SHA-512", fix: wanted},
		{name: "more records than can be tried", world: oneHost(sound, ""), edit: func(r *dane.Result) {
			// What fits into one message costs half a second to get there.
			report := r.Hosts[0].Attempts[0].Report
			report.Findings = append(report.Findings, tlsa.Finding{Problem: tlsa.ProblemLimit, Record: 0, Certificate: -1})
		}, state: diagnosis.StateUnknown, code: diagnosis.CodeTLSALimit, actor: diagnosis.MailHost},
		{name: "no next key", world: oneHost(mail("3 1 1"), ""), state: diagnosis.StateWarning, code: diagnosis.CodeNoNextKey, actor: diagnosis.MailHost, fix: "daneverify tlsa plan"},
		{name: "a certificate in full", world: oneHost(mail("3 1 1", "2 1 1", "3 1 0"), ""), state: diagnosis.StateOK, code: diagnosis.CodeTLSAWasteful, actor: diagnosis.MailHost},
		{name: "the certificate ends in two days", world: oneHost(mail("2 1 1"), ""), options: at(88 * 24 * time.Hour), state: diagnosis.StateWarning,
			code: diagnosis.CodeCertificateEnds, actor: diagnosis.MailHost, text: "certificate of mail.a.example ends on", fix: "Renew"},
		{name: "the certificate ends in three months, for who asks", world: oneHost(mail("2 1 1"), ""), options: diagnosis.Options{Within: 365 * 24 * time.Hour}, state: diagnosis.StateWarning,
			code: diagnosis.CodeCertificateEnds, actor: diagnosis.MailHost, text: "certificate of mail.a.example ends on", fix: "Renew"},
		{name: "the same, with a record of its key", world: oneHost(mail("3 1 1", "3 1 1 "+otherKey), ""), options: at(88 * 24 * time.Hour), state: diagnosis.StateOK},
	}
	for _, code := range diagnosis.Codes() {
		found := testedAtServers(code)
		for _, tt := range tests {
			found = found || tt.code == code
		}
		if !found {
			t.Errorf("no world has %s", code)
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checker := tt.world.checker(t)
			checker.AllCertificates = tt.both
			verify := checker.Verify
			if tt.plan {
				verify = checker.Plan
			}
			domain := tt.domain
			if domain == "" {
				domain = "a.example"
			}
			result, _ := verify(t.Context(), domain)
			if tt.edit != nil {
				tt.edit(result)
			}
			report := diagnose(t, result, tt.options)
			if report.State != tt.state {
				t.Errorf("state %s, want %s", report.State, tt.state)
			}
			if tt.code == "" {
				if len(report.Findings) > 0 {
					t.Errorf("found: %s", codes(report))
				}
				return
			}
			wrong := []string{"found: " + codes(report)}
			for _, f := range report.Findings {
				all := fmt.Sprintln(f.Fix, f.Publish, f.Remove)
				if f.Code == tt.code && f.Actor == tt.actor && strings.Contains(f.Text, tt.text) && strings.Contains(all, tt.fix) && f.Fix != "" {
					return
				}
				wrong = append(wrong, fmt.Sprintf("%s, for the %s: %s\n\t%s", f.Code, f.Actor, f.Text, all))
			}
			t.Errorf("want %s, for the %s, that says %q and %q; %s", tt.code, tt.actor, tt.text, tt.fix, strings.Join(wrong, "\n"))
		})
	}
}
