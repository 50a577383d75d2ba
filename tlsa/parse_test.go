package tlsa_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/tlsa"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       tlsa.Record
		text2      string // what String returns
	}{
		{
			name: "numbers", text: "3 1 1 ab12",
			want:  tlsa.Record{Usage: tlsa.DANEEE, Selector: tlsa.SPKI, Matching: tlsa.SHA256, Data: []byte{0xab, 0x12}},
			text2: "3 1 1 ab12",
		},
		{
			name: "blanks, tabs and lines within the digits, in upper case", text: " 2\t0 2  AB\n12 C\tD ",
			want:  tlsa.Record{Usage: tlsa.DANETA, Selector: tlsa.Cert, Matching: tlsa.SHA512, Data: []byte{0xab, 0x12, 0xcd}},
			text2: "2 0 2 ab12cd",
		},
		{
			name: "acronyms in any case", text: "dane-ee SPKI Sha2-256 00",
			want:  tlsa.Record{Usage: tlsa.DANEEE, Selector: tlsa.SPKI, Matching: tlsa.SHA256, Data: []byte{0}},
			text2: "3 1 1 00",
		},
		{
			name: "acronyms for private use", text: "PrivCert PrivSel PrivMatch 00",
			want:  tlsa.Record{Usage: 255, Selector: 255, Matching: 255, Data: []byte{0}},
			text2: "255 255 255 00",
		},
		{
			name: "numbers with zeros in front", text: "003 01 1 00",
			want:  tlsa.Record{Usage: tlsa.DANEEE, Selector: tlsa.SPKI, Matching: tlsa.SHA256, Data: []byte{0}},
			text2: "3 1 1 00",
		},
		{
			name: "a blank of a web page", text: "3\u00a01 1 00",
			want:  tlsa.Record{Usage: tlsa.DANEEE, Selector: tlsa.SPKI, Matching: tlsa.SHA256, Data: []byte{0}},
			text2: "3 1 1 00",
		},
		{
			name: "numbers that mean nothing, and no data", text: "4 17 99",
			want:  tlsa.Record{Usage: 4, Selector: 17, Matching: 99, Data: []byte{}},
			text2: "4 17 99",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := tlsa.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if got.String() != c.text2 {
				t.Errorf("String = %q, want %q", got, c.text2)
			}
		})
	}
}

// The records of a certificate that was made for TestParseWhatToolsPrint.
const (
	toolKey  = "3 1 1 94ea4490c3ca46c1d07c6b3d81a7a9b45762598e7f68af1ca2a3c3a993955fb3"
	toolCert = "3 0 1 4f24dc7e8ab62c18d68f713564eac088a7127f2341e790df03412a8ebc4c4f4e"
	toolCA   = "2 0 2 e3822a5e5a1278c11719570cbc953634439a55d63a1289d007b32f9ec4cf3a70f30924b4880dacfd7f82f939ba9ced19a4369f8ea4cea9b5ef0f04943a6f0cc6"
)

