package anchor_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

const key, hash = "AwEAAQ==", "0A0B"

func TestParseBIND(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, text string
		want       []string // zone and kind of record
		line       int      // of the error
		errText    string
	}{
		{name: "every kind of trust-anchors", want: []string{". DNSKEY", "a. DNSKEY", "b. DS", "c.d. DS"}, text: `trust-anchors {
			. static-key 257 3 8 "AwEAAQ=="; "A" initial-key 257 3 8 "Aw
			EA AQ==";
			b. static-ds 1 8 2 "0a 0b"; c.d initial-ds 2 8 2 "0a0b"; };`},
		{name: "managed-keys", text: `managed-keys { a initial-key 257 3 8 "AwEAAQ=="; };`, want: []string{"a. DNSKEY"}},
		{name: "trusted-keys, which name no kind", text: `trusted-keys { a 257 3 8 "AwEAAQ=="; };`, want: []string{"a. DNSKEY"}},
		{name: "several clauses, and comments of three kinds", want: []string{"a. DS", "b. DNSKEY"},
			text: "# {\n// trust-anchors {\n/* trust-anchors {\n*/ trust-anchors /**/ { a static-ds 1 8 2 \"0A\"; // }\n};\ntrusted-keys\n{ b 257 3 8 \"AwEAAQ==\"; };"},
		{name: "other clauses are passed over", want: []string{"a. DS"},
			text: "include \"/etc/x\";\noptions { a { b; }; \"}\\\"}\"; };\ntrust-anchors { a static-ds 1 8 2 \"0A\"; };\nzone \"trust-anchors\" { };"},
		{name: "no anchor", text: "options { };", errText: "no DS or DNSKEY record"},
		{name: "an empty clause", text: "trust-anchors { };", errText: "no DS or DNSKEY record"},
		{name: "anchors of a view are not left out in silence", text: "view a {\ntrust-anchors { };\n};", line: 2, errText: "within another clause"},
		{name: "an unknown kind", text: "trust-anchors {\na any-key 257 3 8 \"AwEAAQ==\"; };", line: 2, errText: "no kind"},
		{name: "a number that is too large", text: "trust-anchors {\na static-key 65536 3 8 \"AwEAAQ==\"; };", line: 2, errText: "no number of 16 bits"},
		{name: "a field too few", text: "trust-anchors { a static-key 257 3 8; };", line: 1, errText: "too few"},
		{name: "an old entry in a new clause", text: "trust-anchors { a 257 3 8 \"AwEAAQ==\"; };", line: 1, errText: "too few"},
		{name: "a new entry in an old clause", text: "trusted-keys { a static-key 257 3 8 \"AwEAAQ==\"; };", line: 1, errText: "too many"},
		{name: "a revoked key, at the line it begins", text: "trusted-keys {\n\na 385 3 8 \"Aw\nEA\nAQ==\"; };", line: 3, errText: "revoked"},
		{name: "a key that is not base64", text: "trusted-keys { a 257 3 8 \"!\"; };", line: 1, errText: "base64"},
		{name: "an empty key", text: "trusted-keys { a 257 3 8 \"\"; };", line: 1, errText: "base64"},
		{name: "an empty name is not the root", text: "trusted-keys { \"\" 257 3 8 \"AwEAAQ==\"; };", line: 1, errText: "not a domain name"},
		{name: "an anchor without its semicolon", text: "trust-anchors {\na static-ds 1 8 2 \"0A\" };", line: 2, errText: "without a semicolon"},
		{name: "a semicolon alone", text: "trust-anchors { ; };", line: 1, errText: "without an anchor"},
		{name: "a clause without its semicolon", text: "trust-anchors { }\noptions { };", line: 2, errText: "no semicolon"},
		{name: "a clause without a brace", text: "trust-anchors a;\noptions { };", line: 1, errText: "without a brace"},
		{name: "a file cut short within a clause", text: "trust-anchors {\n", line: 2, errText: "without a semicolon"},
		{name: "a file cut short within another clause", text: "\noptions {\na;\n", line: 2, errText: `"options" does not end`},
		{name: "a file cut short within a string", text: "trust-anchors {\na static-ds 1 8 2 \"0A", line: 2, errText: "quoted string does not end"},
		{name: "a file cut short within a comment", text: "options { };\n\n/* ", line: 3, errText: "comment does not end"},
		{name: "a brace too many", text: "options { };\n};", line: 2, errText: "a brace closes"},
		{name: "more anchors than are read", text: "trusted-keys {" + strings.Repeat("\na 257 3 8 \"AwEAAQ==\";", 1001) + "};", line: 1002, errText: "more than 1000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set, err := anchor.Parse(strings.NewReader(tt.text), "named.conf")
			wantError(t, err, "named.conf", tt.line, tt.errText)
			var got []string
			for _, a := range set {
				if a.Key != nil {
					got = append(got, a.Zone+" DNSKEY")
					if a.Key.PublicKey != key || a.Key.Flags != 257 || a.Key.Protocol != 3 || a.Key.Algorithm != 8 {
						t.Errorf("key %v", a.Key)
					}
					continue
				}
				got = append(got, a.Zone+" DS")
				if !strings.HasPrefix(hash, strings.ToUpper(a.DS.Digest)) || a.DS.KeyTag == 0 || a.DS.Algorithm != 8 || a.DS.DigestType != 2 {
					t.Errorf("digest %v", a.DS)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("anchors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadFileOfBIND(t *testing.T) {
	t.Parallel()
	set, err := anchor.ReadFile("testdata/bind.keys")
	if err != nil {
		t.Fatal(err)
	}
	if len(set) != 2 || set.Private() {
		t.Errorf("%d anchors, private %t; want the two keys of the root", len(set), set.Private())
	}
}
