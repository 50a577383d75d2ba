package diagnosis_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// shortKey is a certificate with an RSA key of 1,024 bits, with its record.
func shortKey(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mail.a.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	record, err := tlsa.New(tlsa.DANEEE, tlsa.SPKI, tlsa.SHA256, cert)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, record.String()
}

// clock makes that of the sender wrong.
func clock(by time.Duration) func(*dane.Verifier) {
	return func(v *dane.Verifier) {
		v.Resolver.(*dnssec.Resolver).Time = func() time.Time { return time.Now().Add(by) }
	}
}

// privateHost has an address to which connections end with an error.
func privateHost(errno syscall.Errno) world {
	w := oneHost(danetest.Host{Name: "mail", TLSA: []string{"3 1 1", "2 1 1"}}, "@ MX 20 in\nin A 10.1.2.3\n_25._tcp.in TLSA 3 1 1 "+otherKey)
	w.errnos = map[string]syscall.Errno{"10.1.2.3": errno}
	return w
}

// Faults with one symptom and several causes: what is said is of the cause, and the fix is not
// that of another one.
func TestCauses(t *testing.T) {
	t.Parallel()
	sound := danetest.Host{Name: "mail", TLSA: []string{"3 1 1", "2 1 1"}}
	said := func(stage smtptest.Stage, reply string) world {
		return oneHost(danetest.Host{TLSA: sound.TLSA, Server: saying(stage, reply)}, "")
	}
	old := tlsatest.NewCA(tlsatest.Authority{Name: "Old Root", Faults: tlsatest.Expired})
	below := old.NewCA(tlsatest.Authority{Name: "R11", Time: time.Now()}).Issue(tlsatest.Leaf{Names: []string{"mail.a.example"}, Time: time.Now()})
	ca := tlsatest.NewCA(tlsatest.Authority{Name: "Root X"})
	one, two := ca.Issue(tlsatest.Leaf{Names: []string{"one.a.example"}}), ca.Issue(tlsatest.Leaf{Names: []string{"two.a.example"}})
	noCA := tlsatest.NewCA(tlsatest.Authority{Name: "No CA", Faults: tlsatest.NotCA})
	byNoCA := noCA.Issue(tlsatest.Leaf{Names: []string{"mail.a.example"}})
	byBetween := ca.NewCA(tlsatest.Authority{Name: "Between"}).Issue(tlsatest.Leaf{Names: []string{"mail.a.example"}})
	record := func(c *tlsatest.Certificate, change func(*tlsa.Record)) string {
		r := c.Record(tlsa.SPKI, tlsa.SHA256)
		if change != nil {
			change(&r)
		}
		return r.String()
	}
	ofOne := func(records ...string) world {
		return oneHost(danetest.Host{TLSA: records, Server: presenting(one.TLS())}, "")
	}
	ofCA := ca.Record(tlsa.SPKI, tlsa.SHA256)
	ofCA.Usage = tlsa.DANEEE
	for _, tt := range []struct {
		name  string
		world world
		state diagnosis.State
		code  diagnosis.Code
		actor diagnosis.Actor
		text  string
		fix   string // what is to be done, published and removed
		not   string // what is said nowhere
	}{
		{"a login is demanded before STARTTLS", said(smtptest.AtStartTLS, "530 5.7.0 Authentication required"), diagnosis.StateBroken, diagnosis.CodeStartTLSFails, diagnosis.MailHost,
			"530 5.7.0", "Do not demand a login before STARTTLS", "key file"},
		{"STARTTLS is announced, and not known", said(smtptest.AtStartTLS, "502 5.5.1 Command not implemented"), diagnosis.StateBroken, diagnosis.CodeStartTLSFails, diagnosis.MailHost,
			"502 5.5.1", "announces a command that it does not have", "key file"},
		{"something is said in clear after STARTTLS", oneHost(danetest.Host{TLSA: sound.TLSA, Server: failing(smtptest.AtStartTLS, smtptest.Inject)}, ""), diagnosis.StateBroken, diagnosis.CodeStartTLSFails, diagnosis.MailHost,
			"in clear after it has agreed", "CVE-2011-0411", "key file"},
		{"EHLO is not known", said(smtptest.AtHello, "502 5.5.1 Command unrecognized"), diagnosis.StateBroken, diagnosis.CodeNoStartTLS, diagnosis.MailHost,
			"does not know EHLO", "firewall", "blocklist"},
		{"TLS from the first byte on", said(smtptest.AtGreeting, "\x15\x03\x03\x00\x02\x02\x28"), diagnosis.StateBroken, diagnosis.CodeSMTPBroken, diagnosis.MailHost,
			"speaks TLS at once", "wrappermode", "too slow"},
		{"the certificate of the CA has expired", oneHost(danetest.Host{TLSA: []string{old.Record(tlsa.SPKI, tlsa.SHA256).String()}, Server: presenting(below.TLS())}, ""), diagnosis.StateBroken, diagnosis.CodeCertExpired, diagnosis.MailHost,
			`The certificate of the CA "Old Root"`, "the certificate that the CA has now", "The certificate of mail.a.example has expired"},
		{"the certificate is for clients", oneHost(danetest.Host{TLSA: []string{"2 1 1"}, Certificate: tlsatest.Leaf{Faults: tlsatest.ClientOnly}}, ""), diagnosis.StateBroken, diagnosis.CodeCertPath, diagnosis.MailHost,
			"one of them forbids it", "serverAuth", "all its issuers"},
		{"the certificate of the CA may not sign", oneHost(danetest.Host{TLSA: []string{noCA.Record(tlsa.SPKI, tlsa.SHA256).String()}, Server: presenting(byNoCA.TLS())}, ""), diagnosis.StateBroken, diagnosis.CodeCertPath, diagnosis.MailHost,
			`"CN=No CA" may not sign certificates`, "basic constraints", "all its issuers"},
		{"an issuer between is not sent", oneHost(danetest.Host{TLSA: []string{ca.Record(tlsa.SPKI, tlsa.SHA256).String()}, Server: presenting(byBetween.TLSWith(ca.Certificate))}, ""), diagnosis.StateBroken, diagnosis.CodeCertPath, diagnosis.MailHost,
			"no valid path leads", "all its issuers", "serverAuth"},
		{"a key in a record that cannot be read", oneHost(danetest.Host{TLSA: []string{"2 1 0 3009300406028837030100"}, Server: presenting(one.TLS())}, ""), diagnosis.StateBroken, diagnosis.CodeCertPath, diagnosis.MailHost,
			"not all senders can read", "SHA-256 digest (2 1 1)", "all its issuers"},
		{"the key of another host", world{domains: []danetest.Domain{{Name: "a.example", Hosts: []danetest.Host{
			{Name: "one", TLSA: []string{record(two, nil)}, Server: presenting(one.TLS())}, {Name: "two", TLSA: []string{record(one, nil)}, Server: presenting(two.TLS())}}}}}, diagnosis.StateBroken, diagnosis.CodeTLSAMismatch, diagnosis.MailHost,
			"is of the key of two.a.example", record(one, nil), ""},
		{"the key of a CA as the server's own", ofOne(ofCA.String()), diagnosis.StateBroken, diagnosis.CodeWrongUsage, diagnosis.MailHost,
			"the data of the certificate of a CA above it, and usage 3", "TLSA 2 1 1", "the other way round"},
		{"the server's own key as that of a CA", ofOne(record(one, func(r *tlsa.Record) { r.Usage = tlsa.DANETA })), diagnosis.StateBroken, diagnosis.CodeWrongUsage, diagnosis.MailHost,
			"the data of the server's own certificate, and usage 2", "TLSA 3 1 1", "the other way round"},
		{"the digest of the key, as of the certificate", ofOne(record(one, func(r *tlsa.Record) { r.Selector = tlsa.Cert })), diagnosis.StateBroken, diagnosis.CodeWrongSelector, diagnosis.MailHost,
			"the digest of the key alone, and selector 0", "TLSA 3 1 1", "the other way round"},
		{"a rotten 3 0 1 beside a good 3 1 1", ofOne(record(one, nil), record(two, nil), "3 0 1 "+otherKey), diagnosis.StateWarning, diagnosis.CodeTLSAIncomplete, diagnosis.MailHost,
			"3 0 1 0011", "TLSA 3 0 1 " + otherKey, ""},

		{"a private address, and no route to it", privateHost(syscall.ENETUNREACH), diagnosis.StateUnknown, diagnosis.CodeAddressPrivate, diagnosis.DomainOwner, "only hosts in the same network", "the Internet reaches", "a machine with IPv4"},
		{"a private address of a host without DANE", oneHost(danetest.Host{Name: "mail"}, "@ MX 20 in\nin A 192.168.1.3"), diagnosis.StateNone, diagnosis.CodeAddressPrivate, diagnosis.DomainOwner, "in.a.example has a private address", "the Internet reaches", ""},
		{"a null MX beside another", oneHost(sound, "@ MX 0 ."), diagnosis.StateBroken, diagnosis.CodeMXName, diagnosis.DomainOwner, "null MX record", "Remove the null MX record", "not with an address"},
		{"neither MX nor address", world{domains: []danetest.Domain{{Name: "a.example", Zone: dnssectest.Zone{Records: "www A 192.0.2.80"}}}}, diagnosis.StateBroken, diagnosis.CodeNoAddress, diagnosis.DomainOwner,
			"neither an MX record nor an address", "a null MX record", "The MX record names"},
		{"MX to localhost", oneHost(sound, "@ MX 20 localhost."), diagnosis.StateBroken, diagnosis.CodeMXName, diagnosis.DomainOwner, `"localhost"`, "the public name", "sign"},
		{"names that are there are denied without proof", tampered(oneHost(sound, ""), func(q dns.Question, reply *dns.Msg) {
			if strings.HasPrefix(q.Name, "_") {
				reply.Rcode, reply.Answer, reply.Ns = dns.RcodeNameError, nil, nil
			}
		}), diagnosis.StateBroken, diagnosis.CodeDenialBroken, diagnosis.DNSOperator, "The zone a.example does not prove", "runs the DNS of a.example must", "zone _"},
		{"AAAA and TLSA fail alike", tampered(oneHost(sound, ""), func(q dns.Question, reply *dns.Msg) {
			if q.Qtype == dns.TypeTLSA || q.Qtype == dns.TypeAAAA {
				reply.Rcode, reply.Answer, reply.Ns = dns.RcodeServerFailure, nil, nil
			}
		}), diagnosis.StateBroken, diagnosis.CodeDNSFailed, diagnosis.DNSOperator, "fails for AAAA, too, and answers for MX, A", "large get lost", "TLSA alone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			checker := tt.world.checker(t)
			result, err := checker.Verify(t.Context(), "a.example")
			if err != nil {
				t.Fatal(err)
			}
			report := diagnose(t, result, diagnosis.Options{})
			if report.State != tt.state {
				t.Errorf("state %s, not %s: %s", report.State, tt.state, codes(report))
			}
			var said []string
			right := false
			for _, f := range report.Findings {
				fix := strings.Join(append(append([]string{f.Fix}, f.Publish...), f.Remove...), " ")
				right = right || f.Code == tt.code && f.Actor == tt.actor && strings.Contains(f.Text, tt.text) && strings.Contains(fix, tt.fix)
				said = append(said, string(f.Code)+", "+f.Actor.String()+": "+f.Text+" "+fix)
			}
			all := strings.Join(said, "\n")
			if !right {
				t.Errorf("no %s for the %s that says %q and %q:\n%s", tt.code, tt.actor, tt.text, tt.fix, all)
			}
			if tt.not != "" && strings.Contains(all, tt.not) {
				t.Errorf("%q is said:\n%s", tt.not, all)
			}
		})
	}
}

func tampered(w world, tamper func(dns.Question, *dns.Msg)) world {
	w.tamper = tamper
	return w
}
