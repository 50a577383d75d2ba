package replay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// What MATCH says of a query of the usual kind: for www.test. A, over UDP, with DO.
func TestMatch(t *testing.T) {
	t.Parallel()
	const www = "www.test. A"
	for _, tt := range []struct {
		match, reply, question string
		want                   bool
	}{
		{"opcode", "QR", www, true},
		{"opcode", "QR NOTIFY", www, false},
		{"question", "QR", "WWW.test. in a", true},
		{"question", "QR", "www.test. MX", false},
		{"qcase", "QR", "www.tesT. A", false},
		{"subdomain", "QR", "test. MX", true},
		{"subdomain", "QR", "x.www.test. A", false},
		{"rcode", "QR", www, true},
		{"rcode", "QR NXDOMAIN", www, false},
		{"flags", "RD", www, true},
		{"flags", "QR", www, false},
		{"answer authority additional ttl", "QR", www, true},
		{"answer", "QR", www + "\nSECTION ANSWER\nwww.test. A 198.51.100.1", false},
		{"authority", "QR", www + "\nSECTION AUTHORITY\nwww.test. A 198.51.100.1", false},
		{"additional", "QR", www + "\nSECTION ADDITIONAL\nwww.test. A 198.51.100.1", false},
		{"all_noedns", "RD", www, true},
		{"all_noedns", "QR", www, false},
		{"all", "RD", www, false}, // a query has a cookie
		{"ednsdata", "QR", www, false},
		{"DO UDP client_cookie", "QR", www, true},
		{"CO", "QR", www, false},
		{"TCP", "QR", www, false},
		{"noedns", "QR", www, false},
		{"server_cookie", "QR", www, false},
		{"serial=1", "QR", www, false},
		{"ede=any", "QR", www, false},
	} {
		synctest.Test(t, func(t *testing.T) { // where no time is lost with replies that are none
			a := newAsker(t, "server:\n", scope(0, 9, "192.0.2.1", entry(tt.match, tt.question, tt.reply), entry("opcode", "x. A", "QR REFUSED")))
			if got := a.ask("192.0.2.1", "www.test.", "A") != "REFUSED"; got != tt.want {
				t.Errorf("MATCH %s of %s, %s: %t", tt.match, tt.reply, tt.question, got)
			}
			a.network.Close()
		})
	}
}

// Packets as they are, options and delays.
func TestPackets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const header, question = "0000 8400 0001 0001 0000 0000 ; header\n", "03777777 04746573 7400 0001 0001\n"
		hex := "HEX_ANSWER_BEGIN\n" + header + question + "c00c 0001 0001 0000003c 0004 c6336401 # A\nHEX_ANSWER_END"
		a := newAsker(t, "server:\n", scope(0, 9, "192.0.2.1",
			entry("qname", "www.test. A", "QR", hex),
			"ENTRY_BEGIN\nMATCH qname\nADJUST copy_id packet_sleep=1 sleep=2\nREPLY QR DO\nSECTION QUESTION\nede.test. A\nHEX_EDNSDATA_BEGIN\n000f 0002 0006 ; EDE\nHEX_EDNSDATA_END\nMANDATORY\nENTRY_END\n",
		))
		if got := a.ask("192.0.2.1", "www.test.", "A"); got != "NOERROR; 198.51.100.1" {
			t.Errorf("a packet: %s", got)
		}
		if lines := a.network.Unused(); len(lines) != 1 {
			t.Errorf("unused before: %v", lines)
		}
		begin := time.Now()
		msg := new(dns.Msg).SetQuestion("ede.test.", dns.TypeA)
		msg.SetEdns0(1232, true)
		client := &upstream.Client{Address: "192.0.2.1", Dial: a.network.Dial}
		reply, err := client.Exchange(t.Context(), &upstream.Query{Msg: msg})
		if err != nil {
			t.Fatal(err)
		}
		option := reply.Msg.IsEdns0().Option
		if ede, ok := option[0].(*dns.EDNS0_EDE); len(option) != 1 || !ok || ede.InfoCode != 6 {
			t.Errorf("options: %v", option)
		}
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("a delayed reply after %s", took)
		}
		if lines := a.network.Unused(); len(lines) != 0 {
			t.Errorf("unused after: %v", lines)
		}
		a.network.Close()
	})
}
