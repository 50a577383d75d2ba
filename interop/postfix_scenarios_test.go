//go:build interop

package interop

import (
	"crypto/tls"

	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A treatment is what becomes of a message.
type treatment string

const (
	authenticated treatment = "authenticated" // delivered to a host that its TLSA records match
	encrypted     treatment = "encrypted"     // delivered with TLS, to anybody
	cleartext     treatment = "cleartext"
	refused       treatment = "refused" // not delivered, now or ever
)

// treatments are those at each of the levels: dane, with the policy for insecure MX
// records of may, dane and encrypt, and dane-only.
type treatments [len(levels)]treatment

// A scenario is a mail domain and its servers. Its zone file is below two origins,
// NAME.signed and NAME.plain, of which the second is not signed. In it stand
//
//	$1 $2   the addresses of the servers
//	$S $P   the absolute names NAME.signed. and NAME.plain.
//	$311    a TLSA record of the first server: usage, selector, matching type. Those of
//	        usage 0 and 2 are of the root, two steps above it.
//	$digest $key   the digests of its certificate and key
type scenario struct {
	name  string
	why   string
	zone  string // below NAME.signed
	plain string // below NAME.plain; if it begins with "@" the domain is that
	bogus string // owner and type of the RRset, relative to NAME.signed, without signature

	leaf    tlsatest.Leaf          // of all servers; without names it is for mail.NAME.signed
	present string                 // of the chain: "" is all, "leaf", "no root", "no intermediate", "self-signed"
	server  func(*smtptest.Server) // changes the first server; nil for none
	down    bool                   // the first server does not listen

	want treatments
}

// always is the same treatment at all levels.
func always(v treatment) treatments { return treatments{v, v, v, v} }

// weak is that of a domain without DANE, which is not delivered to where it is
// mandatory (RFC 7672 §6).
func weak(v treatment) treatments { return treatments{v, v, v, refused} }

// mail is a host with these TLSA records, and the domain's only one.
func mail(records ...string) string {
	zone := "@ MX 10 mail\nmail A $1\n"
	for _, r := range records {
		zone += "_25._tcp.mail TLSA " + r + "\n"
	}
	return zone
}

// two are two hosts in order. The records are whole lines.
func two(records string) string {
	return "@ MX 10 mail\n@ MX 20 backup\nmail A $1\nbackup A $2\n" + records
}

const (
	noDigest512 = noDigest + noDigest
	stranger    = "3 1 1 " + noDigest
)

func noStartTLS(s *smtptest.Server) { s.NoStartTLS = true }

func faulty(at smtptest.Stage, f smtptest.Fault) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.Faults = map[smtptest.Stage]smtptest.Fault{at: f} }
}

func onlyTLS(version uint16) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.TLS = &tls.Config{MinVersion: version, MaxVersion: version} }
}

