package dnssec_test

import (
	"bytes"
	"crypto"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/replay"
)

// TestReplaySteps plays scripts of our own, with what few others have, as they are and
// with the line ends of other systems.
func TestReplaySteps(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("internal", "replay", "testdata", "*.rpl"))
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts: ", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for ends, text := range map[string][]byte{
			"LF": text, "CRLF": append([]byte("\ufeff"), bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))...),
		} {
			t.Run(filepath.Base(file)+"/"+ends, func(t *testing.T) {
				t.Parallel()
				script, err := replay.Parse(bytes.NewReader(text), file)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Test(t, func(t *testing.T) { newPlayer(t, script, nil).play() })
			})
		}
	}
}

// TestReplayWeakDigest plays a script whose zone is vouched for by a good SHA-1 digest
// and a bad SHA-256 one. By what Unbound's switch says of it, that is Secure or not; for
// a Resolver it is not in either case (RFC 4509 §3).
func TestReplayWeakDigest(t *testing.T) {
	t.Parallel()
	key := &dns.DNSKEY{Hdr: dns.RR_Header{Name: "test.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 60}, Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256}
	private, err := key.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	signed := func(rr dns.RR) string {
		sig := &dns.RRSIG{Algorithm: key.Algorithm, KeyTag: key.KeyTag(), SignerName: "test.", Inception: 1e9, Expiration: 2e9}
		if err := sig.Sign(private.(crypto.Signer), []dns.RR{rr}); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("SECTION ANSWER\n%s\n%s\n", rr, sig)
	}
	const head = "ENTRY_BEGIN\nMATCH opcode qname qtype\nADJUST copy_id\nREPLY QR AA NOERROR\nSECTION QUESTION\n"
	www := signed(parseRR(t, "www.test. 60 IN A 192.0.2.1"))
	bad := key.ToDS(dns.SHA256)
	bad.Digest = strings.Repeat("00", 32)
	for _, tt := range []struct{ downgrade, want string }{{"no", "AD NOERROR"}, {"yes", "SERVFAIL"}} {
		want := www
		if tt.want == "SERVFAIL" {
			want = ""
		}
		text := fmt.Sprintf("server:\nval-override-date: 1500000000\nharden-algo-downgrade: %s\ntrust-anchor: '%s'\ntrust-anchor: '%s'\n", tt.downgrade, bad, key.ToDS(dns.SHA1)) +
			"forward-zone:\nname: .\nforward-addr: 192.0.2.53\nCONFIG_END\nSCENARIO_BEGIN x\nRANGE_BEGIN 0 9\n" +
			head + "test. DNSKEY\n" + signed(key) + "ENTRY_END\n" + head + "www.test. A\n" + www + "ENTRY_END\nRANGE_END\n" +
			"STEP 1 QUERY\nENTRY_BEGIN\nREPLY RD DO\nwww.test. A\nENTRY_END\n" +
			"STEP 2 CHECK_ANSWER\nENTRY_BEGIN\nMATCH all\nREPLY QR RD RA DO " + tt.want + "\nSECTION QUESTION\nwww.test. A\n" + want + "ENTRY_END\nSCENARIO_END\n"
		t.Run(tt.downgrade, func(t *testing.T) {
			script, err := replay.Parse(strings.NewReader(text), "downgrade.rpl")
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) { newPlayer(t, script, nil).play() })
		})
	}
}
