package explanation_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/explanation"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// hostile would move a terminal's cursor, begin a line of its own, and turn the text round.
const hostile = "\x1b[2J\r\nhost forged\u202e"

// What strangers have put into certificates, replies, records and names comes out as printable
// text, and begins no line.
func TestNothingHostileIsWritten(t *testing.T) {
	t.Parallel()
	ca := tlsatest.NewCA(tlsatest.Authority{Name: hostile})
	leaf := ca.Issue(tlsatest.Leaf{Names: []string{"mail.a.example"}, CommonName: hostile})
	internet := danetest.New(t, danetest.Domain{
		Name: "a.example",
		Hosts: []danetest.Host{
			{Name: "mail", TLSA: []string{"3 1 1 " + otherKey, "2 1 1 " + otherKey}, Server: func(s *smtptest.Server) {
				s.Certificates = append(s.Certificates[:0], leaf.TLS())
			}},
			{Name: "refuses", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) {
				s.Replies = map[smtptest.Stage]string{smtptest.AtStartTLS: "454 " + hostile}
			}},
		},
		Zone: dnssectest.Zone{Records: `text TXT "\027[2J\013\010host forged"` + "\n" + `\027[2J\010host A 192.0.2.77`},
	})
	checker := internet.Checker()
	checker.ChainRecords, checker.AllCertificates = true, true
	result, err := checker.Verify(t.Context(), "a.example")
	if err != nil {
		t.Fatal(err)
	}
	all := []*explanation.Explanation{explanation.Domain(result, explanation.Options{})}
	resolver := internet.DNS.Resolver()
	for _, q := range []struct {
		name  string
		qtype uint16
	}{{"text.a.example", dns.TypeTXT}, {`\027[2J\010host.a.example`, dns.TypeA}, {"\x1b[2Jno.a.example", dns.TypeA}} {
		answer, err := resolver.Lookup(t.Context(), q.name, q.qtype)
		all = append(all, explanation.Answer(q.name, q.qtype, answer, err, explanation.Options{}))
	}
	for _, e := range all {
		var text strings.Builder
		if err := e.WriteText(&text, 80); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(e.Name, "no.a") && strings.Count(text.String(), `\x1b[2J`)+strings.Count(text.String(), `\027[2J`) == 0 {
			t.Errorf("%s: what is hostile is not there at all", e.Name)
		}
		for line := range strings.Lines(text.String()) {
			line = strings.TrimSuffix(line, "\n")
			for _, r := range line {
				if r != '§' && (r < ' ' || r > '~') {
					t.Fatalf("%s: %q in %q", e.Name, r, line)
				}
			}
			if strings.HasPrefix(strings.TrimSpace(line), "host forged") {
				t.Errorf("%s: a line that was put there: %q", e.Name, line)
			}
		}
		if _, err := json.Marshal(e); err != nil {
			t.Error(err)
		}
	}
}
