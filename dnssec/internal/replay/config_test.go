package replay_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/replay"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	none := map[string][]string{}
	servers := func(addresses ...string) (all []netip.Addr) {
		for _, address := range addresses {
			all = append(all, netip.MustParseAddr(address))
		}
		return all
	}
	for _, tt := range []struct {
		name, text string
		want       replay.Config
	}{
		{
			"a comment, and what is none", "\tserver: # x ' x\n\tlog-identity: 'a # b ; c' # \"\n\tvalue: \"it's ; x\"\n",
			replay.Config{Dialect: replay.Unbound, Options: map[string]string{"log-identity": "a # b ; c", "value": "it's ; x"}},
		},
		{
			"anchors in files", "server:\ntrust-anchor-file:\n\tTEMPFILE_NAME a\ntrusted-keys-file: \"b\"\ntrust-anchor: 'x. DS 3'\nTEMPFILE_CONTENTS a\nx. DS 1\n; x\nTEMPFILE_END ; x\nTEMPFILE_CONTENTS b\ntrusted-keys {};\nTEMPFILE_END\n",
			replay.Config{Dialect: replay.Unbound, Anchors: []string{"x. DS 3", "x. DS 1\n; x", "trusted-keys {};"}, Files: map[string][]string{"a": {"x. DS 1", "; x"}, "b": {"trusted-keys {};"}}},
		},
		{
			"zones", "stub-zone: name: a.\nstub-addr: 192.0.2.1@53\nstub-addr: 2001:db8::1#ns.\nstub-prime: no\nforward-zone:\nname: \"b.\"\nforward-addr: 192.0.2.2\nremote-control: control-enable: no\n",
			replay.Config{
				Dialect: replay.Unbound, Options: map[string]string{"stub-prime": "no", "control-enable": "no"},
				Zones: []replay.Zone{{Name: "a.", Servers: servers("192.0.2.1", "2001:db8::1")}, {Name: "b.", Forward: true, Servers: servers("192.0.2.2")}},
			},
		},
		{
			"Deckard's servers are of one zone", "stub-addr: 192.0.2.1\nstub-addr: 192.0.2.2\nstub-name: ns.\ndomain-insecure: a.\ndomain-insecure: 'b.'\n",
			replay.Config{Zones: []replay.Zone{{Name: ".", Servers: servers("192.0.2.1", "192.0.2.2")}}, Insecure: []string{"a.", "b."}},
		},
	} {
		text := tt.text + "CONFIG_END\nSCENARIO_BEGIN x\nSCENARIO_END\n"
		got := parse(t, text).Config
		for _, c := range []*replay.Config{&got, &tt.want} {
			if c.Options == nil {
				c.Options = map[string]string{}
			}
			if c.Files == nil {
				c.Files = none
			}
			if c.States == nil {
				c.States = none
			}
		}
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if got := parse(t, "\ufeff"+strings.ReplaceAll(text, "\n", "\r\n")).Config; got.Dialect != tt.want.Dialect || len(got.Zones) != len(tt.want.Zones) {
			t.Errorf("%s, with the line ends of others: %+v", tt.name, got)
		}
	}
}

