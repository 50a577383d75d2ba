package page

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// A presented is a chain of certificates, and who presents it.
type presented struct {
	chain   []*x509.Certificate
	host    *dane.HostResult
	at      []string
	other   bool // to clients that take no key of the first kind
	byDates bool // a record of usage 2 makes the dates count
}

type (
	chainOfCertificates struct {
		Title, At    string
		Certificates []certificateView
		Omitted      string
	}
	certificateView struct {
		Place, Subject, Issuer string
		Names                  []string
		From, Until            instant
		Validity               badge
		Key, SHA256, SPKI      string
		Shown                  bool // it was shown before, with the same records
		Records                []string
	}
)

// A shownCertificate is one that the page has, beside the records of its host.
type shownCertificate struct {
	host   *dane.HostResult
	sha256 [sha256.Size]byte
}

// presentedBy returns the chains that were presented, each once for a host.
func presentedBy(r *dane.Result) (all []*presented) {
	for i := range r.Hosts {
		h := &r.Hosts[i]
		if h.Host == nil {
			continue
		}
		for _, a := range h.Attempts {
			if a.Session != nil && a.Session.TLS != nil {
				all = present(all, h, a, a.Session.TLS.PeerCertificates, false)
			}
			all = present(all, h, a, a.Other, true)
		}
	}
	return all
}

func present(all []*presented, h *dane.HostResult, a dane.Attempt, chain []*x509.Certificate, other bool) []*presented {
	if len(chain) == 0 || slices.Contains(chain, nil) {
		return all
	}
	at := a.Addr.Addr().String()
	for _, p := range all {
		if p.host == h && p.other == other && slices.EqualFunc(p.chain, chain, (*x509.Certificate).Equal) {
			p.at = append(p.at, at)
			return all
		}
	}
	dates := slices.ContainsFunc(h.Records, func(r tlsa.Record) bool { return r.Usage == tlsa.DANETA && r.Usable(tlsa.SMTP) == nil })
	return append(all, &presented{chain: chain, host: h, at: []string{at}, other: other, byDates: dates})
}

// newChainOfCertificates shows certificates of issuers in full where they are new to the host.
func newChainOfCertificates(p *presented, shown map[shownCertificate]bool, now time.Time) chainOfCertificates {
	v := chainOfCertificates{Title: clip(p.host.Name, maxName)}
	for i, at := range p.at {
		if i > 0 {
			v.At += ", "
		}
		v.At += at
	}
	if p.other {
		v.Title += ", to clients that do not take its first kind of key"
	}
	for i, cert := range p.chain[:min(len(p.chain), maxCertificates)] {
		c, key := newCertificate(p, cert, i, now), shownCertificate{p.host, sha256.Sum256(cert.Raw)}
		c.Shown = shown[key]
		shown[key] = true
		v.Certificates = append(v.Certificates, c)
	}
	v.Omitted = leftOut(len(p.chain)-maxCertificates, "certificates are")
	return v
}

func newCertificate(p *presented, cert *x509.Certificate, depth int, now time.Time) certificateView {
	whole, key := sha256.Sum256(cert.Raw), sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	v := certificateView{
		Place: "Server's own", Subject: clip(cert.Subject.String(), maxText), Issuer: clip(cert.Issuer.String(), maxText),
		Names: lines(cert.DNSNames, maxNames, "names are"),
		From:  newInstant(cert.NotBefore, now), Until: newInstant(cert.NotAfter, now),
		Validity: validity(now, cert.NotBefore, cert.NotAfter),
		Key:      keyWords(cert), SHA256: hex.EncodeToString(whole[:]), SPKI: hex.EncodeToString(key[:]),
	}
	if depth > 0 {
		v.Place = fmt.Sprintf("Issuer %d", depth)
	}
	if v.Subject == "" {
		v.Subject = "(empty)"
	}
	for i, r := range p.host.Records {
		made, err := tlsa.New(r.Usage, r.Selector, r.Matching, cert)
		if err != nil || !made.Equal(r) {
			continue
		}
		if len(v.Records) == maxRecordLines {
			v.Records = append(v.Records, "and more")
			break
		}
		v.Records = append(v.Records, fmt.Sprintf("R%d (%d %d %d)%s", i+1, r.Usage, r.Selector, r.Matching, doesNotCount(r, depth)))
	}
	return v
}

// doesNotCount says why a record with the data of a certificate is no match.
func doesNotCount(r tlsa.Record, depth int) string {
	switch {
	case r.Usable(tlsa.SMTP) != nil:
		return ", which SMTP does not use"
	case r.Usage == tlsa.DANEEE && depth > 0:
		return ", which counts for the server's own certificate alone"
	}
	return ""
}

// validity is a status by a period of validity.
func validity(now, from, until time.Time) badge {
	switch {
	case now.Before(from):
		return badge{classBroken, "not yet valid"}
	case !until.After(now):
		return badge{classBroken, "ended"}
	case until.Sub(now) < soon:
		return badge{classWarning, "ends soon"}
	}
	return badge{classOK, "valid"}
}

func keyWords(cert *x509.Certificate) string {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA, %d bits", key.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA, " + key.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return clip(cert.PublicKeyAlgorithm.String(), maxName)
}

func tlsWords(state *tls.ConnectionState) string {
	return smtpprobe.ProtocolName(state.Version) + ", " + smtpprobe.CipherName(state.CipherSuite)
}
