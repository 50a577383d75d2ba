package anchor_test

import (
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// The root's DNSKEY of KSK-2017, as any root server gives it.
const ksk2017 = `. IN DNSKEY 257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU=`

func TestParse(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("0a", 32)
	for _, tt := range []struct {
		name, text string
		want       int
		private    bool
		line       int // of the error
		errText    string
	}{
		{name: "the built-in root key as DNSKEY is not private", text: ksk2017, want: 1},
		{name: "another key of the root is private", text: ". DS 1 13 2 " + digest, want: 1, private: true},
		{name: "an anchor below the root is not a private root", text: "example. DS 1 13 2 " + digest, want: 1},
		{name: "comments and several lines", text: "; mine\n. 3600 IN DS 1 13 2 " + digest + "\na. DS 2 8 2 " + digest, want: 2, private: true},
		{name: "a byte order mark is no part of the root's name", text: "\ufeff" + ksk2017, want: 1},
		{name: "braces in a comment are not those of BIND", text: ksk2017 + " ;{id = 20326 (ksk), size = 2048b}", want: 1},
		{name: "an empty file", text: "", errText: "no DS or DNSKEY record"},
		{name: "a record of another type", text: "\na. 1 IN A 192.0.2.1", line: 2, errText: "neither DS nor DNSKEY"},
		{name: "a record of another class", text: "a. 1 CH DS 1 13 2 " + digest, line: 1, errText: "class"},
		{name: "a syntax error", text: "\n\n. DS x 13 2 " + digest + "\n\n", line: 3, errText: "bad DS"},
		{name: "a name that is too long", text: "; mine\n" + strings.Repeat("a.", 200) + " DS 1 13 2 " + digest + "\na. DS 2 8 2 " + digest, line: 2, errText: "owner name"},
		{name: "a revoked key", text: strings.Replace(ksk2017, "257", "385", 1) + "\n\n", line: 1, errText: "revoked"},
		{name: "a key without the Zone Key flag", text: "\n" + strings.Replace(ksk2017, "257", "1", 1), line: 2, errText: "Zone Key"},
		{name: "a key that is not base64", text: ". DNSKEY 257 3 8 A", line: 1, errText: "base64"},
		{name: "an odd digest", text: ". DS 1 13 2 abc", line: 1, errText: "hexadecimal"},
		{name: "a record over several lines, at its first one", text: ". DS 1 13 2 ab\n. DS 1 13 2 (\nabc\n)\n. DS 1 13 2 ab", line: 2, errText: "hexadecimal"},
		{name: "a file that is too large, and would lose its end", text: strings.Repeat("; comment\n", 1<<17) + ". DS 1 13 2 " + digest, errText: "more than"},
		{name: "more anchors than are read", text: strings.Repeat(". DS 1 13 2 ab\n", 1001), line: 1001, errText: "more than 1000"},
		{name: "$GENERATE is refused", text: "\n$Generate 1-65535 ;\n", line: 2, errText: "$GENERATE"},
		{name: "includes are refused", text: "$INCLUDE /etc/passwd", line: 1, errText: "INCLUDE"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set, err := anchor.Parse(strings.NewReader(tt.text), "test")
			wantError(t, err, "test", tt.line, tt.errText)
			if len(set) != tt.want || set.Private() != tt.private {
				t.Errorf("%d anchors, private %v; want %d, %v", len(set), set.Private(), tt.want, tt.private)
			}
		})
	}
}
