package anchor_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// shown is the zones and key tags of anchors.
func shown(set anchor.Set) []string {
	var shown []string
	for _, a := range set {
		if a.Key != nil {
			shown = append(shown, fmt.Sprintf("%s DNSKEY %d", a.Zone, a.Key.KeyTag()))
		} else {
			shown = append(shown, fmt.Sprintf("%s DS %d", a.Zone, a.DS.KeyTag))
		}
	}
	return shown
}

// The forms that RFC 1035 §5.1 gives a record, and those that people and tools give it.
func TestZoneFileForms(t *testing.T) {
	t.Parallel()
	const (
		rrsig = "a. 300 IN RRSIG DNSKEY 13 1 300 20261230081915 20261130081915 65158 a. KX+XMMUSss06SAW6S2Xyrg=="
		ds    = "a. IN DS 1 13 2 ab"
	)
	for _, tt := range []struct {
		name, text string
		want       []string
		line       int // of the error
		errText    string
	}{
		{name: "a signature is passed over", text: rrsig + "\n" + ds, want: []string{"a. DS 1"}},
		{name: "so is one over several lines", text: strings.Replace(rrsig, "20261230081915", "(\n20261230081915", 1) + "\n) ; end\n" + ds, want: []string{"a. DS 1"}},
		{name: "and one with mnemonics and seconds since 1970", text: "a. RRSIG TYPE48 ecdsap256sha256 1 300 1798618755 1796026755 65158 a. KX+XMMUSss06SAW6S2Xyrg==\n" + ds, want: []string{"a. DS 1"}},
		{name: "signatures alone are no anchors", text: rrsig, errText: "no DS or DNSKEY record"},
		{name: "a signature that has swallowed the next line", text: rrsig + " " + ds, line: 1, errText: "signature is not base64"},
		{name: "a signature cut short", text: ds + "\na. RRSIG DNSKEY 13 1 300", line: 2, errText: "too few fields"},

		{name: "$ORIGIN, @ and names without the final dot", text: "$ORIGIN b.\n@ DS 1 13 2 ab\nc DS 2 13 2 ab\n$origin d\ne DS 3 13 2 ab", want: []string{"b. DS 1", "c.b. DS 2", "e.d.b. DS 3"}},
		{name: "@ alone is the root", text: "@ DS 1 13 2 ab", want: []string{". DS 1"}},
		{name: "$TTL", text: "$TTL 2d\n$ttl 86400 ; a day\n" + ds, want: []string{"a. DS 1"}},
		{name: "a line that begins with a blank has the name before", text: ds + "\n\tIN DS 2 13 2 ab\n  300 DS 3 13 2 ab", want: []string{"a. DS 1", "a. DS 2", "a. DS 3"}},
		{name: "TTL and class in either order", text: "a. 300 IN DS 1 13 2 ab\na. IN 300 DS 2 13 2 ab\na. 1h30m DS 3 13 2 ab\na. CLASS1 DS 4 13 2 ab", want: []string{"a. DS 1", "a. DS 2", "a. DS 3", "a. DS 4"}},
		{name: "a digest in parts, in parentheses, with comments", text: "a. DS 1 13 ( 2 ; a comment (\n  ab\n\n cd ) ; another", want: []string{"a. DS 1"}},
		{name: "parentheses without blanks", text: "a. DS(1 13 2)ab", want: []string{"a. DS 1"}},
		{name: "letters of either case", text: "A. in ds 1 13 2 AB", want: []string{"a. DS 1"}},
		{name: "the form for unknown types", text: `a. CLASS1 TYPE43 \# 6 0001 0D 02 abcd`, want: []string{"a. DS 1"}},
		{name: "lines that begin with #, as systemd has them", text: "# mine\n#a. DS 7 13 2 ab\n" + ds, want: []string{"a. DS 1"}},
		{name: "line ends of Windows", text: "; mine\r\n\r\na. DS 1 13 (\r\n2 ab)\r\na. DS 2 13 2 ab\r\n", want: []string{"a. DS 1", "a. DS 2"}},
		{name: "no line end at the end", text: ds + "\n; mine", want: []string{"a. DS 1"}},
		{name: "an escaped semicolon is part of a name", text: `a\;b. DS 1 13 2 ab`, want: []string{`a\;b. DS 1`}},

		{name: "an indented record without a name before", text: " . DS 1 13 2 ab", line: 1, errText: "begins with a blank"},
		{name: "no name, no type", text: "a.", line: 1, errText: "no type of record"},
		{name: "two classes", text: "a. IN IN DS 1 13 2 ab", line: 1, errText: `"IN" is no type`},
		{name: "a class of another kind", text: "a. CLASS3 DS 1 13 2 ab", line: 1, errText: "not of class IN"},
		{name: "a number behind the type that is too large", text: "a. DS 65536 13 2 ab", line: 1, errText: "no key tag"},
		{name: "a digest type that is too large", text: "a. DS 1 13 256 ab", line: 1, errText: "no digest type"},
		{name: "no digest", text: "a. DS 1 13 2", line: 1, errText: "want key tag, algorithm"},
		{name: "no key", text: "a. DNSKEY 257 3 13", line: 1, errText: "want flags, protocol"},
		{name: "a CDS record is a wish", text: "a. CDS 1 13 2 ab", line: 1, errText: "an anchor is written as DS"},
		{name: "a CDNSKEY record, too", text: "a. CDNSKEY 257 3 13 AwEAAQ==", line: 1, errText: "an anchor is written as DNSKEY"},
		{name: "a KEY record", text: "a. KEY 257 3 13 AwEAAQ==", line: 1, errText: "KEY record of a.: neither DS nor DNSKEY"},
		{name: "a DLV record", text: "a. DLV 1 13 2 ab", line: 1, errText: "DLV record of a.: neither DS nor DNSKEY"},
		{name: "unknown form of another type", text: `a. TYPE1 \# 4 c0000201`, line: 1, errText: "A record of a."},
		{name: "unknown form with a wrong length", text: `a. TYPE43 \# 7 00010D02abcd`, line: 1, errText: "the right length"},
		{name: "unknown form without data", text: `a. TYPE43 \# 0`, line: 1, errText: "cannot be read"},
		{name: "unknown form cut short", text: `a. TYPE43 \#`, line: 1, errText: "the right length"},
		{name: "a parenthesis that is not closed", text: ds + "\na. DS 1 13 2 ( ab\n" + ds, line: 2, errText: "not closed"},
		{name: "a parenthesis that was not opened", text: ds + "\na. DS 1 13 2 ab )", line: 2, errText: "not opened"},
		{name: "a quoted digest", text: `a. DS 1 13 2 "ab"`, line: 1, errText: "quoted string"},
		{name: "an empty label", text: "a..b. DS 1 13 2 ab", line: 1, errText: "owner name"},
		{name: "a directive without its value", text: ds + "\n$ORIGIN", line: 2, errText: "takes one value"},
		{name: "a TTL that is none", text: "$TTL a day", line: 1, errText: "takes one value"},
		{name: "a TTL with an unknown unit", text: "$TTL 1y", line: 1, errText: "no TTL"},
		{name: "an unknown directive", text: "$DATE 1", line: 1, errText: "$DATE is not allowed"},
		{name: "an octet that is no text", text: ds + "\n\x1a", line: 2, errText: "no text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set, err := anchor.Parse(strings.NewReader(tt.text), "test")
			wantError(t, err, "test", tt.line, tt.errText)
			if diff := cmp.Diff(tt.want, shown(set)); diff != "" {
				t.Errorf("anchors (-want +got):\n%s", diff)
			}
		})
	}
}

