package anchor_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

func FuzzParse(f *testing.F) {
	for _, name := range []string{"testdata/root-anchors.xml", "testdata/bind.keys"} {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add(ksk2017)
	f.Add(". DS 1 13 2 ab")
	f.Add("$ORIGIN b.\n$TTL 1h\n@ 1d IN TYPE43 \\# 5 00010D02ab\n\tDS ( 1 ed25519 ; c\n sha-256 ab)\na\\;b RRSIG DNSKEY 13 1 1 2 1 1 . AwEAAQ==\n#")
	f.Add("trust-anchor=.,1,13,2,ab")
	f.Add("; autotrust trust anchor file\n" + ksk2017 + " ;;state=2 [  VALID  ] ;;count=0 ;;lastchange=1459820836 ;;Tue Apr  5 01:47:16 2016")
	f.Add("managed-keys { a initial-key 257 3 8 \"AwEAAQ==\"; }; trusted-keys { b 257 3 8 \"AwEAAQ==\"; };")
	f.Add("view a { /* */ }; // \n trust-anchors { a static-ds 1 8 2 \"0a\"; b static-key 257 3 8 \"AwEAAQ==\"; };")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := anchor.Parse(strings.NewReader(text), "fuzz")
		if (err == nil) != (len(set) > 0) {
			t.Fatalf("%d anchors with error %v", len(set), err)
		}
		if e, ok := errors.AsType[*anchor.Error](err); err != nil && (!ok || e.File != "fuzz" || e.Line > 1+strings.Count(text, "\n")) {
			t.Fatalf("error %#v", err)
		}
		for _, a := range set {
			if (a.DS == nil) == (a.Key == nil) || !strings.HasSuffix(a.Zone, ".") || len(set.Zone(a.Zone)) == 0 {
				t.Fatalf("anchor %+v", a)
			}
		}
	})
}
