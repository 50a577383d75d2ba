package dane

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// TestAhead is what replies lead to before they are validated.
func TestAhead(t *testing.T) {
	t.Parallel()
	const sig = "%s 300 IN RRSIG %s 13 2 300 20300101000000 20200101000000 1 %s c2ln"
	mx := func(preference int, host string) string {
		return fmt.Sprintf("a.test. 300 IN MX %d %s", preference, host)
	}
	signed := func(owner, covered, zone string) string { return fmt.Sprintf(sig, owner, covered, zone) }
	addresses := func(host string) []string { return []string{host + " A", host + " AAAA"} }
	for _, tt := range []struct {
		name    string
		off     bool
		replies [][]string // the question, and the answer
		want    []string   // after the last one
	}{
		{"a host in the domain's own zone", false, [][]string{{"a.test. MX", mx(10, "mail.a.test."), signed("a.test.", "MX", "a.test.")}},
			append(addresses("mail.a.test."), "_25._tcp.mail.a.test. TLSA")},
		{"a host elsewhere", false, [][]string{{"a.test. MX", mx(10, "mail.b.test."), signed("a.test.", "MX", "a.test.")}}, addresses("mail.b.test.")},
		{"and then its own zone's signature", false, [][]string{
			{"a.test. MX", mx(10, "mail.b.test."), signed("a.test.", "MX", "a.test.")},
			{"mail.b.test. A", "mail.b.test. 300 IN A 192.0.2.1", signed("mail.b.test.", "A", "b.test.")},
		}, []string{"_25._tcp.mail.b.test. TLSA"}},
		{"unsigned addresses", false, [][]string{
			{"a.test. MX", mx(10, "mail.b.test."), signed("a.test.", "MX", "a.test.")},
			{"mail.b.test. A", "mail.b.test. 300 IN A 192.0.2.1"},
		}, nil},
		{"unsigned MX records", false, [][]string{
			{"a.test. MX", mx(10, "mail.b.test.")},
			{"mail.b.test. A", "mail.b.test. 300 IN A 192.0.2.1", signed("mail.b.test.", "A", "b.test.")},
		}, nil},
		{"a signature of other records", false, [][]string{{"a.test. MX", mx(10, "mail.a.test."), signed("a.test.", "NS", "a.test.")}}, addresses("mail.a.test.")},
		{"a zone that only looks as if it enclosed the host", false, [][]string{{"a.test. MX", mx(10, "mail.evila.test."), signed("a.test.", "MX", "a.test.")}}, addresses("mail.evila.test.")},
		{"no DANE by the policy", true, [][]string{{"a.test. MX", mx(10, "mail.a.test."), signed("a.test.", "MX", "a.test.")}}, addresses("mail.a.test.")},
		{"a null MX record", false, [][]string{{"a.test. MX", mx(0, "."), signed("a.test.", "MX", "a.test.")}}, nil},
		{"an address for a name, and a host twice", false, [][]string{{"a.test. MX", mx(1, "192.0.2.1."), mx(2, "m.b.test."), mx(3, "M.b.test.")}}, addresses("m.b.test.")},
		{"the best four", false, [][]string{{"a.test. MX", mx(9, "m9.b.test."), mx(1, "m1.b.test."), mx(5, "m5.b.test."), mx(2, "m2.b.test."), mx(3, "m3.b.test.")}},
			[]string{"m1.b.test. A", "m1.b.test. AAAA", "m2.b.test. A", "m2.b.test. AAAA", "m3.b.test. A", "m3.b.test. AAAA", "m5.b.test. A", "m5.b.test. AAAA"}},
		{"a reply without a question", false, [][]string{{""}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := &suggester{port: 25, noTLSA: tt.off}
			var got []string
			for _, reply := range tt.replies {
				got = nil
				for _, q := range a.suggest(message(t, reply)) {
					got = append(got, q.Name+" "+dns.TypeToString[q.Qtype])
					if host := fromDNS(q.Name); q.Qtype == dns.TypeAAAA && !a.asksFor(host) {
						t.Errorf("it does not know that it asks for %s", host)
					}
				}
			}
			for _, host := range []string{"", ".", "192.0.2.1", "m9.b.test"} {
				if a.asksFor(host) {
					t.Errorf("it thinks that it asks for %q", host)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("questions (-want +got):\n%s", diff)
			}
		})
	}
}

// message is a reply: the question, and the records of its answer.
func message(t *testing.T, texts []string) *dns.Msg {
	t.Helper()
	msg := new(dns.Msg)
	var name, qtype string
	if n, _ := fmt.Sscan(texts[0], &name, &qtype); n == 2 {
		msg.SetQuestion(name, dns.StringToType[qtype])
	}
	for _, text := range texts[1:] {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		msg.Answer = append(msg.Answer, rr)
	}
	return msg
}
