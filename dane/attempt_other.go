package dane

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"

	"github.com/danesmtp/danesmtp/smtpprobe"
)

// Cipher suites of TLS 1.2 by the kind of key that the server needs for them. In TLS 1.3 they
// say nothing about it.
var (
	suitesForRSA   = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256}
	suitesForECDSA = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}
)

// otherCertificates connects once more to an address for each kind of key that the server has
// not shown, in a way that it can only answer with such a key. Nobody is authenticated, and no
// mail is sent.
func (v *Verifier) otherCertificates(ctx context.Context, h *Host, a *Attempt) {
	chain := a.Chain()
	if len(chain) == 0 || chain[0] == nil {
		return
	}
	kinds := [][]uint16{suitesForECDSA, suitesForRSA}
	switch chain[0].PublicKey.(type) {
	case *rsa.PublicKey:
		kinds = kinds[:1]
	case *ecdsa.PublicKey, ed25519.PublicKey:
		kinds = kinds[1:]
	}
	a.OthersSought = true
	for _, suites := range kinds {
		session, err := v.probeWith(ctx, h, a, suites)
		if e, ok := errors.AsType[*smtpprobe.Error](err); ok && e.Stage != smtpprobe.StageHandshake {
			a.OthersSought = false // it may have some
		}
		if alert, ok := errors.AsType[tls.AlertError](err); ok && alert == alertProtocolVersion {
			a.OthersSought, a.OnlyTLS13 = false, true
			return
		}
		if session == nil || session.TLS == nil || len(session.TLS.PeerCertificates) == 0 {
			continue
		}
		other := session.TLS.PeerCertificates
		known := func(seen []*x509.Certificate) bool { return bytes.Equal(seen[0].Raw, other[0].Raw) }
		if !known(chain) && !slices.ContainsFunc(a.Others, known) {
			a.Others = append(a.Others, other)
		}
	}
	if len(a.Others) > 0 {
		a.Other = a.Others[0]
	}
}

// alertProtocolVersion is what a server says that has no version that the client offers (RFC
// 8446 §6.2).
const alertProtocolVersion = tls.AlertError(70)

// probeWith connects by TLS 1.2 with some suites alone.
func (v *Verifier) probeWith(ctx context.Context, h *Host, a *Attempt, suites []uint16) (*smtpprobe.Result, error) {
	unauthenticated := *h
	unauthenticated.Action, unauthenticated.PKIX, unauthenticated.alsoPKIX = MustEncrypt, "", ""
	config := unauthenticated.TLSConfig(v.TLS)
	config.MinVersion, config.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	config.CipherSuites = suites
	return v.do(ctx, v.probe(h, a.Addr, config))
}
