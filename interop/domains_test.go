//go:build interop

package interop

import (
	"regexp"
)

// A domain is a mail domain of the private Internet and what everybody has to
// say about it. Its mail host is mail.NAME, whose TLSA base domain carries the
// port of the mail server.
type domain struct {
	name string
	why  string

	algorithm string // of the keys, in BIND's words; empty: the zone is not signed
	one       bool   // one key signs everything, instead of a KSK and a ZSK
	nsec3     bool   // denial by NSEC3 instead of NSEC
	ds        dsKind // in the parent
	expired   bool   // the signatures ended long ago
	damage    func(signed string) string

	tlsa  tlsaKind
	alias bool // the TLSA record lies behind a CNAME
	wild  bool // the TLSA record is a wildcard
	null  bool // the domain takes no mail (RFC 7505)

	// Status of the lookups of MX, address and TLSA record. A TLSA lookup is
	// secure too where it proves that there is no record.
	mx, a, tlsaStatus string
	reason            string // a word of the reason for the status that is not secure
	ede               []int  // its extended DNS error (RFC 8914 §4), any of these

	outcome string // of daneverify
	exit    int    // status of daneverify
}

type dsKind int

const (
	dsNone  dsKind = iota // the delegation is insecure
	dsRight               // that of the zone's key
	dsWrong               // that of a key which the zone does not have
)

type tlsaKind int

const (
	tlsaNone      tlsaKind = iota
	tlsaEndEntity          // 3 1 1, the server's key
	tlsaAuthority          // 2 1 1, the key of the authority above it
	tlsaStranger           // 3 1 1, a key that the server does not have
)

// topLevel are the top-level domains: test. denies by NSEC, example. by NSEC3
// with opt-out.
var topLevel = []string{"test", "example"}

