package anchor

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"sync"
)

// A foreignFormat is a format that is not read, though people may have anchors in it: the
// configuration of another program, or what a tool prints for people.
type foreignFormat struct {
	name   string
	advice string // what to do instead
	marks  *regexp.Regexp
	starts []string // for formats that are not text
}

func (f *foreignFormat) seenIn(text []byte) bool {
	if f.marks != nil && f.marks.Match(text) {
		return true
	}
	return slices.ContainsFunc(f.starts, func(start string) bool { return bytes.HasPrefix(text, []byte(start)) })
}

// foreignFormats are in the order in which they are looked for. No file that can be read has
// one of their marks. They are compiled at the first use, since most programs never need them.
var foreignFormats = sync.OnceValue(func() []foreignFormat {
	return []foreignFormat{
		{"dnsmasq's trust-anchors.conf", `write "trust-anchor=ZONE,TAG,ALGORITHM,TYPE,DIGEST" as "ZONE IN DS TAG ALGORITHM TYPE DIGEST"`,
			regexp.MustCompile(`(?m)^[ \t]*(--)?trust-anchor[ \t]*=`), nil},
		{"the state of BIND's managed keys (managed-keys.bind, *.mkeys)", "it holds keys that BIND has not come to trust yet, too: take BIND's bind.keys, or the keys of a zone that you trust by its trust-anchors clause",
			regexp.MustCompile(`(?im)^[^;\n]*\s(KEYDATA|TYPE65533)\s`), nil},
		{"what rndc secroots prints", "it has no keys, only their tags: take BIND's bind.keys",
			regexp.MustCompile(`(?im)^(secure roots as of|\s*\S+/[A-Z0-9]+/\d+ *; *(managed|static|trusted|initializing))`), nil},
		{"the Lua configuration of PowerDNS Recursor", `write addTA('ZONE', "TAG ALGORITHM TYPE DIGEST") as ZONE IN DS TAG ALGORITHM TYPE DIGEST, or give the file that readTrustAnchorsFromFile names`,
			regexp.MustCompile(`(?m)^[ \t]*(addTA|addDS|addNTA|clearTA|clearDS|readTrustAnchorsFromFile)[ \t]*\(`), nil},
		{"the YAML configuration of PowerDNS Recursor", "write each of dsrecords as ZONE IN DS TAG ALGORITHM TYPE DIGEST, or give the file that trustanchorfile names",
			regexp.MustCompile(`(?m)^[ \t-]*(trustanchors|trustanchorfile|dsrecords)[ \t]*:`), nil},
		{"the Lua configuration of Knot Resolver", "give the file that trust_anchors.add_file names, or write the record within trust_anchors.add alone",
			regexp.MustCompile(`(?m)^[ \t]*(trust_anchors\b|modules\.load|net\.listen)`), nil},
		{"the YAML configuration of Knot Resolver", "give the file that trust-anchors-files names, or write the records of trust-anchors alone, one a line",
			regexp.MustCompile(`(?m)^[ \t-]*(trust-anchors(-files)?:[ \t\r]*$|trust-anchors-files:)`), nil},
		{"the configuration of Unbound", "give the file that its auto-trust-anchor-file or trust-anchor-file names, or write the record of a trust-anchor line alone, without quotation marks",
			regexp.MustCompile(`(?m)^[ \t]*(auto-trust-anchor-file|trust-anchor-file|trusted-keys-file|trust-anchor|server|include(-toplevel)?):`), nil},
		{"the configuration of stubby", "give the file of the root's keys that it names",
			regexp.MustCompile(`(?m)^[ \t]*(dnssec_trust_anchors|dnssec_return_status|upstream_recursive_servers):`), nil},
		{"the output of pdnsutil show-zone", "take that of pdnsutil export-zone-ds",
			regexp.MustCompile(`(?m)^(DS|[KZC]SK DNSKEY|ID) = `), nil},
		{"data of TLSA records", "that is for keys of mail servers; a trust anchor is a DS or DNSKEY record",
			regexp.MustCompile(`(?im)^[0-3] [01] [0-2] [0-9a-f]{64}`), nil},
		{"the output of dig +short", "take that of dig without +short: here are neither names nor types",
			regexp.MustCompile(`(?m)^(25[67]|38[45]|\d+) \d+ \d+ [A-Za-z0-9+/]{32,}`), nil},
		{"the output of dig +nocrypto", "take that of dig without +nocrypto: here are no keys",
			regexp.MustCompile(`\[(key id = \d+|omitted)\]`), nil},
		{"YAML as dig and delv print it", "take their output without +yaml",
			regexp.MustCompile(`(?m)^(- )?type: (MESSAGE|DELV_RESULT)`), nil},
		{"the output of host", "take that of dig",
			regexp.MustCompile(`(?m)^(\S+ has (DNSKEY|DS) record |\S+ has (no )?(DNSKEY|DS) record|Using domain server:)`), nil},
		{"the output of a query that failed", "ask again, or another server",
			regexp.MustCompile(`(?m)^;; (connection timed out|no servers could be reached|communications error|resolution failed|ERROR: failed to|->>HEADER<<-.*(status|rcode): *(SERVFAIL|REFUSED|NXDOMAIN|NOTIMP|FORMERR))`), nil},
		{"a file of root hints", "the root's keys are in root-anchors.xml and in the root.key of Unbound's and Debian's packages",
			regexp.MustCompile(`(?im)^\.\s+(\d+\s+)?(IN\s+)?NS\s+[a-m]\.root-servers\.net`), nil},
		{"a private key", "take the file of the same name that ends in .key",
			regexp.MustCompile(`(?m)^Private-key-format:`), nil},
		{"PEM, as certificates have it", "a trust anchor is a DS or DNSKEY record; where there is one in the file, keep that alone",
			regexp.MustCompile(`(?m)^-----BEGIN `), nil},
		{"JSON", "write the records as dig prints them",
			regexp.MustCompile(`^\s*[\[{]\s*["\[{\]}]`), nil},
		{"text in UTF-16, as Windows PowerShell writes it", "save it as UTF-8",
			regexp.MustCompile(`^(.\x00.\x00|\x00.\x00.)`), []string{"\xff\xfe", "\xfe\xff"}},
		{"a compressed file", "unpack it", nil, []string{"\x1f\x8b", "BZh", "\xfd7zXZ", "PK\x03\x04"}},
		{"DER, as the signature root-anchors.p7s has it", "take root-anchors.xml itself", nil, []string{"0\x80", "0\x81", "0\x82", "0\x83"}},
	}
})

// maxMarked is how many octets of a file are searched for marks.
const maxMarked = 1 << 16

// explained returns an error that begins with the format that the text seems to have, if that
// is a foreign one. To those who have the wrong file, what is wrong with a line says little.
func explained(text []byte, err error) error {
	text = text[:min(len(text), maxMarked)]
	for _, format := range foreignFormats() {
		if format.seenIn(text) {
			return fmt.Errorf("this looks like %s, which is not read: %s (%w)", format.name, format.advice, err)
		}
	}
	return err
}
