// Package tlsa authenticates a TLS server by the TLSA records of its domain (DANE)
// instead of public certification authorities. It answers one question: does this
// chain of certificates satisfy these records?
//
// # For senders
//
// Most programs need a [Verifier] and its [Verifier.TLSConfig]:
//
//	v := &tlsa.Verifier{
//		Records: records,                      // of _25._tcp.mx.example.org, from DNSSEC
//		Names:   []string{"mx.example.org", "example.org"},
//	}
//	conn := tls.Client(smtp, v.TLSConfig(nil)) // the handshake fails unless they match
//	if err := conn.HandshakeContext(ctx); err != nil {
//		fmt.Println(tlsa.HandshakeReason(err)) // for the log, in a few words
//		return err
//	}
//
// Records come from DNS with [ParseRData], and from text with [Parse]. Where the chain is
// at hand, [Verifier.Verify] says which record it satisfies. When a handshake has failed,
// [HandshakeError] has the [*Error] in it, whose [Reason] tells what was wrong, and
// [HandshakeReason] a few words for the log. For a report [Verifier.Judge] has a [Verdict]
// on each record.
//
// # For publishers
//
// [New] makes the [Record] of a certificate, [NewFromCSR] and [NewFromKey] make it before
// there is a certificate; [Record.String] is what stands in the zone. [Verifier.Check]
// compares what is published with what the server presents: its [Report] has the usual
// mistakes, each a [Finding] with a [Problem], and the [Scheme] by which the records
// survive a change of the key. [Verifier.Plan] says what to do for such a change, a
// [Rollover]: which records to add and to remove, and how long to wait in between, each a
// [Task].
//
// # Terms
//
// A record has a usage, a selector, a matching type and data, written as in
// "3 1 1 8cb0…". The usage says what has to match:
//
//   - DANE-EE(3): the server's own certificate or key. Nothing else matters: no
//     name, no date, no issuer.
//   - DANE-TA(2): a trust anchor of the domain's own choice. The server's
//     certificate has to have a valid path to it, and to be for one of the names.
//   - PKIX-EE(1), PKIX-TA(0): the same on top of ordinary validation. They do not
//     exist for SMTP; set [Verifier.Application] to [PKIX] where they do.
//
// The TLSA base domain is the host name at which the records were found, without
// _25._tcp. The reference identifiers are the names that the certificate may be
// for: the base domain, and others that the sender knows from secure DNS (RFC 7672
// §3.2.2). Package dane finds both out.
//
// A record is usable if it is well-formed and its parameters are known; [Record.Usable]
// tells. Whether a server without a usable record may be talked to is for the caller to
// decide: here it fails with [ReasonNoUsableRecord].
//
// Of digests of the same certificate or key only the strongest counts, which is called
// digest agility (RFC 7671 §9); [Verifier.DigestOrder] says which that is.
//
// # Trust anchors
//
// The trust anchor may be any CA certificate: a root or an intermediate, anywhere
// in the presented chain except for the server's own. It has to be a CA, and its path
// length, name constraints and extended key usage apply; for SMTP its dates do not,
// unless it has signed itself. A record with a whole certificate (2 0 0) or key
// (2 1 0) works if the server leaves the anchor out; a key has no constraints.
//
// # What is trusted
//
// The records, so they must come from an answer that DNSSEC has proven; and the
// clock, for usages other than DANE-EE. The system's certification authorities are
// not, except for the PKIX usages. The chain is hostile input: the work it causes
// is bounded.
//
// # What it does not do
//
// It asks no DNS, and checks no revocation. crypto/tls and crypto/x509 set limits:
// a certificate that they refuse ends the handshake (negative serial numbers, RSA
// keys above 8192 bits; [ReasonRefused]), SHA-1 signatures count for nothing, and raw
// public keys (RFC 7250) are not offered. A wildcard stands for one label, with two or
// more behind it.
//
// # Testing
//
// Package tlsatest makes certificates, good and broken, and their records.
//
// # Specifications
//
// RFC 6698, RFC 7218, RFC 7671 and RFC 7672; RFC 5280 and RFC 6125 for certificates
// and names.
package tlsa
