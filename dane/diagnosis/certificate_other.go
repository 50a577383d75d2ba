package diagnosis

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"

	"github.com/danesmtp/danesmtp/dane"
)

// chainsOf returns the chains that a report is about, in their order.
func chainsOf(a *dane.Attempt) [][]*x509.Certificate {
	return append([][]*x509.Certificate{a.Chain()}, a.Others...)
}

// oneOfSeveral finds a server that has certificates with keys of several kinds, of which some
// match and others do not. Senders differ in which they prefer, so that some deliver and others
// do not.
func (d *diagnosis) oneOfSeveral(h *dane.HostResult, a *dane.Attempt) bool {
	if a.Report == nil || len(a.Others) == 0 || len(a.Chain()) == 0 {
		return false
	}
	var good, bad []*x509.Certificate
	for i, chain := range chainsOf(a) {
		if unmatched(a.Report, i) {
			bad = append(bad, chain[0])
		} else {
			good = append(good, chain[0])
		}
	}
	if len(good) == 0 || len(bad) == 0 {
		return false
	}
	f := Finding{Code: CodeOtherCertificate, Host: h.Name, Addresses: addrs(a),
		Text: h.Name + " has a certificate with " + keyKinds(good) + " key, which its TLSA records are of, and one with " + keyKinds(bad) +
			" key, which they are not of. " + whoSees(good, bad),
		Fix: "Publish the record of the other key, too, or remove that certificate from the server."}
	f.Evidence = recordEvidence(a.Report)
	for _, cert := range slices.Concat(good, bad) {
		f.Evidence = append(f.Evidence, certificateEvidence([]*x509.Certificate{cert})...)
	}
	for _, cert := range bad {
		f.Publish = append(f.Publish, rightRecord(h, []*x509.Certificate{cert}))
	}
	d.find(f)
	return true
}

// newSenders and oldSenders are those who know ML-DSA, and those who do not.
const (
	newSenders = "Senders that offer ML-DSA first, such as programs built with Go 1.27 or later,"
	oldSenders = "Senders without ML-DSA, such as programs built with Go 1.26 or OpenSSL before 3.5 and so most of Postfix and Exim,"
)

// whoSees says which senders do not deliver.
func whoSees(good, bad []*x509.Certificate) string {
	switch {
	case slices.ContainsFunc(bad, isMLDSA):
		return newSenders + " see the latter, and do not deliver."
	case slices.ContainsFunc(good, isMLDSA) && len(good) == 1:
		return oldSenders + " see the latter, and do not deliver."
	}
	return "Senders that prefer the latter do not deliver."
}

// unseen says what cannot be known of the certificates that a server has besides.
func (d *diagnosis) unseen(h *dane.HostResult, a *dane.Attempt) {
	chain := a.Chain()
	if len(chain) == 0 || len(h.Records) == 0 {
		return
	}
	alone := isMLDSA(chain[0]) && len(a.Others) == 0
	f := Finding{Host: h.Name, Addresses: addrs(a), Evidence: certificateEvidence(chain[:1])}
	switch {
	case a.OnlyTLS13:
		f.Code = CodeHidden
		f.Text = h.Name + " has TLS 1.3 alone, so that other certificates that it may have cannot be seen from here, and nobody can say whether its TLSA records are of them, too."
		f.Fix = "If the server has one certificate, all is well. If it has several, publish a record of each: daneverify tlsa check takes their files."
		if alone {
			f.Severity = Unknown
			f.Text += " " + oldSenders + " do not see the one with an ML-DSA key that this sender sees."
		}
	case alone && a.OthersSought:
		f.Code = CodeMLDSAAlone
		f.Text = h.Name + " has a certificate with an ML-DSA key, and no other. " + oldSenders + " have no signature in common with it: their handshake fails (alert 40), and they do not deliver."
		f.Fix = "Add a certificate with an ECDSA or RSA key to the server (Postfix: smtpd_tls_chain_files takes several), and publish its record first."
	default:
		return
	}
	d.find(f)
}

// mldsa is the arc of the algorithms ML-DSA-44, -65 and -87 (RFC 9881 §2), which crypto/x509
// knows from Go 1.27 on.
var mldsa = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3}

func isMLDSA(cert *x509.Certificate) bool {
	var key struct {
		Algorithm pkix.AlgorithmIdentifier
		PublicKey asn1.BitString
	}
	if _, err := asn1.Unmarshal(cert.RawSubjectPublicKeyInfo, &key); err != nil {
		return false
	}
	oid := key.Algorithm.Algorithm
	if len(oid) != len(mldsa)+1 || !oid[:len(mldsa)].Equal(mldsa) {
		return false
	}
	last := oid[len(mldsa)]
	return last >= 17 && last <= 19
}

// chainOf returns one of the chains that a report is about.
func chainOf(a *dane.Attempt, chain int) []*x509.Certificate {
	if chain > 0 && chain <= len(a.Others) {
		return a.Others[chain-1]
	}
	return a.Chain()
}

func keyKinds(certs []*x509.Certificate) string {
	kinds := make([]string, len(certs))
	for i, cert := range certs {
		kinds[i] = keyKind(cert)
	}
	return strings.Join(kinds, " and ")
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
	if isMLDSA(cert) {
		return "an ML-DSA"
	}
	return "another kind of"
}
