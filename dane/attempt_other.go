package dane

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"

	"github.com/danesmtp/danesmtp/smtpprobe"
)

// Cipher suites of TLS 1.2 by the kind of key that the server needs for them. In TLS 1.3 they
// say nothing about it.
var (
	suitesForRSA   = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256}
	suitesForECDSA = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}
)

// otherCertificate connects once more to an address, in a way that a server can only answer
// with a key of the other kind than it has shown. It returns the chain, nil if the server has
// no such key. Nobody is authenticated, and no mail is sent.
func (v *Verifier) otherCertificate(ctx context.Context, h *Host, a *Attempt) []*x509.Certificate {
	chain := a.Chain()
	if len(chain) == 0 || chain[0] == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, v.attemptTimeout())
	defer cancel()
	unauthenticated := *h
	unauthenticated.Action, unauthenticated.PKIX, unauthenticated.alsoPKIX = MustEncrypt, "", ""
	config := unauthenticated.TLSConfig(v.TLS)
	config.MinVersion, config.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	config.CipherSuites = suitesForRSA
	if _, ok := chain[0].PublicKey.(*rsa.PublicKey); ok {
		config.CipherSuites = suitesForECDSA
	}
	prober := smtpprobe.Prober{Dial: v.Dial, LocalAddr: v.LocalAddr, Hello: v.Hello}
	session, _ := prober.Probe(ctx, a.Addr.String(), config)
	if session == nil || session.TLS == nil || len(session.TLS.PeerCertificates) == 0 {
		return nil
	}
	other := session.TLS.PeerCertificates
	if bytes.Equal(other[0].Raw, chain[0].Raw) {
		return nil
	}
	return other
}
