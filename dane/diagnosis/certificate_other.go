package diagnosis

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"

	"github.com/danesmtp/danesmtp/dane"
)

// oneOfTwo finds a server that has certificates with keys of two kinds, of which one matches.
// Senders differ in which they prefer, so that some deliver and others do not.
func (d *diagnosis) oneOfTwo(h *dane.HostResult, a *dane.Attempt) bool {
	if a.Report == nil || len(a.Other) == 0 || len(a.Chain()) == 0 || unmatched(a.Report, 0) == unmatched(a.Report, 1) {
		return false
	}
	good, bad := a.Chain(), a.Other
	if unmatched(a.Report, 0) {
		good, bad = bad, good
	}
	d.find(Finding{Code: CodeOtherCertificate, Host: h.Name, Addresses: addrs(a), Publish: []string{rightRecord(h, bad)},
		Evidence: append(append(recordEvidence(a.Report), certificateEvidence(good[:1])...), certificateEvidence(bad[:1])...),
		Text: h.Name + " has a certificate with " + keyKind(good[0]) + " key, which its TLSA records are of, and one with " + keyKind(bad[0]) +
			" key, which they are not of. Senders that prefer the latter do not deliver.",
		Fix: "Publish the record of the other key, too, or remove that certificate from the server."})
	return true
}

// chainOf returns one of the chains that a report is about.
func chainOf(a *dane.Attempt, chain int) []*x509.Certificate {
	if chain > 0 && len(a.Other) > 0 {
		return a.Other
	}
	return a.Chain()
}

// keyKind is the kind of a certificate's key, with its article.
func keyKind(cert *x509.Certificate) string {
	switch cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return "an RSA"
	case *ecdsa.PublicKey:
		return "an ECDSA"
	case ed25519.PublicKey:
		return "an Ed25519"
	}
	return "another kind of"
}
