package anchor_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// document is a TrustAnchor whose KeyDigest starts at line 3 and has its elements
// in the lines from 4 on.
func document(digest string) string {
	return "<TrustAnchor>\n<Zone>Example</Zone>\n<KeyDigest validFrom='2020-01-01T00:00:00Z'>\n" + digest + "</KeyDigest></TrustAnchor>"
}

func TestParseRootAnchors(t *testing.T) {
	t.Parallel()
	const digest = "<KeyTag> 1\n</KeyTag>\n<Algorithm>8</Algorithm><DigestType>2</DigestType><Digest>0A\n0b</Digest>\n"
	text, err := os.ReadFile("testdata/root-anchors.xml")
	if err != nil {
		t.Fatal(err)
	}
	iana := string(text)
	replace := func(old, new string) string {
		if !strings.Contains(iana, old) {
			t.Fatalf("%q is not in the file", old)
		}
		return strings.Replace(iana, old, new, 1)
	}
	for _, tt := range []struct {
		name, text string
		want       []string // zone and key tag
		line       int      // of the error
		errText    string
	}{
		{name: "the root's", text: iana, want: []string{". 19036", ". 20326", ". 38696"}},
		{name: "a byte order mark and blanks before it", text: "\ufeff\n " + strings.TrimPrefix(iana, `<?xml version="1.0" encoding="UTF-8"?>`), want: []string{". 19036", ". 20326", ". 38696"}},
		{name: "another zone, no key, blanks", text: document(digest), want: []string{"example. 1"}},
		{name: "unknown elements are passed over", text: document(digest + "<New><Digest>x</Digest></New>"), want: []string{"example. 1"}},
		{name: "a key is not compared with a digest of unknown type", text: strings.ReplaceAll(iana, "<DigestType>2", "<DigestType>99"), want: []string{". 19036", ". 20326", ". 38696"}},
		{name: "no KeyDigest", text: "<TrustAnchor><Zone>.</Zone></TrustAnchor>", errText: "no DS or DNSKEY record"},
		{name: "no Zone", text: "\n<TrustAnchor/>", line: 2, errText: "no <Zone>"},
		{name: "an empty Zone is not the root", text: replace("<Zone>.", "<Zone>"), line: 3, errText: "not a domain name"},
		{name: "a second Zone", text: replace("<Zone>.</Zone>", "<Zone>.</Zone>\n<Zone>a.</Zone>"), line: 4, errText: "a second <Zone>"},
		{name: "no Digest, at the line of the KeyDigest", text: document("<KeyTag>1</KeyTag>\n<Algorithm>8</Algorithm><DigestType>2</DigestType>"), line: 3, errText: "no <Digest>"},
		{name: "a second KeyTag, at its line", text: document(digest + "<KeyTag>1</KeyTag>"), line: 8, errText: "a second <KeyTag>"},
		{name: "an empty number is not zero", text: replace("<KeyTag>20326", "<KeyTag>"), line: 11, errText: "no number"},
		{name: "a number of too many bits", text: replace("<Algorithm>8", "<Algorithm>256"), line: 6, errText: "8 bits"},
		{name: "a digest that is not hexadecimal", text: strings.Replace(document(digest), "0A", "XX", 1), line: 3, errText: "hexadecimal"},
		{name: "a key with another digest", text: replace("<Digest>E0", "<Digest>E1"), line: 15, errText: "does not match"},
		{name: "a key with another tag", text: replace("<KeyTag>20326", "<KeyTag>20327"), line: 15, errText: "has key tag 20326"},
		{name: "a key that is not base64", text: replace("<PublicKey>AwEAAaz", "<PublicKey>!!!"), line: 15, errText: "base64"},
		{name: "a key without flags", text: replace("<Flags>257</Flags>", ""), line: 10, errText: "no <Flags>"},
		{name: "flags without a key", text: document(digest + "<Flags>257</Flags>"), line: 3, errText: "no <PublicKey>"},
		{name: "no validFrom", text: strings.Replace(document(digest), "validFrom", "from", 1), line: 3, errText: "0 times validFrom"},
		{name: "validFrom twice", text: strings.Replace(document(digest), "validFrom", "validFrom='2010-01-01T00:00:00Z' validFrom", 1), line: 3, errText: "2 times validFrom"},
		{name: "an instant without a time zone", text: replace("T00:00:00+00:00", "T00:00:00"), line: 4, errText: "validFrom: parsing time"},
		{name: "a period that ends before it begins", text: replace(`validUntil="2019`, `validUntil="2009`), line: 4, errText: "not after validFrom"},
		{name: "a file cut short", text: iana[:len(iana)/2], line: 15, errText: "unexpected EOF"},
		{name: "a second document", text: iana + "<TrustAnchor></TrustAnchor>", line: 27, errText: "a second"},
		{name: "another kind of XML", text: "<!DOCTYPE html>\n<html></html>", line: 2, errText: "<html>"},
		{name: "no element", text: "<!-- -->\n", line: 2, errText: "without an element"},
		{name: "more anchors than are read", text: "<TrustAnchor><Zone>.</Zone>" + strings.Repeat("\n<KeyDigest validFrom='2020-01-01T00:00:00Z'><KeyTag>1</KeyTag><Algorithm>8</Algorithm><DigestType>2</DigestType><Digest>0a</Digest></KeyDigest>", 1001) + "</TrustAnchor>",
			line: 1002, errText: "more than 1000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set, err := anchor.Parse(strings.NewReader(tt.text), "anchors.xml")
			wantError(t, err, "anchors.xml", tt.line, tt.errText)
			var got []string
			for _, a := range set {
				got = append(got, fmt.Sprint(a.Zone, " ", a.DS.KeyTag))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("anchors (-want +got):\n%s", diff)
			}
		})
	}
}