// What cannot be played has its line in the error.
func TestConfigErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"another source of answers", "server:\nauth-zone:\n", "test.rpl:2: auth-zone is not supported"},
		{"another file", "include: \"x\"\n", "test.rpl:1: include is not supported"},
		{"local answers", "local-data: \"x. A 192.0.2.1\"\n", "local-data is not supported"},
		{"a name that must be looked up", "stub-zone:\nname: x.\nstub-host: ns.\n", "test.rpl:3: stub-host is not supported"},
		{"a state outside of the script", "auto-trust-anchor-file: x\n", "auto-trust-anchor-file is not supported"},
		{"anchors outside of the script", "trust-anchor-file: x\nCONFIG_END\n", "no TEMPFILE_CONTENTS x"},
		{"no value", "trust-anchor-file:\nserver:\n", "test.rpl:2: trust-anchor-file without a value"},
		{"no value before the end", "x:\nCONFIG_END\n", "test.rpl:2: x without a value"},
		{"a value without option", "TEMPFILE_NAME x\n", "a value without an option"},
		{"a file without name", "AUTOTRUST_FILE\n", "AUTOTRUST_FILE without a name"},
		{"a file without end", "TEMPFILE_CONTENTS x\n", "the file ends too early"},
		{"an unknown comparison", "CONFIG_END\nSTEP 1 QUERY\nENTRY_BEGIN\nMATCH all qnam\n", `test.rpl:4: unknown token "qnam"`},
		{"a comparison without number", "CONFIG_END\nSTEP 1 QUERY\nENTRY_BEGIN\nMATCH ede=x\n", `unknown token "ede=x"`},
		{"an unknown adjustment", "CONFIG_END\nSTEP 1 QUERY\nENTRY_BEGIN\nADJUST copy\n", `test.rpl:4: unknown token "copy"`},
		{"a delay without number", "CONFIG_END\nSTEP 1 QUERY\nENTRY_BEGIN\nADJUST sleep\n", `unknown token "sleep"`},
		{"a query without question", "CONFIG_END\nSTEP 1 QUERY\nENTRY_BEGIN\nENTRY_END\n", "test.rpl:4: a query that is not one question"},
		{"a packet that is not hexadecimal", "CONFIG_END\nSTEP 1 REPLY\nENTRY_BEGIN\nHEX_ANSWER_BEGIN\nxx\nHEX_ANSWER_END\n", "test.rpl:6: encoding/hex"},
		{"a packet that is too short", "CONFIG_END\nSTEP 1 REPLY\nENTRY_BEGIN\nHEX_ANSWER_BEGIN\n00\nHEX_ANSWER_END\n", "a packet without a header"},
		{"options that are none", "CONFIG_END\nSTEP 1 REPLY\nENTRY_BEGIN\nHEX_EDNSDATA_BEGIN\n00\nHEX_EDNSDATA_END\n", "test.rpl:6: "},
	} {
		_, err := replay.Parse(strings.NewReader(tt.text), "test.rpl")
		if e, ok := errors.AsType[*replay.Error](err); !ok || !strings.Contains(e.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// Blanks, comments, and lines that mean nothing.
func TestLooseLines(t *testing.T) {
	t.Parallel()
	script := parse(t, "server:\nCONFIG_END ; x\nSCENARIO_BEGIN\tA title \nRANGE_END\n\tRANGE_BEGIN\t0\t9 ; x\nADDRESS 192.0.2.1\n ADDRESS\t192.0.2.2\nENTRY_BEGIN ; x\nMATCH\topcode ; x\nREPLY QR aa\nSECTION question\nx. in a\nSECTION ANSWER\n# x\nx. IN DNSKEY 257 3 RSASHA256 AQ==\nx. TXT \"a \\\" ; b\" ; \"\nENTRY_END ; x\nRANGE_END ; x\nSTEP\t1\tTRAFFIC ; x\nSCENARIO_END ; x\n")
	want := []netip.Addr{netip.MustParseAddr("192.0.2.2")} // Unbound's last counts
	if diff := cmp.Diff(want, script.Ranges[0].Servers, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[int]string{4: "RANGE_END"}, script.Ignored); diff != "" || script.Title != "A title" || script.Steps[0].Type != "TRAFFIC" {
		t.Errorf("%+v\n%s", script, diff)
	}
	msg := script.Ranges[0].Entries[0].Msg
	if key, ok := msg.Answer[0].(*dns.DNSKEY); !ok || key.Algorithm != dns.RSASHA256 || !msg.Authoritative || msg.Question[0].Qtype != dns.TypeA {
		t.Error(msg)
	}
	if txt := msg.Answer[1].(*dns.TXT); txt.Txt[0] != `a \" ; b` {
		t.Error(txt)
	}
}

// The servers of a zone may refer to others below.
func TestStubZone(t *testing.T) {
	t.Parallel()
	script := parse(t, "stub-zone:\nname: test.\nstub-addr: 192.0.2.1\nforward-zone:\nname: fwd.test.\nforward-addr: 192.0.2.3\nCONFIG_END\nSCENARIO_BEGIN x\n"+
		scope(0, 9, "192.0.2.1", entry("subdomain", "sub.test. NS", "QR", "SECTION AUTHORITY", "sub.test. NS ns.sub.test.", "SECTION ADDITIONAL", "ns.sub.test. A 192.0.2.2"))+
		scope(0, 9, "192.0.2.2", entry("qname", "www.sub.test. A", "QR AA", "SECTION ANSWER", "www.sub.test. A 198.51.100.1"))+
		scope(0, 9, "192.0.2.3", entry("qname", "www.fwd.test. A", "QR RA", "SECTION ANSWER", "www.fwd.test. A 198.51.100.2"))+"SCENARIO_END\n")
	network, err := replay.New(script)
	if err != nil {
		t.Fatal(err)
	}
	exchanger := network.Exchanger()
	for name, want := range map[string]string{"www.sub.test.": "198.51.100.1", "www.fwd.test.": "198.51.100.2"} {
		reply, err := exchanger.Exchange(t.Context(), &upstream.Query{Msg: new(dns.Msg).SetQuestion(name, dns.TypeA)})
		if err != nil || len(reply.Msg.Answer) != 1 || reply.Msg.Answer[0].(*dns.A).A.String() != want {
			t.Errorf("%s: %v, %v", name, reply, err)
		}
	}
	network.Close()
}

func TestMacros(t *testing.T) {
	t.Parallel()
	m := replay.Macros{Time: time.Unix(100, 0), Timeout: 30 * time.Second}
	if err := m.Assign([]string{"v", "=", "${time", "+", "1}"}); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]time.Duration{
		"ELAPSE 1.5":                     1500 * time.Millisecond,
		"EVAL ${1+2*3}":                  9 * time.Second, // from left to right
		"EVAL ${1+${2*3}}":               7 * time.Second,
		"EVAL ${$v - ${timeout}}":        71 * time.Second,
		"EVAL ${range 20 ${timeout} 30}": 30 * time.Second,
		"EVAL ${range 31 ${timeout} 40}": -1,
		"EVAL ${$w}":                     -1,
		"EVAL ${1 %}":                    -1,
		"EVAL ${1 +}":                    -1,
		"ELAPSE":                         -1,
		"AFTER 5":                        -1,
	} {
		if got, err := m.Elapse(strings.Fields(args)); (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%s: %s, %v; want %s", args, got, err, want)
		}
	}
}
