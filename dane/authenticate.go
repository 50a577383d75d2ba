package dane

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"github.com/danesmtp/danesmtp/tlsa"
)

// VerifyConnection judges a handshake that is over, for an SMTP client that does TLS by
// itself, and for audits; TLSConfig does the same within the handshake, which is better:
// the client then has sent nothing. It returns nil only if TLS is there, complete, and all
// that the Host demands: TLS 1.2 or later unless Action is MayEncrypt without PKIX, the
// TLSA records with MustAuthenticate, and where PKIX is set a certificate for that name by
// an authority of Verifier.RootCAs.
//
// The error wraps ErrSkipped for a host to be skipped, ErrNoTLS for a connection in clear,
// whether the host may be sent to in clear or not (see MayCleartext), ErrWeakTLS,
// *tlsa.Error, or an error of crypto/x509. With MayEncrypt and PKIX an error is no reason
// not to deliver: see Fallback.
func (h *Host) VerifyConnection(state tls.ConnectionState) error {
	switch h.Action {
	case MustAuthenticate, MustEncrypt, MayEncrypt, SendClear:
	default:
		return ErrSkipped
	}
	switch {
	case !state.HandshakeComplete:
		return ErrNoTLS
	case h.demandsTLS() && state.Version < tls.VersionTLS12:
		return fmt.Errorf("%w: %s", ErrWeakTLS, tls.VersionName(state.Version))
	}
	if h.byDANE() {
		if _, err := h.matcher().Verify(state.PeerCertificates); err != nil {
			return err
		}
	}
	if h.PKIX != "" {
		return h.verifyPKIX(state, nil)
	}
	return nil
}

// matcher matches certificates against the host's records.
func (h *Host) matcher() *tlsa.Verifier {
	return &tlsa.Verifier{Records: h.Records, Names: h.Names, Time: h.now}
}

// verifyPKIX demands a certificate of a public authority for PKIX, which need not be the
// name sent as SNI. Nil roots means those of the Verifier.
func (h *Host) verifyPKIX(state tls.ConnectionState, roots *x509.CertPool) error {
	if len(state.PeerCertificates) == 0 || state.PeerCertificates[0] == nil {
		return x509.UnknownAuthorityError{}
	}
	options := x509.VerifyOptions{DNSName: h.PKIX, Roots: cmp.Or(roots, h.roots), Intermediates: x509.NewCertPool()}
	if h.now != nil {
		options.CurrentTime = h.now()
	}
	for _, certificate := range state.PeerCertificates[1:] {
		if certificate != nil {
			options.Intermediates.AddCert(certificate)
		}
	}
	_, err := state.PeerCertificates[0].Verify(options)
	return err
}