// TestParseWhatToolsPrint has the output of tools, copied as it came from those of Debian
// 12, where the source is not another.
func TestParseWhatToolsPrint(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tool, text, want string }{
		{
			"danetool 3.7.9 of GnuTLS, --tlsa-rr",
			"_25._tcp.mx.example.org. IN TLSA ( 03 01 01 94ea4490c3ca46c1d07c6b3d81a7a9b45762598e7f68af1ca2a3c3a993955fb3 )\n", toolKey,
		},
		{
			"danetool 3.7.9 of GnuTLS, --tlsa-rr --x509",
			"_25._tcp.mx.example.org. IN TLSA ( 03 00 01 4f24dc7e8ab62c18d68f713564eac088a7127f2341e790df03412a8ebc4c4f4e )\n", toolCert,
		},
		{
			"tlsa of hash-slinger 3.1, --output rfc",
			"_25._tcp.mx.example.org. IN TLSA 3 1 1 94ea4490c3ca46c1d07c6b3d81a7a9b45762598e7f68af1ca2a3c3a993955fb3\n", toolKey,
		},
		{
			"tlsa of hash-slinger 3.1, --output generic",
			"_25._tcp.mx.example.org. IN TYPE52 \\# 35 03010194ea4490c3ca46c1d07c6b3d81a7a9b45762598e7f68af1ca2a3c3a993955fb3\n", toolKey,
		},
		{
			"ldns-dane 1.8.3 create",
			"_25._tcp.mx.example.org.\t3600\tIN\tTLSA\t3 1 1 94ea4490c3ca46c1d07c6b3d81a7a9b45762598e7f68af1ca2a3c3a993955fb3\n", toolKey,
		},
		{
			"ldns-read-zone 1.8.3 -u TLSA",
			"_25._tcp.mx.example.org.\t3600\tIN\tTYPE52\t\\# 67 020002e3822a5e5a1278c11719570cbc953634439a55d63a1289d007b32f9ec4cf3a70f30924b4880dacfd7f82f939ba9ced19a4369f8ea4cea9b5ef0f04943a6f0cc6\n", toolCA,
		},
		{
			"dig 9.18.49",
			"_25._tcp.mx.example.org. 3600\tIN\tTLSA\t2 0 2 E3822A5E5A1278C11719570CBC953634439A55D63A1289D007B32F9E C4CF3A70F30924B4880DACFD7F82F939BA9CED19A4369F8EA4CEA9B5 EF0F04943A6F0CC6\n", toolCA,
		},
		{
			"dig 9.18.49 +short",
			"3 1 1 94EA4490C3CA46C1D07C6B3D81A7A9B45762598E7F68AF1CA2A3C3A9 93955FB3\n", toolKey,
		},
		{
			"dig 9.18.49 +multiline",
			"_25._tcp.mx.example.org. 3600 IN TLSA 2 0 2 (\n\t\t\t\tE3822A5E5A1278C11719570CBC953634439A55D63A12\n\t\t\t\t89D007B32F9EC4CF3A70F30924B4880DACFD7F82F939\n\t\t\t\tBA9CED19A4369F8EA4CEA9B5EF0F04943A6F0CC6 )\n", toolCA,
		},
		{
			"dig 9.18.49 +nosplit +ttlunits",
			"_25._tcp.mx.example.org. 1h\tIN\tTLSA\t3 1 1 94EA4490C3CA46C1D07C6B3D81A7A9B45762598E7F68AF1CA2A3C3A993955FB3\n", toolKey,
		},
		{
			"dig 9.18.49 +unknownformat",
			"_25._tcp.mx.example.org. 3600\tCLASS1\tTYPE52\t\\# 35 03010194EA4490C3CA46C1D07C6B3D81A7A9B45762598E7F68AF1CA2 A3C3A993955FB3\n", toolKey,
		},
		{
			"dig 9.18.49 +unknownformat +short",
			"\\# 35 03010194EA4490C3CA46C1D07C6B3D81A7A9B45762598E7F68AF1CA2 A3C3A993955FB3\n", toolKey,
		},
		{
			"kdig 3.2.6 +multiline",
			"_25._tcp.mx.example.org.\t3600 IN TLSA 3 1 1 (\n\t\t\t\t94EA4490C3CA46C1D07C6B3D81A7A9B45762598E\n\t\t\t\t7F68AF1CA2A3C3A993955FB3\n\t\t\t\t)\n", toolKey,
		},
		{
			"kdig 3.2.6 +generic",
			"_25._tcp.mx.example.org.\t3600\tIN\tTYPE52\t\\# 35 03010194EA4490C3CA46C1D07C6B3D81A7A9B45762598E7F68AF1CA2A3C3A993955FB3\n", toolKey,
		},
		{
			"delv 9.18.49, with what it says of the answer",
			"; fully validated\n_25._tcp.mx.example.org. 3600\tIN\tTLSA\t3 1 1 94EA4490C3CA46C1D07C6B3D81A7A9B45762598E7F68AF1CA2A3C3A9 93955FB3\n", toolKey,
		},
		{
			"named-compilezone 9.18.49",
			"_25._tcp.mx.example.org.\t\t      3600 IN TLSA\t3 1 1 94EA4490C3CA46C1D07C6B3D81A7A9B45762598E7F68AF1CA2A3C3A9 93955FB3\n", toolKey,
		},
		{
			"named-compilezone 9.18.49 -s relative, a second record of the owner",
			"\t\t\tTLSA\t3 1 1 (\n\t\t\t\t94EA4490C3CA46C1D07C6B3D81A7A9B45762598E7F68\n\t\t\t\tAF1CA2A3C3A993955FB3 )\n", toolKey,
		},
		{
			"pdnsutil 4.7.3 list-zone",
			"_25._tcp.mx.example.org\t3600\tIN\tTLSA\t3 1 1 94ea4490c3ca46c1d07c6b3d81a7a9b45762598e7f68af1ca2a3c3a993955fb3\n", toolKey,
		},
		{
			"github.com/miekg/dns 1.1.73, RFC3597.String",
			"_25._tcp.mx.example.org.\t3600\tCLASS1\tTYPE52\t\\# 35 03010194ea4490c3ca46c1d07c6b3d81a7a9b45762598e7f68af1ca2a3c3a993955fb3", toolKey,
		},
		{
			"by hand, with acronyms (RFC 7218 §3), a comment, class before TTL, and an owner that is called as the type is",
			"tlsa IN 3600 tlsa DANE-EE SPKI SHA2-256 ( ; the key of 2026\n 94ea4490c3ca46c1d07c6b3d81a7a9b45762598e7f68af1c ; first part\n a2a3c3a993955fb3) ; end\n", toolKey,
		},
		{
			"by hand, parentheses without blanks, and lines that end in CRLF",
			"mx TLSA(3 1 1\r\n94ea4490c3ca46c1d07c6b3d81a7a9b45762598e7f68af1ca2a3c3a993955fb3)\r\n", toolKey,
		},
		{
			"by mail, with a line end that somebody's program has put in",
			"3 1 1 94ea4490c3ca46c1d07c6b3d81a7a9b4\n5762598e7f68af1ca2a3c3a993955fb3\n", toolKey,
		},
	} {
		t.Run(c.tool, func(t *testing.T) {
			t.Parallel()
			if got, err := tlsa.Parse(c.text); err != nil || got.String() != c.want {
				t.Errorf("Parse(%q) = %v, %v, want %v", c.text, got, err, c.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "no usage, selector and matching type"},
		{"a comment", "; 3 1 1 ab", "no usage, selector and matching type"},
		{"two numbers", "3 1", "no usage, selector and matching type"},
		{"an owner and a type", "_25._tcp.mx.example.org. IN TLSA", "no usage, selector and matching type"},
		{"a usage above 255", "256 1 1 ab", `"256" is neither a number up to 255 nor an acronym`},
		{"a negative number", "-3 1 1 ab", `"-3" is neither`},
		{"a number in hexadecimal", "0x3 1 1 ab", `"0x3" is neither`},
		{"an unknown acronym", "DANE SPKI SHA2-256 ab", `"DANE" is neither`},
		{"acronyms in the wrong place", "SPKI DANE-EE SHA2-256 ab", `"SPKI" is neither`},
		{"numbers that stand together", "311 94ea 44", `"311" is neither`},

		{"an odd number of digits", "3 1 1 abc", "3 hexadecimal digits, which is an odd number"},
		{"no digits", "3 1 1 xy", `"xy" where hexadecimal digits are expected`},
		{"digits with colons, as openssl prints fingerprints", "3 1 1 AB:CD", `"AB:CD" where hexadecimal digits are expected`},
		{"base64, as in DNSKEY records", "3 1 1 lOpEkMPKRsHQ=", `where hexadecimal digits are expected`},
		{"digits that are not ASCII", "3 1 1 \uff11\uff12", `where hexadecimal digits are expected`},
		{"more than a record holds", "3 1 0 " + strings.Repeat("00", 65533), "65533 octets of data"},

		{"two records", toolKey + "\n" + toolCA, "more than one record"},
		{"two records without data", "3 1 1\n2 1 1", "more than one record"},
		{"two records of which the digits would be even", "3 1 1 abc\n3 1 1 ef", "more than one record"},
		{"two lines of a zone", "mx TLSA " + toolKey + "\nmx TLSA " + toolCA, "more than one record"},
		{"another record in the next line", "mx TLSA " + toolKey + "\n A 192.0.2.25", "more than one record"},

		{"a type alone of another record", "mx.example.org. 3600 IN A 192.0.2.25", `"mx.example.org. 3600 IN A" is no record of type TLSA`},
		{"an alias", "_25._tcp.mx.example.org. IN CNAME tlsa.example.org.", "is no record of type TLSA"},
		{"another record of certificates", "x._smimecert.example.org. IN SMIMEA " + toolKey, "is no record of type TLSA"},
		{"a signature of TLSA records", "_25._tcp.mx.example.org. 3600 IN RRSIG TLSA 13 5 3600 20261230", `"RRSIG", before the type`},
		{"a signature without TTL", "_25._tcp.mx.example.org. IN RRSIG TLSA 13 5 3600 20261230", `"RRSIG", before the type`},
		{"another class", "mx CH TLSA " + toolKey, `"CH", before the type, is neither a TTL nor the class IN`},
		{"class and TTL twice", "mx IN 3600 IN TLSA " + toolKey, `"IN", before the type`},
		{"a TTL below zero", "mx -1 IN TLSA " + toolKey, `"-1", before the type`},
		{"an owner with a blank", "mx example.org. IN TLSA " + toolKey, `"example.org.", before the type`},
		{"what host prints", "_25._tcp.mx.example.org has TLSA record " + toolKey, `"has", before the type`},
		{"YAML", "- '_25._tcp.mx.example.org. 3600 IN TLSA " + toolKey + "'", `"'_25._tcp.mx.example.org.", before the type`},

		{"a parenthesis that is not closed", "mx TLSA ( " + toolKey, "an opening parenthesis without a closing one"},
		{"a parenthesis that is commented out", "mx TLSA ( " + toolKey + " ; )", "an opening parenthesis without a closing one"},
		{"a parenthesis that is not opened", "mx TLSA " + toolKey + " )", "a closing parenthesis without an opening one"},
		{"parentheses within parentheses", "mx TLSA ( 3 1 1 ( ab ) )", "parentheses within parentheses"},

		{"an unknown form without a length", `TYPE52 \#`, `\# without a length`},
		{"an unknown form with a length below zero", `\# -1 030101`, `"-1" after \# is no length`},
		{"an unknown form with a length above all", `\# 65536 030101`, `"65536" after \# is no length`},
		{"an unknown form that is too short", `\# 35 030101ab`, `4 octets, where \# says 35`},
		{"an unknown form that is too long", `\# 3 030101ab`, `4 octets, where \# says 3`},
		{"an unknown form with half an octet", `\# 4 030101a`, "odd number"},
		{"an unknown form of less than a record has", `\# 2 0301`, "RDATA of 2 octets"},
		{"an unknown form that is not spelt out", `\#35 030101`, "no usage, selector and matching type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := tlsa.Parse(c.text)
			if reasonOf(t, err) != tlsa.ReasonParse {
				t.Fatalf("Parse = %v, %v", got, err)
			}
			if text := err.Error(); !strings.Contains(text, c.want) || len(text) > 200 || strings.Count(text, "tlsa: ") != 1 {
				t.Errorf("error %q, want %q in it", text, c.want)
			}
		})
	}
}

func TestParseRData(t *testing.T) {
	wire := []byte{3, 1, 1, 0xab, 0x12}
	got, err := tlsa.ParseRData(wire)
	want := tlsa.Record{Usage: 3, Selector: 1, Matching: 1, Data: []byte{0xab, 0x12}}
	if err != nil || !got.Equal(want) {
		t.Fatalf("ParseRData = %v, %v", got, err)
	}
	wire[3] = 0
	if !got.Equal(want) {
		t.Error("the record keeps a part of the buffer")
	}
	if b := got.AppendRData([]byte{9}); !bytes.Equal(b, []byte{9, 3, 1, 1, 0xab, 0x12}) {
		t.Errorf("AppendRData = %x", b)
	}
	for _, length := range []int{0, 2, 65536} {
		if got, err := tlsa.ParseRData(make([]byte, length)); reasonOf(t, err) != tlsa.ReasonParse {
			t.Errorf("ParseRData of %d octets = %v, %v", length, got, err)
		}
	}
}
