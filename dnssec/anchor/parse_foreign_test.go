package anchor_test

import (
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// Each format that is not read is told by its name, with what to do instead.
func TestForeignFormats(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"Lua of PowerDNS Recursor", "-- mine\naddTA('example.', \"1 13 2 ab\")", "write addTA('ZONE'"},
		{"the file that it reads", "readTrustAnchorsFromFile(\"/usr/share/dns/root.key\")", "the file that readTrustAnchorsFromFile names"},
		{"YAML of PowerDNS Recursor", "dnssec:\n  trustanchors:\n  - name: example\n    dsrecords:\n    - 1 13 2 ab\n", "YAML configuration of PowerDNS Recursor"},
		{"Lua of Knot Resolver", "modules = { 'hints' }\ntrust_anchors.add_file('/etc/root.keys')", "Lua configuration of Knot Resolver"},
		{"YAML of Knot Resolver", "dnssec:\n  trust-anchors:\n    - . IN DS 1 13 2 ab\n", "YAML configuration of Knot Resolver"},
		{"Unbound", "server:\n    trust-anchor: \". DS 1 13 2 ab\"\n", "the configuration of Unbound"},
		{"BIND's KEYDATA without its name", "$ORIGIN .\n\tTYPE65533 \\# 4 00000000\n", "managed keys"},
		{"rndc secroots", "secure roots as of 30-Nov-2026:\n\n Start view _default\n./RSASHA256/20326 ; managed\n", "rndc secroots"},
		{"dig +short", "257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJz kTOi\n", "without +short"},
		{"dig +short DS", "1 13 2 0A0B0A0B0A0B0A0B0A0B0A0B0A0B0A0B0A0B0A0B0A0B0A0B 0A0B0A0B\n", "without +short"},
		{"a private key", "Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\n", "ends in .key"},
		{"a certificate behind a record", ". DS 1 13 2 ab\n-----BEGIN CERTIFICATE-----\nMIID\n", "keep that alone"},
		{"root hints", ".  3600000  NS  A.ROOT-SERVERS.NET.\n", "root hints"},
		{"JSON", "{\n\"Status\": 0 }", "JSON"},
		{"UTF-16", "\xff\xfe.\x00 \x00D\x00S\x00", "UTF-8"},
		{"UTF-16 without a mark", ".\x00 \x00D\x00S\x00", "UTF-8"},
		{"a compressed file", "\x1f\x8b\x08\x00", "unpack"},
		{"the signature of IANA", "0\x82\x10\x00\x06\x09", "root-anchors.xml itself"},
		{"stubby", "dnssec_trust_anchors: \"/etc/root.key\"\n", "stubby"},
	} {
		set, err := anchor.Parse(strings.NewReader(tt.text), "test")
		if err == nil || !strings.Contains(err.Error(), "this looks like ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v; want %q", tt.name, set, err, tt.want)
		}
	}
}
