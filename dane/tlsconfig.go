package dane

import (
	"crypto/tls"
	"crypto/x509"

	"github.com/danesmtp/danesmtp/tlsa"
)

// withoutDANE sets what the policy wants where DANE does not apply.
func (h *Host) withoutDANE(level TLSLevel) {
	switch level {
	case TLSPreferred:
		h.Action = MayEncrypt
	case TLSNone:
		h.Action = SendClear
	case TLSRequired:
		h.Action = MustEncrypt
	case TLSPreferredVerify:
		h.Action, h.PKIX = MayEncrypt, h.Base
	case TLSRequiredVerify:
		h.Action, h.PKIX = MustAuthenticate, h.Base
	default:
		// The strictest, should there ever be a level that is not known here.
		h.Action, h.PKIX = MustAuthenticate, h.Domain
		if addr, ok := parseLiteral(h.Domain); ok {
			h.PKIX = addr.String()
		}
	}
}

// MayCleartext reports whether a message may be sent without TLS where the host
// does not offer STARTTLS. For what may be done after a failed handshake see
// Fallback.
func (h *Host) MayCleartext() bool { return h.Action == MayEncrypt || h.Action == SendClear }

// Fallback returns what to do with the host in a new connection after STARTTLS or
// the handshake has failed: the next weaker way that is allowed, or nil if there is
// none. There never is where DANE applies.
func (h *Host) Fallback() *Host {
	weaker := *h
	switch {
	case h.PKIX != "" && (h.Action == MayEncrypt || h.Action == MustEncrypt):
		// STARTTLS was offered, so there is no way to clear text any more.
		weaker.Action, weaker.PKIX = MustEncrypt, ""
	case h.Action == MayEncrypt:
		weaker.Action = SendClear
	default:
		return nil
	}
	return &weaker
}

// Authenticate judges the certificates of a handshake by the host's TLSA records. It
// returns nil if they match, and an error that wraps *tlsa.Error, or ErrSkipped, if
// they do not. It is for audits: TLSConfig does the same within the handshake.
func (h *Host) Authenticate(state tls.ConnectionState) error {
	switch {
	case h.byDANE():
		_, err := h.matcher().Verify(state.PeerCertificates)
		return err
	case h.Action == Skip:
		return ErrSkipped
	}
	return nil
}

// TLSConfig returns the configuration for STARTTLS with the host. It is made from
// base, which may be nil and is not changed; ServerName is the TLSA base domain.
//
// With MustAuthenticate the handshake fails unless the TLSA records match; the
// caller's own verification hooks run, too. With MustEncrypt nobody is
// authenticated. With MayEncrypt base decides, and where it is nil nobody is
// authenticated. Where PKIX is set, the certificate must be for that name, by an
// authority of base's RootCAs or else of Verifier.RootCAs. Every handshake of a host
// to be skipped, and of the zero Host, fails with ErrSkipped.
//
// A configuration cannot demand that STARTTLS is used: see MayCleartext.
func (h *Host) TLSConfig(base *tls.Config) *tls.Config {
	if h.PKIX != "" && h.Action != Skip {
		return h.verified(base)
	}
	switch h.Action {
	case MustAuthenticate:
		return h.matcher().TLSConfig(base)
	case MustEncrypt, SendClear:
		return unauthenticated(base, h.Base)
	case MayEncrypt:
		if base == nil {
			return unauthenticated(nil, h.Base)
		}
		config := base.Clone()
		config.ServerName = h.Base
		return config
	}
	// Without verification of its own, so that the hook says why it fails.
	config := unauthenticated(base, h.Base)
	config.VerifyPeerCertificate = nil
	config.VerifyConnection = func(tls.ConnectionState) error { return ErrSkipped }
	return config
}

// matcher matches certificates against the host's records.
func (h *Host) matcher() *tlsa.Verifier {
	return &tlsa.Verifier{Records: h.Records, Names: h.Names, Time: h.now}
}

// verified returns a configuration that asks for PKIX, which need not be the name
// sent as SNI.
func (h *Host) verified(base *tls.Config) *tls.Config {
	config := unauthenticated(base, h.Base)
	roots, now, name := h.roots, h.now, h.PKIX
	if config.RootCAs != nil {
		roots = config.RootCAs
	}
	own := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if own != nil {
			if err := own(state); err != nil {
				return err
			}
		}
		if len(state.PeerCertificates) == 0 {
			return x509.UnknownAuthorityError{}
		}
		options := x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: x509.NewCertPool()}
		if now != nil {
			options.CurrentTime = now()
		}
		for _, certificate := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(certificate)
		}
		_, err := state.PeerCertificates[0].Verify(options)
		return err
	}
	return config
}

// unauthenticated returns a configuration that encrypts, and trusts anyone: no
// more than was possible in clear (RFC 7672 §2.2).
func unauthenticated(base *tls.Config, name string) *tls.Config {
	config := new(tls.Config)
	if base != nil {
		config = base.Clone()
	}
	config.ServerName = name
	config.InsecureSkipVerify = true
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12) // RFC 7671 §3
	return config
}
