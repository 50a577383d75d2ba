package page_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"math/big"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/examples/daneverify/internal/page"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// recorded returns a domain as daneverify -json has printed it.
func recorded(t *testing.T, name string) page.Domain {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	d := page.Domain{Result: new(dane.Result)}
	if err := json.Unmarshal(bytes.TrimSpace(text), d.Result); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d.Report); err != nil {
		t.Fatal(err)
	}
	return d
}

// spoiler is what a stranger writes to spoil a page: tags, ends of elements, entities,
// quotes, control characters, and those that turn text around (CVE-2021-42574).
const spoiler = "</title></style></script></text></pre><script>alert(1)</script><img src=x onerror=alert(1)>" +
	"<svg/onload=alert(1)>\"'`&quot;&#x3c;{{.}} javascript:alert(1)\r\n\x1b[31m\x00\u202e\u2066\u200b\ufeff"

// now is when the hostile domain was looked at.
var now = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// hostile returns a domain with the spoiler wherever text can be, and more of everything
// than a page shows. It is always the same.
func hostile(t *testing.T) page.Domain {
	t.Helper()
	huge := strings.Repeat(spoiler, 65536/len(spoiler)) // 64 kB
	r := &dane.Result{
		Name: spoiler + huge, Outcome: dane.OutcomeFailure, Err: errors.New(huge), Started: now, Elapsed: time.Second,
		Domain: &dane.Domain{Name: huge, Status: dnssec.Secure, Omitted: 7, Lookup: hostileLookup(huge, "", 0)},
	}
	chain := hostileChain(t, 20)
	for i := range 20 {
		h := &dane.Host{Domain: huge, Name: spoiler + strings.Repeat("x", i), Action: dane.MustAuthenticate, Err: errors.New(huge), Omitted: 3}
		var a dane.Attempt
		for j := range 300 {
			usage := []tlsa.Usage{tlsa.DANEEE, tlsa.DANETA, 0, 77}[j%4]
			h.Records = append(h.Records, tlsa.Record{Usage: usage, Selector: tlsa.SPKI, Matching: tlsa.SHA256, Data: []byte{byte(i), byte(j), byte(j >> 8)}})
		}
		for j := range 20 {
			address := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, byte(i), byte(j)})
			h.Addresses = append(h.Addresses, dane.Address{Addr: address, Status: dnssec.Secure})
			a = dane.Attempt{Addr: netip.AddrPortFrom(address, 25), Err: errors.New(huge), Session: hostileSession(huge, chain), Other: chain}
			a.Report = &tlsa.Report{}
			h.Lookups = append(h.Lookups, hostileLookup(huge, spoiler, 20*i+j))
			if j == 0 {
				r.Hosts = append(r.Hosts, dane.HostResult{Host: h})
			}
			last := &r.Hosts[len(r.Hosts)-1]
			last.Attempts = append(last.Attempts, a)
		}
	}
	report := diagnosis.Report{State: diagnosis.StateBroken}
	for range 100 {
		texts := make([]string, 100)
		for i := range texts {
			texts[i] = huge
		}
		report.Findings = append(report.Findings, diagnosis.Finding{
			Code: spoiler, Severity: diagnosis.Broken, Host: huge, Text: huge, Fix: huge, Publish: texts, Remove: texts, Evidence: texts,
			Addresses: make([]netip.Addr, 40), Link: "javascript:alert(1)",
		})
	}
	return page.Domain{Result: r, Report: report, About: huge}
}

// hostileLookup returns an answer of zones and keys that no other has.
func hostileLookup(huge, name string, n int) dane.Lookup {
	label := strings.Repeat("z", 60)
	zone := dns.Fqdn(strings.Repeat(string(rune('a'+n%26)), 63) + "." + label + "." + label + ".example")
	owner := `\"\><svg/onload=alert(1)>.` + zone
	l := dane.Lookup{
		Name: name + owner, Type: dns.TypeTLSA, Status: dnssec.Bogus, Err: errors.New(huge),
		Reason: dnssec.Reason{Zone: zone, Name: owner, Type: dns.TypeDNSKEY, Text: huge}, Expires: now.Add(time.Hour),
		Exchanges: []dnssec.Exchange{{Server: huge}},
	}
	for i := range 200 {
		l.Records = append(l.Records, huge)
		l.Aliases = append(l.Aliases, dnssec.Alias{Target: huge})
		l.Chain = append(l.Chain, dnssec.Link{
			Zone: zone, Name: string(rune('a'+i%26)) + owner, Type: uint16(i), Status: dnssec.Secure, KeyTag: uint16(i % 5), Algorithm: uint8(i),
			Expiration: now.Add(time.Duration(i-20) * 50 * time.Hour),
		})
	}
	return l
}

func hostileSession(huge string, chain []*x509.Certificate) *smtpprobe.Result {
	s := &smtpprobe.Result{TLS: &tls.ConnectionState{Version: 9, CipherSuite: 9, PeerCertificates: chain}}
	for i := range 40 {
		step := smtpprobe.Step{Stage: smtpprobe.Stage(i % 8), Command: huge, Reply: smtpprobe.Reply{Code: 250}}
		for range 200 {
			step.Reply.Lines = append(step.Reply.Lines, huge)
		}
		s.Steps = append(s.Steps, step)
	}
	return s
}

// hostileChain returns certificates with the spoiler in their names. Ed25519 makes the same
// signature each time.
func hostileChain(t *testing.T, n int) (chain []*x509.Certificate) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	for i := range n {
		name := pkix.Name{CommonName: strings.ToValidUTF8(spoiler, ""), Organization: []string{"<b>", `"><script>`}}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: name, NotBefore: now.Add(time.Hour), NotAfter: now.AddDate(i, 0, 1),
		}
		for range 50 {
			template.DNSNames = append(template.DNSNames, "<script>.example")
		}
		der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, cert)
	}
	return chain
}

func write(t *testing.T, o page.Options, domains ...page.Domain) string {
	t.Helper()
	var b bytes.Buffer
	if err := page.Write(&b, domains, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