var domains = []domain{
	{
		name: "good.test", why: "one ECDSA key and NSEC, which is what BIND makes by default",
		algorithm: "ECDSAP256SHA256", one: true, ds: dsRight, tlsa: tlsaEndEntity,
		mx: "secure", a: "secure", tlsaStatus: "secure",
		outcome: "success", exit: 0,
	},
	{
		name: "goodnsec3.test", why: "RSA keys and NSEC3",
		algorithm: "RSASHA256", nsec3: true, ds: dsRight, tlsa: tlsaEndEntity,
		mx: "secure", a: "secure", tlsaStatus: "secure",
		outcome: "success", exit: 0,
	},
	{
		name: "sha1.test", why: "SHA-1 signatures are still valid ones (RFC 8624 §3.1)",
		algorithm: "NSEC3RSASHA1", nsec3: true, ds: dsRight, tlsa: tlsaEndEntity,
		mx: "secure", a: "secure", tlsaStatus: "secure",
		outcome: "success", exit: 0,
	},
	{
		name: "ta.test", why: "DANE-TA: the record names the authority, the certificate the host",
		algorithm: "ED25519", ds: dsRight, tlsa: tlsaAuthority,
		mx: "secure", a: "secure", tlsaStatus: "secure",
		outcome: "success", exit: 0,
	},
	{
		name: "alias.test", why: "the TLSA record is a CNAME to another zone's (RFC 7671 §7)",
		algorithm: "ECDSAP384SHA384", ds: dsRight, alias: true,
		mx: "secure", a: "secure", tlsaStatus: "secure",
		outcome: "success", exit: 0,
	},
	{
		name: "wildcard.test", why: "a wildcard TLSA record comes with a proof that nothing is closer",
		algorithm: "RSASHA512", nsec3: true, ds: dsRight, tlsa: tlsaEndEntity, wild: true,
		mx: "secure", a: "secure", tlsaStatus: "secure",
		outcome: "success", exit: 0,
	},
	{
		name: "good.example", why: "a signed delegation in a domain with opt-out",
		algorithm: "ECDSAP256SHA256", ds: dsRight, tlsa: tlsaEndEntity,
		mx: "secure", a: "secure", tlsaStatus: "secure",
		outcome: "success", exit: 0,
	},
	{
		name: "mismatch.test", why: "the record is for a key that the server does not have",
		algorithm: "ECDSAP256SHA256", ds: dsRight, tlsa: tlsaStranger,
		mx: "secure", a: "secure", tlsaStatus: "secure",
		outcome: "failure", exit: 1,
	},
	{
		name: "nodane.test", why: "a signed domain without TLSA records, proven by NSEC",
		algorithm: "ECDSAP256SHA256", ds: dsRight,
		mx: "secure", a: "secure", tlsaStatus: "secure",
		outcome: "none", exit: 3,
	},
	{
		name: "nodane3.test", why: "a signed domain without TLSA records, proven by NSEC3",
		algorithm: "ECDSAP256SHA256", nsec3: true, ds: dsRight,
		mx: "secure", a: "secure", tlsaStatus: "secure",
		outcome: "none", exit: 3,
	},
	{
		name: "null.test", why: "a signed null MX (RFC 7505 §3)",
		algorithm: "ECDSAP256SHA256", ds: dsRight, null: true,
		mx:      "secure",
		outcome: "failure", exit: 1,
	},
	{
		name: "unsigned.test", why: "no DS, proven by NSEC",
		mx: "insecure", a: "insecure", tlsaStatus: "insecure", tlsa: tlsaEndEntity,
		outcome: "none", exit: 3,
	},
	{
		name: "unsigned.example", why: "no DS, covered by an NSEC3 with opt-out",
		mx: "insecure", a: "insecure", tlsaStatus: "insecure", tlsa: tlsaEndEntity,
		outcome: "none", exit: 3,
	},
	{
		name: "island.test", why: "signed, but nobody vouches for the key",
		algorithm: "ECDSAP256SHA256", ds: dsNone, tlsa: tlsaEndEntity,
		mx: "insecure", a: "insecure", tlsaStatus: "insecure",
		outcome: "none", exit: 3,
	},
	{
		name: "expired.test", why: "the signatures have expired",
		algorithm: "ECDSAP256SHA256", ds: dsRight, expired: true, tlsa: tlsaEndEntity,
		mx: "bogus", a: "bogus", tlsaStatus: "bogus", reason: "expired", ede: []int{7},
		outcome: "failure", exit: 1,
	},
	{
		name: "wrongds.test", why: "the DS is that of another key",
		algorithm: "ECDSAP256SHA256", ds: dsWrong, tlsa: tlsaEndEntity,
		mx: "bogus", a: "bogus", tlsaStatus: "bogus", reason: "DS", ede: []int{9, 6},
		outcome: "failure", exit: 1,
	},
	{
		name: "tamperedmx.test", why: "somebody changed the MX record",
		algorithm: "ECDSAP256SHA256", ds: dsRight, tlsa: tlsaEndEntity,
		damage: replace(`(?m)^(\S+\s+\d+\s+IN\s+MX\s+)10 `, "${1}20 "),
		mx:     "bogus", a: "secure", tlsaStatus: "secure", reason: "signature", ede: []int{6},
		outcome: "failure", exit: 1,
	},
	{
		name: "tamperedtlsa.test", why: "somebody put a TLSA record of his own key",
		algorithm: "ECDSAP256SHA256", nsec3: true, ds: dsRight, tlsa: tlsaEndEntity,
		damage: replace(`(?m)^(\S+\s+\d+\s+IN\s+TLSA\s+)3 1 1 .*$`, "${1}3 1 1 "+noDigest),
		mx:     "secure", a: "secure", tlsaStatus: "bogus", reason: "signature", ede: []int{6},
		outcome: "failure", exit: 1,
	},
	{
		name: "stripped.test", why: "somebody took the signature off the TLSA record",
		algorithm: "ECDSAP256SHA256", ds: dsRight, tlsa: tlsaEndEntity,
		damage: replace(`(?m)^\S+\s+\d+\s+IN\s+RRSIG\s+TLSA\s.*\n`, ""),
		mx:     "secure", a: "secure", tlsaStatus: "bogus", reason: "signature", ede: []int{10},
		outcome: "failure", exit: 1,
	},
}

// noDigest is the SHA-256 digest of nothing that anybody has.
const noDigest = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

// replace returns a damage that edits the signed zone, one record a line.
func replace(pattern, by string) func(string) string {
	re := regexp.MustCompile(pattern)
	return func(signed string) string { return re.ReplaceAllString(signed, by) }
}

func domainNames() []string {
	var names []string
	for _, d := range domains {
		names = append(names, d.name)
	}
	return names
}