// RFC 4034 §2.2 and §5.3: an algorithm is a number or a mnemonic of the registry.
func TestMnemonics(t *testing.T) {
	t.Parallel()
	for mnemonic, want := range map[string]uint8{
		"RSAMD5": 1, "DH": 2, "DSA": 3, "RSASHA1": 5, "DSA-NSEC3-SHA1": 6, "RSASHA1-NSEC3-SHA1": 7,
		"RSASHA256": 8, "RSASHA512": 10, "ECC-GOST": 12, "ECDSAP256SHA256": 13, "ECDSAP384SHA384": 14,
		"ED25519": 15, "ED448": 16, "SM2SM3": 17, "ECC-GOST12": 23, "INDIRECT": 252, "PRIVATEDNS": 253, "PRIVATEOID": 254,
		"NSEC3RSASHA1": 7, "ECDSA256": 13, // BIND's
	} {
		for _, text := range []string{mnemonic, strings.ToLower(mnemonic), fmt.Sprint(want)} {
			set, err := anchor.Parse(strings.NewReader("a. DNSKEY 257 3 "+text+" AwEAAQ==\na. DS 1 "+text+" 2 ab"), "test")
			if err != nil {
				t.Fatal(err)
			}
			if set[0].Key.Algorithm != want || set[1].DS.Algorithm != want {
				t.Errorf("%s is %d and %d, want %d", text, set[0].Key.Algorithm, set[1].DS.Algorithm, want)
			}
		}
	}
	for mnemonic, want := range map[string]uint8{"SHA-1": 1, "sha1": 1, "SHA-256": 2, "sha256": 2, "GOST": 3, "SHA-384": 4, "SHA384": 4, "SM3": 6} {
		set, err := anchor.Parse(strings.NewReader("a. DS 1 13 "+mnemonic+" ab"), "test")
		if err != nil || set[0].DS.DigestType != want {
			t.Errorf("%s is %v, %v; want %d", mnemonic, set, err, want)
		}
	}
	for _, text := range []string{"RSA", "-1", "+8", "0x8", "256", "RSASHA256,", "8.0"} {
		for _, record := range []string{"a. DNSKEY 257 3 " + text + " AwEAAQ==", "a. DS 1 " + text + " 2 ab"} {
			if set, err := anchor.Parse(strings.NewReader(record), "test"); err == nil || !strings.Contains(err.Error(), "no algorithm") {
				t.Errorf("%s: %v, %v", record, set, err)
			}
		}
	}
	// A state file may have them, too.
	state := strings.Replace(rootState, "257 3 8", "257 3 rsasha256", 1)
	points, err := stateFile(t, state).Load()
	if err != nil || points[0].Keys[0].Key.Algorithm != 8 {
		t.Errorf("%v, %v", points, err)
	}
}
