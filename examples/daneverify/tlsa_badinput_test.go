package main

import (
	"bytes"
	"encoding/pem"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// TestTLSABadInput has what publishers get wrong, and zones that are not as they should be, at
// each command that can meet it: a sentence, and a status. Where a file is not understood,
// nobody is asked, and nothing is printed or written.
func TestTLSABadInput(t *testing.T) {
	t.Parallel()
	const (
		file = "not understood" // all commands that read it refuse it alike
		all  = "check wait plan"
	)
	for _, tt := range []struct {
		name     string
		zone     func(*dnssectest.Zone, *publisher)
		world    func(*publisher)
		input    func(*publisher) string // in place of the next certificate
		host     string
		commands string // those that meet it
		kind     string
		status   int
		want     string // in the sentence
	}{
		{name: "a chain whose leaf is last", kind: file, commands: "make " + all, status: 2, want: "the server's own has to come first", input: func(p *publisher) string {
			return p.folder.chain("last.pem", p.ca.Certificate, p.next.Leaf)
		}},
		{name: "certificates of two servers", kind: file, commands: "make " + all, status: 2, want: "both of a server", input: func(p *publisher) string {
			return p.folder.chain("two.pem", p.current.Leaf, p.next.Leaf)
		}},
		{name: "PEM with several keys", kind: file, commands: "make-key", status: 2, want: "several keys", input: func(p *publisher) string {
			return p.write("keys.pem", "PUBLIC KEY", p.current.Leaf.RawSubjectPublicKeyInfo, "PUBLIC KEY", p.next.Leaf.RawSubjectPublicKeyInfo)
		}},
		{name: "keys where a certificate should be", kind: file, commands: "make " + all, status: 2, want: `has no certificate: it is PEM of "PUBLIC KEY"`, input: func(p *publisher) string {
			return p.write("key.pem", "PUBLIC KEY", p.next.Leaf.RawSubjectPublicKeyInfo)
		}},
		{name: "an encrypted key", kind: file, commands: "make-key", status: 2, want: "the key is encrypted; `openssl pkey", input: func(p *publisher) string {
			return p.write("enc.pem", "ENCRYPTED PRIVATE KEY", []byte("x"))
		}},
		{name: "an encrypted key of OpenSSL's own form", kind: file, commands: "make-key", status: 2, want: "the key is encrypted", input: func(p *publisher) string {
			block := &pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("x")}
			return p.raw("old.pem", string(pem.EncodeToMemory(block)))
		}},
		{name: "an encrypted key where a certificate should be", kind: file, commands: all, status: 2, want: `it is PEM of "ENCRYPTED PRIVATE KEY"`, input: func(p *publisher) string {
			return p.write("enc.pem", "ENCRYPTED PRIVATE KEY", []byte("x"))
		}},
		{name: "a CSR without the name", kind: file, commands: "make-csr", status: 2, want: "is for www.example, not for mx.example", input: func(p *publisher) string {
			return p.write("www.pem", "CERTIFICATE REQUEST", request(p.next.Key, "", "www.example"))
		}},
		{name: "a CSR without any name", kind: file, commands: "make-csr", status: 2, want: "for no name", input: func(p *publisher) string {
			return p.write("none.pem", "CERTIFICATE REQUEST", request(p.next.Key, ""))
		}},
		{name: "a CSR where a certificate should be", kind: file, commands: all, status: 2, want: `it is PEM of "CERTIFICATE REQUEST"`, input: func(p *publisher) string {
			return p.write("csr.pem", "CERTIFICATE REQUEST", request(p.next.Key, "", "mx.example"))
		}},
		{name: "a state of something else", kind: file, commands: "check-state wait-state", status: 2, want: "is no state of this program", world: func(p *publisher) {
			p.raw("state", "{}")
		}},

		{name: "records of another port", host: "mx.example:465", commands: "check wait", status: 1, want: "has no TLSA record at _465._tcp.mx.example."},
		{name: "records of another port, to plan from", host: "mx.example:465", commands: "plan", status: 0, want: "publish the new records"},
		{name: "servers that differ", world: func(p *publisher) { p.publish(p.both(), 1, 2) }, commands: "check wait", status: 1, want: "ns3.example (192.0.2.3): no record of this certificate"},
		{name: "servers that differ, to plan from", world: func(p *publisher) { p.publish(p.both(), 3) }, commands: "plan", status: 1, want: "the name servers differ: ns3.example (192.0.2.3) has other records than ns1.example (192.0.2.1), though"},
		{name: "TTL 0, which makes the time for which nothing is cached count", zone: func(_ *dnssectest.Zone, p *publisher) { p.ttl = 0 }, commands: "check", status: 1, want: "caches may have older ones until",
			world: func(p *publisher) { p.publish(p.both(), 1, 2, 3) }},
		{name: "TTL 0, waited for", zone: func(_ *dnssectest.Zone, p *publisher) { p.ttl = 0 }, commands: "wait", status: 0, want: "SAFE",
			world: func(p *publisher) { p.publish(p.both(), 1, 2, 3) }},
		{name: "TTL 0, to plan from", zone: func(_ *dnssectest.Zone, p *publisher) { p.ttl = 0 }, commands: "plan", status: 0, want: "TTL 0s"},
		{name: "TTL of a week", zone: func(_ *dnssectest.Zone, p *publisher) { p.ttl = 7 * 24 * 3600 }, commands: "check wait", status: 1, want: "the TTL of the records is 168h0m0s, so that each change takes that long: lower it"},
		{name: "TTL of a week, which is longer than the wait", zone: func(_ *dnssectest.Zone, p *publisher) { p.ttl = 7 * 24 * 3600 }, commands: "wait", status: 1, want: "the time of -timeout is up",
			world: func(p *publisher) { p.publish(p.both(), 1, 2, 3) }},
		{name: "TTL of a week, to plan from", zone: func(_ *dnssectest.Zone, p *publisher) { p.ttl = 7 * 24 * 3600 }, commands: "plan", status: 0, want: "TTL 168h0m0s"},
		{name: "an unsigned zone", zone: func(z *dnssectest.Zone, _ *publisher) { z.Unsigned = true }, commands: all, status: 1, want: "nobody will use the"},
		{name: "a signed zone without a DS record", zone: func(z *dnssectest.Zone, _ *publisher) { z.NoDS = true }, commands: all, status: 1, want: "nobody will use the"},
		{name: "a bogus zone", zone: bogusZone(dnssectest.Expired), commands: all, status: 1, want: "expired"},
		{name: "a zone with a DS record of another key", zone: bogusZone(dnssectest.WrongDS), commands: all, status: 1, want: "ogus"},
		{name: "a zone that nobody serves", zone: bogusZone(dnssectest.ServFail), commands: all, status: 2, want: "it is not known"},
		{name: "a server that is silent", world: func(p *publisher) { p.said["192.0.2.2"] = func(*dns.Msg) bool { return false } }, commands: "plan", status: 2, want: "ns2.example (192.0.2.2)"},
		{name: "a host that is not there", host: "nobody.example", commands: "check wait plan", status: 2, want: "nobody.example does not exist"},
		{name: "a mail domain in place of its host", host: "pub.example", commands: "check wait plan", status: 2, want: "did you mean mx.example?", zone: func(z *dnssectest.Zone, _ *publisher) {
			z.Records = "pub MX 10 mx.example.\n"
		}},
		{name: "a name without an address", host: "text.example", commands: "check wait plan", status: 2, want: "text.example has no address", zone: func(z *dnssectest.Zone, _ *publisher) {
			z.Records = "text TXT x\n"
		}},
		{name: "a certificate of another name", commands: "check wait", status: 1, want: "is for www.example, not for mx.example", input: otherName},
		{name: "a certificate of another name, to plan with", commands: "plan", status: 0, want: "is for www.example, not for mx.example", input: otherName},
		{name: "an address in place of the host", kind: file, host: "192.0.2.25", commands: all, status: 2, want: "TLSA records are for host names"},
		{name: "the owner in place of the host", kind: file, host: "_25._tcp.mx.example", commands: all, status: 2, want: "the port goes behind it"},
	} {
		for command := range strings.FieldsSeq(tt.commands) {
			t.Run(tt.name+", "+command, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					p := newPublisher(t, tt.zone)
					if tt.world != nil {
						tt.world(p)
					}
					next := p.file
					if tt.input != nil {
						next = tt.input(p)
					}
					before, host := snapshot(t, p.dir), tt.host
					if host == "" {
						host = "mx.example"
					}
					command, with, _ := strings.Cut(command, "-")
					args := map[string][]string{
						"make":  {"make", "-for", "mx.example", "-" + with, next},
						"check": {"check", "-cert", next, host},
						"wait":  {"wait", "-timeout", "1h", "-cert", next, host},
						"plan":  {"plan", "-current", p.oldPEM, "-next", next, host},
					}[command]
					switch {
					case command == "make" && with == "":
						args[3] = "-cert"
					case with == "state":
						args = append(args, "-state", p.state)
					}
					status, stdout, stderr := p.run(t.Context(), args...)
					if status != tt.status || !strings.Contains(stdout+stderr, tt.want) {
						t.Errorf("exit status %d, want %d with %q\n%s%s", status, tt.status, tt.want, stdout, stderr)
					}
					if after := snapshot(t, p.dir); !bytes.Equal(before, after) {
						t.Error("a file was changed")
					}
					if tt.kind == file && (stdout != "" || strings.Count(stderr, "\n") != 1 || len(p.world.Questions()) > 0) {
						t.Errorf("it is not understood, and yet:\n%s%s%v", stdout, stderr, p.world.Questions())
					}
				})
			})
		}
	}
}

// otherName is a chain that is not for the host.
func otherName(p *publisher) string {
	return p.folder.chain("www.pem", p.ca.Issue(tlsatest.Leaf{Names: []string{"www.example"}}).Leaf, p.ca.Certificate)
}

func bogusZone(fault dnssectest.Fault) func(*dnssectest.Zone, *publisher) {
	return func(z *dnssectest.Zone, _ *publisher) {
		z.Faults = map[string]dnssectest.Fault{dnssectest.WholeZone: fault}
	}
}

// snapshot is what is in a folder.
func snapshot(t *testing.T, dir string) []byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	for _, entry := range entries {
		text, err := os.ReadFile(dir + "/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(entry.Name() + "\n" + string(text))
	}
	return all.Bytes()
}