var scenarios = []scenario{
	// Records that are usable.
	{name: "ee-key", why: "3 1 1", zone: mail("$311"), want: always(authenticated)},
	{name: "ee-cert", why: "3 0 1", zone: mail("$301"), want: always(authenticated)},
	{name: "ee-key-512", why: "3 1 2", zone: mail("$312"), want: always(authenticated)},
	{name: "ee-full", why: "3 0 0, the whole certificate", zone: mail("$300"), want: always(authenticated)},
	{name: "ee-full-key", why: "3 1 0, the whole key", zone: mail("$310"), want: always(authenticated)},
	{name: "ta-key", why: "2 1 1", zone: mail("$211"), want: always(authenticated)},
	{name: "ta-cert", why: "2 0 1", zone: mail("$201"), want: always(authenticated)},
	{name: "ta-cert-512", why: "2 0 2", zone: mail("$202"), want: always(authenticated)},
	{name: "ta-full", why: "2 0 0", zone: mail("$200"), want: always(authenticated)},
	{name: "ta-full-key", why: "2 1 0", zone: mail("$210"), want: always(authenticated)},
	{name: "mismatch", why: "the key is another one", zone: mail(stranger), want: always(refused)},
	{name: "mismatch-ta", why: "the authority is another one", zone: mail("2 1 1 " + noDigest), want: always(refused)},
	{name: "mixup", why: "3 1 1 with the digest of the certificate", zone: mail("3 1 1 $digest"), want: always(refused)},

	// Several records.
	{name: "rollover", why: "the current key and the next one", zone: mail(stranger, "$311"), want: always(authenticated)},
	{name: "rollover-ta", why: "the next key and the authority", zone: mail(stranger, "$211"), want: always(authenticated)},
	{name: "agility", why: "the strongest digest decides (RFC 7671 §9)", zone: mail("3 1 2 "+noDigest512, "$311"), want: always(refused)},
	{name: "agility-good", why: "and the weaker one does not", zone: mail(stranger, "$312"), want: always(authenticated)},
	{name: "agility-usage", why: "the digests of another usage do not count", zone: mail("3 1 2 "+noDigest512, "$211"), want: always(authenticated)},
	{name: "agility-selector", why: "nor do those of another selector", zone: mail("3 0 2 "+noDigest512, "$311"), want: always(authenticated)},
	{name: "agility-full", why: "full data is never suppressed", zone: mail("3 1 2 "+noDigest512, "$310"), want: always(authenticated)},
	{name: "agility-malformed", why: "a strong digest of the wrong length is not usable", zone: mail(`\# 35 030102`+noDigest, "$311"), want: always(authenticated)},
	{name: "agility-unknown", why: "nor is a digest that nobody knows", zone: mail("3 1 9 "+noDigest512, "$311"), want: always(authenticated)},

	// None that is usable: TLS, and nobody is authenticated (RFC 7672 §2.2).
	{name: "pkix", why: "usages 0 and 1", zone: mail("$001", "$111"), want: weak(encrypted)},
	{name: "pkix-mismatch", why: "usage 1, another key", zone: mail("1 1 1 " + noDigest), want: weak(encrypted)},
	{name: "usage", why: "an unknown usage", zone: mail("4 1 1 " + noDigest), want: weak(encrypted)},
	{name: "selector", why: "an unknown selector", zone: mail("3 2 1 " + noDigest), want: weak(encrypted)},
	{name: "digest", why: "an unknown digest", zone: mail("3 1 3 " + noDigest), want: weak(encrypted)},
	{name: "short", why: "a digest that is too short", zone: mail(`3 1 1 00112233`), want: weak(encrypted)},
	{name: "garbage", why: "full data that is none", zone: mail("3 0 0 0011223344"), want: weak(encrypted)},
	{name: "garbage-ta", why: "an anchor that is none", zone: mail("2 0 0 0011223344"), want: weak(encrypted)},
	{name: "unusable-clear", why: "TLS is required and not offered", zone: mail("$111"), server: noStartTLS, want: always(refused)},
	{name: "unusable-broken", why: "TLS is required and fails", zone: mail("$111"), server: faulty(smtptest.AtHandshake, smtptest.Close), want: always(refused)},
	{name: "mixed", why: "a usable record that matches, and others", zone: mail("$111", "3 1 9 00", "$311"), want: always(authenticated)},
	{name: "mixed-mismatch", why: "a usable one that does not match", zone: mail("$111", stranger), want: always(refused)},

	// Lookups of the TLSA record.
	{name: "nodata", why: "the name has another type", zone: mail() + "_25._tcp.mail TXT none\n", want: weak(encrypted)},
	{name: "nxdomain", why: "there is no such name", zone: mail(), want: weak(encrypted)},
	{name: "nxdomain-clear", why: "nor is there STARTTLS", zone: mail(), server: noStartTLS, want: weak(cleartext)},
	{name: "tlsa-bogus", why: "an attacker may have taken it away (RFC 7672 §2.1.2)", zone: mail("$311"), bogus: "_25._tcp.mail TLSA", want: always(refused)},
	{name: "tlsa-denial", why: "the same with the proof that there is none", zone: mail() + "_25._tcp.mail TXT none\n", bogus: "_25._tcp.mail NSEC", want: always(refused)},
	{name: "tlsa-alias", why: "it lies behind an alias (RFC 7671 §7)", zone: mail() + "_25._tcp.mail CNAME tlsa\ntlsa TLSA $311\n", want: always(authenticated)},
	{name: "tlsa-alias-plain", why: "behind an alias, where nothing is signed", zone: mail() + "_25._tcp.mail CNAME tlsa.$P\n", plain: "tlsa TLSA $311\n", want: weak(encrypted)},
	{name: "tlsa-alias-gone", why: "behind an alias to nowhere", zone: mail() + "_25._tcp.mail CNAME tlsa\n", want: weak(encrypted)},
	{name: "tlsa-alias-bogus", why: "behind an alias to a bogus record", zone: mail() + "_25._tcp.mail CNAME tlsa\ntlsa TLSA $311\n", bogus: "tlsa TLSA", want: always(refused)},
	{name: "tlsa-wildcard", why: "it is a wildcard", zone: mail() + "*._tcp.mail TLSA $311\n", want: always(authenticated)},

	// Lookups of MX records and addresses.
	{name: "mx-plain", why: "an insecure MX record, a host with TLSA records", plain: "@ MX 10 mail.$S\n", zone: mail("$311"), want: treatments{encrypted, authenticated, encrypted, refused}},
	{name: "mx-plain-ta", why: "and a certificate for the domain, which counts for nothing", plain: "@ MX 10 mail.$S\n", zone: mail("$211"), leaf: tlsatest.Leaf{Names: []string{"mx-plain-ta.plain"}}, want: treatments{encrypted, refused, encrypted, refused}},
	{name: "mx-plain-mismatch", why: "another key", plain: "@ MX 10 mail.$S\n", zone: mail(stranger), want: treatments{encrypted, refused, encrypted, refused}},
	{name: "mx-plain-bogus", why: "a bogus TLSA record", plain: "@ MX 10 mail.$S\n", zone: mail("$311"), bogus: "_25._tcp.mail TLSA", want: treatments{encrypted, refused, encrypted, refused}},
	{name: "mx-plain-unusable", why: "no usable record", plain: "@ MX 10 mail.$S\n", zone: mail("$111"), want: weak(encrypted)},
	{name: "mx-plain-none", why: "no TLSA record", plain: "@ MX 10 mail.$S\n", zone: mail(), want: weak(encrypted)},
	{name: "mx-plain-clear", why: "TLSA records, no STARTTLS", plain: "@ MX 10 mail.$S\n", zone: mail("$311"), server: noStartTLS, want: treatments{cleartext, refused, cleartext, refused}},
	{name: "plain", why: "nothing is signed, so the record does not count", plain: mail("$311"), want: weak(encrypted)},
	{name: "plain-clear", why: "nor is there STARTTLS", plain: mail(), server: noStartTLS, want: weak(cleartext)},
	{name: "implicit", why: "no MX record, the domain has TLSA records", zone: "@ A $1\n_25._tcp TLSA $211\n", leaf: tlsatest.Leaf{Names: []string{"implicit.signed"}}, want: always(authenticated)},
	{name: "implicit-none", why: "no MX record, no TLSA records", zone: "@ A $1\n", want: weak(encrypted)},
	{name: "implicit-plain", why: "no MX record, nothing signed", plain: "@ A $1\n_25._tcp TLSA $311\n", want: weak(encrypted)},
	{name: "null", why: "a null MX record (RFC 7505 §3)", zone: "@ MX 0 .\n@ A $1\n", want: always(refused)},
	{name: "nowhere", why: "the domain does not exist", want: always(refused)},
	{name: "mx-bogus", why: "a bogus MX record, no fallback to the address", zone: mail("$311") + "@ A $1\n", bogus: "@ MX", want: always(refused)},
	{name: "a-bogus", why: "a bogus address", zone: mail("$311"), bogus: "mail A", want: always(refused)},
	{name: "a-none", why: "a host without address", zone: "@ MX 10 mail\nmail TXT none\n", want: always(refused)},
	{name: "host-plain", why: "a host that is not signed", zone: "@ MX 10 mail.$P\n", plain: "mail A $1\n_25._tcp.mail TLSA $311\n", want: weak(encrypted)},

	// Aliases.
	{name: "host-alias", why: "records below the host's alias's target", zone: "@ MX 10 alias\nalias CNAME mail\nmail A $1\n_25._tcp.mail TLSA $211\n", want: always(authenticated)},
	{name: "host-alias-original", why: "records below the alias alone", zone: "@ MX 10 alias\nalias CNAME mail\nmail A $1\n_25._tcp.alias TLSA $311\n", want: always(authenticated)},
	{name: "host-alias-both", why: "below both: those of the target count (RFC 7672 §2.2.2)", zone: "@ MX 10 alias\nalias CNAME mail\nmail A $1\n_25._tcp.alias TLSA $311\n_25._tcp.mail TLSA " + stranger + "\n", want: always(refused)},
	{name: "host-alias-plain", why: "a secure alias to an insecure address", zone: "@ MX 10 alias\nalias CNAME mail.$P\n_25._tcp.alias TLSA $311\n", plain: "mail A $1\n", want: always(authenticated)},
	{name: "host-alias-plain-none", why: "without TLSA records at the alias", zone: "@ MX 10 alias\nalias CNAME mail.$P\n", plain: "mail A $1\n_25._tcp.mail TLSA $311\n", want: weak(encrypted)},
	{name: "domain-alias", why: "the domain is an alias", zone: "@ CNAME real\nreal MX 10 mail\nmail A $1\n_25._tcp.mail TLSA $211\n", leaf: tlsatest.Leaf{Names: []string{"domain-alias.signed"}}, want: always(authenticated)},
	{name: "domain-alias-real", why: "the certificate is for what the domain is an alias of (RFC 7672 §3.2.2)", zone: "@ CNAME real\nreal MX 10 mail\nmail A $1\n_25._tcp.mail TLSA $211\n", leaf: tlsatest.Leaf{Names: []string{"real.domain-alias-real.signed"}}, want: always(authenticated)},

	// Certificates.
	{name: "ee-expired", why: "dates do not count (RFC 7672 §3.1.1)", zone: mail("$311"), leaf: tlsatest.Leaf{Faults: tlsatest.Expired}, want: always(authenticated)},
	{name: "ee-name", why: "names neither", zone: mail("$311"), leaf: tlsatest.Leaf{Faults: tlsatest.WrongName}, want: always(authenticated)},
	{name: "ee-signature", why: "nor signatures", zone: mail("$311"), leaf: tlsatest.Leaf{Faults: tlsatest.WrongSignature}, want: always(authenticated)},
	{name: "ee-client", why: "nor the extended key usage", zone: mail("$311"), leaf: tlsatest.Leaf{Faults: tlsatest.ClientOnly}, want: always(authenticated)},
	{name: "ee-serial", why: "a serial number below zero", zone: mail("$311"), leaf: tlsatest.Leaf{Faults: tlsatest.NegativeSerial}, want: always(refused)},
	{name: "ta-expired", why: "dates do count (RFC 7672 §3.1.2)", zone: mail("$211"), leaf: tlsatest.Leaf{Faults: tlsatest.Expired}, want: always(refused)},
	{name: "ta-early", why: "not yet valid", zone: mail("$211"), leaf: tlsatest.Leaf{Faults: tlsatest.NotYetValid}, want: always(refused)},
	{name: "ta-name", why: "names too", zone: mail("$211"), leaf: tlsatest.Leaf{Faults: tlsatest.WrongName}, want: always(refused)},
	{name: "ta-signature", why: "the authority has not signed it", zone: mail("$211"), leaf: tlsatest.Leaf{Faults: tlsatest.WrongSignature}, want: always(refused)},
	{name: "ta-client", why: "a certificate for clients", zone: mail("$211"), leaf: tlsatest.Leaf{Faults: tlsatest.ClientOnly}, want: always(refused)},
	{name: "ta-cn", why: "the name is the common name (RFC 7672 §3.2.3)", zone: mail("$211"), leaf: tlsatest.Leaf{Faults: tlsatest.CommonNameOnly}, want: always(authenticated)},
	{name: "ta-wildcard", why: "the name is a wildcard", zone: mail("$211"), leaf: tlsatest.Leaf{Names: []string{"*.ta-wildcard.signed"}}, want: always(authenticated)},
	{name: "ta-wildcard-domain", why: "one label is not enough behind a wildcard", zone: mail("$211"), leaf: tlsatest.Leaf{Names: []string{"*.signed"}}, want: always(refused)},
	{name: "ta-domain", why: "the name is that of the domain", zone: mail("$211"), leaf: tlsatest.Leaf{Names: []string{"ta-domain.signed"}}, want: always(authenticated)},
	{name: "ta-alone", why: "the authority is not presented", zone: mail("$211"), present: "leaf", want: always(refused)},
	{name: "ta-alone-full", why: "the authority is the record, and the intermediate is missing", zone: mail("$200"), present: "leaf", want: always(refused)},
	{name: "ta-gap", why: "the intermediate is missing", zone: mail("$211"), present: "no intermediate", want: always(refused)},
	{name: "ta-no-root", why: "the authority is the record, and the intermediate is presented", zone: mail("$200"), present: "no root", want: always(authenticated)},
	{name: "self", why: "self-signed", zone: mail("$311"), present: "self-signed", want: always(authenticated)},
	{name: "self-ta", why: "self-signed, and no authority", zone: mail("2 1 1 $key"), present: "self-signed", want: always(refused)},

	// Servers.
	{name: "clear", why: "no STARTTLS", zone: mail("$311"), server: noStartTLS, want: always(refused)},
	{name: "refuses", why: "STARTTLS is refused", zone: mail("$311"), server: faulty(smtptest.AtStartTLS, smtptest.Temporary), want: always(refused)},
	{name: "refuses-none", why: "STARTTLS is refused, without TLSA records", zone: mail(), server: faulty(smtptest.AtStartTLS, smtptest.Temporary), want: weak(cleartext)},
	{name: "breaks", why: "the handshake fails", zone: mail("$311"), server: faulty(smtptest.AtHandshake, smtptest.Close), want: always(refused)},
	{name: "breaks-none", why: "the handshake fails, without TLSA records", zone: mail(), server: faulty(smtptest.AtHandshake, smtptest.Close), want: weak(cleartext)},
	{name: "greeting", why: "the greeting refuses", zone: mail("$311"), server: faulty(smtptest.AtGreeting, smtptest.Permanent), want: always(refused)},
	{name: "greeting-none", why: "there is no greeting, nor a TLSA record", zone: mail(), server: faulty(smtptest.AtGreeting, smtptest.Close), want: always(refused)},
	{name: "late", why: "EHLO is refused once there is TLS", zone: mail("$311"), server: faulty(smtptest.AtHelloTLS, smtptest.Close), want: always(refused)},
	{name: "tls13", why: "TLS 1.3 only", zone: mail("$311"), server: onlyTLS(tls.VersionTLS13), want: always(authenticated)},
	{name: "tls12", why: "TLS 1.2 only", zone: mail("$211"), server: onlyTLS(tls.VersionTLS12), want: always(authenticated)},
	{name: "tls10", why: "TLS 1.0 only", zone: mail("$311"), server: onlyTLS(tls.VersionTLS10), want: always(refused)},
	{name: "tls10-none", why: "TLS 1.0 only, without TLSA records", zone: mail(), server: onlyTLS(tls.VersionTLS10), want: weak(encrypted)},
	{name: "down", why: "nobody listens", zone: mail("$311"), down: true, want: always(refused)},
	{name: "down-none", why: "nobody listens, without TLSA records", zone: mail(), down: true, want: always(refused)},

	// Several hosts.
	{name: "first-none", why: "the first host has no TLSA record, the second one has", zone: two("_25._tcp.backup TLSA $311\n"), want: treatments{encrypted, encrypted, encrypted, authenticated}},
	{name: "first-mismatch", why: "the first host has another key", zone: two("_25._tcp.mail TLSA " + stranger + "\n_25._tcp.backup TLSA $311\n"), want: always(authenticated)},
	{name: "first-mismatch-none", why: "and the second no TLSA record", zone: two("_25._tcp.mail TLSA " + stranger + "\n"), want: weak(encrypted)},
	{name: "first-bogus", why: "the first host's TLSA record is bogus", zone: two("_25._tcp.mail TLSA $311\n_25._tcp.backup TLSA $311\n"), bogus: "_25._tcp.mail TLSA", want: always(authenticated)},
	{name: "first-a-bogus", why: "the first host's address is bogus", zone: two("_25._tcp.backup TLSA $311\n"), bogus: "mail A", want: always(authenticated)},
	{name: "first-down", why: "the first host does not answer", zone: two("_25._tcp.mail TLSA $311\n_25._tcp.backup TLSA $311\n"), down: true, want: always(authenticated)},
	{name: "first-clear", why: "the first host has no STARTTLS, the second no TLSA record", zone: two("_25._tcp.mail TLSA $311\n"), server: noStartTLS, want: weak(encrypted)},
	{name: "all-mismatch", why: "no host has the key", zone: two("_25._tcp.mail TLSA " + stranger + "\n_25._tcp.backup TLSA " + stranger + "\n"), want: always(refused)},
	{name: "addresses", why: "the first address does not answer", zone: mail("$311") + "mail A $2\n", down: true, want: always(authenticated)},
}
