package dane

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"

	"github.com/danesmtp/danesmtp/tlsa"
)

// MayCleartext reports whether a message may be sent without TLS where the host
// does not offer STARTTLS. For what may be done after a failed handshake see
// [Host.Fallback].
func (h *Host) MayCleartext() bool { return h.Action == MayEncrypt || h.Action == SendClear }

// Fallback returns what to do with the host in a new connection after STARTTLS was
// refused, or the handshake has failed: the next weaker way that is allowed, or nil if it
// must not be weaker, which is always so where DANE applies. No other error may weaken:
// after a greeting that refuses, a connection that breaks or a message that is not taken,
// the same way is tried again later.
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

// TLSConfig returns the configuration for STARTTLS with the host. It is made from
// base, which is not changed; nil means Verifier.TLS. Every handshake of a host to be skipped,
// and of the zero Host, fails with [ErrSkipped].
//
// Who the server must be is the Host's to say, and nothing in base adds to that or takes
// from it: with MustAuthenticate the handshake fails unless the TLSA records match; where
// PKIX is set, unless the certificate is for that name, by an authority of base's RootCAs
// or else of [Verifier.RootCAs]; otherwise nobody is authenticated. For verification where
// DANE does not apply, see [Profile.TLS].
//
// Of base
//   - ServerName and InsecureSkipVerify are set by the Host: SNI is Base if that is a host
//     name; otherwise no SNI is sent.
//   - NextProtos and all that belongs to Encrypted Client Hello are left out: they are for
//     servers that one has agreed with.
//   - VerifyConnection and VerifyPeerCertificate run, and run first; the latter not for
//     resumed sessions, as always in crypto/tls. What they refuse is a failed handshake, so
//     a caller who then sends in clear, as Fallback allows with MayEncrypt, has asked for
//     more and got less.
//   - MinVersion is raised to TLS 1.2 (RFC 7671 §3, RFC 8996 §3) with MustAuthenticate and
//     MustEncrypt, and where PKIX is set. Otherwise 0 means TLS 1.0, and not what it means to
//     crypto/tls: without such a handshake comes clear text (RFC 7435 §3). Whoever rather
//     sends in clear sets it to tls.VersionTLS12.
//   - CipherSuites are taken as they are. Without them all that crypto/tls can do are offered
//     where MinVersion may be 1.0, and otherwise not those with RSA key exchange; see
//     Verifier.RSAKeyExchange.
//   - RootCAs count where PKIX is set, and nowhere else; VerifyConnection and Record, which
//     see no base, know only those of the Verifier. Time does not count: the Verifier's does.
//   - All else is taken as it is, ClientSessionCache too: resumed sessions are verified again
//     by what the Host demands, and none is resumed after the TLSA records have changed.
//
// A configuration cannot demand that STARTTLS is used: see [Host.MayCleartext].
func (h *Host) TLSConfig(base *tls.Config) *tls.Config {
	config := h.unauthenticated(base)
	if h.byDANE() {
		config = h.matcher().TLSConfig(config)
	}
	switch h.Action {
	case MustAuthenticate, MustEncrypt, MayEncrypt, SendClear:
		if h.PKIX != "" {
			addCheck(config, func(state tls.ConnectionState) error { return h.verifyPKIX(state, config.RootCAs) })
		}
	default:
		// Without the verification of base, so that the hook says why it fails.
		config.VerifyPeerCertificate = nil
		config.VerifyConnection = func(tls.ConnectionState) error { return ErrSkipped }
	}
	return config
}

// unauthenticated returns a configuration that encrypts, and trusts anyone: no
// more than was possible in clear (RFC 7672 §2.2).
func (h *Host) unauthenticated(base *tls.Config) *tls.Config {
	config := cmp.Or(base, h.base).Clone()
	if config == nil {
		config = new(tls.Config)
	}
	config.ServerName = h.Base // of addresses crypto/tls makes no SNI
	if _, err := netip.ParseAddr(h.Base); err != nil {
		if _, err := hostName(h.Base); err != nil {
			config.ServerName = "" // an alias may lead to any name, and SNI has host names only (RFC 6066 §3)
		}
	}
	config.InsecureSkipVerify = true
	// A server without one of these protocols would refuse the handshake (RFC 7301 §3.2), and
	// a list of keys for Encrypted Client Hello has one server's.
	config.NextProtos = nil
	config.EncryptedClientHelloConfigList, config.EncryptedClientHelloRejectionVerify = nil, nil
	offer := func(*tls.CipherSuite) bool { return true }
	if h.demandsTLS() {
		config.MinVersion = max(config.MinVersion, tls.VersionTLS12) // RFC 7671 §3, RFC 8996 §3
		offer = isRSAKeyExchange
	}
	config.MinVersion = cmp.Or(config.MinVersion, tls.VersionTLS10)
	if config.CipherSuites == nil && (h.rsaKeyExchange || !h.demandsTLS()) {
		config.CipherSuites = suites(offer)
	}
	return config
}

// demandsTLS reports whether the host, or what the policy prefers for it, is not to be had
// with just any TLS, which is hardly better than clear text.
func (h *Host) demandsTLS() bool { return h.Action != MayEncrypt || h.PKIX != "" }

// addCheck adds a hook after those that the configuration has.
func addCheck(config *tls.Config, check func(tls.ConnectionState) error) {
	before := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if before != nil {
			if err := before(state); err != nil {
				return err
			}
		}
		return check(state)
	}
}

// suites returns the cipher suites that crypto/tls has no objection to, and those others
// that are wanted. It orders them itself, the worst last.
func suites(wanted func(*tls.CipherSuite) bool) (ids []uint16) {
	for _, suite := range tls.CipherSuites() {
		ids = append(ids, suite.ID)
	}
	for _, suite := range tls.InsecureCipherSuites() {
		if wanted(suite) {
			ids = append(ids, suite.ID)
		}
	}
	return ids
}

// isRSAKeyExchange reports whether the key exchange is all that is insecure about a suite.
// Those with RC4, 3DES, or CBC and SHA-256 have other weaknesses.
func isRSAKeyExchange(suite *tls.CipherSuite) bool {
	switch suite.ID {
	case tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA:
		return true
	}
	return false
}

// VerifyConnection judges a handshake that is over, for an SMTP client that does TLS by
// itself, and for audits; [Host.TLSConfig] does the same within the handshake, which is
// better: the client then has sent nothing. net/smtp's StartTLS can be given that configuration,
// and so can most clients. One that cannot must verify nobody by itself (InsecureSkipVerify, and
// Host.Base as ServerName): with the usual tls.Config its own verification, by public authorities,
// fails first, and then a host whose TLSA records match is deferred for ever, and one without them
// is sent to in clear, as Fallback allows.
//
// Ask as soon as HandshakeComplete, and before anything
// is believed that was said after it, an error too: net/smtp's StartTLS, for one, does the handshake
// and EHLO in one call, and its error may be the word of anybody. Record and DeliveryError ask by
// themselves. It returns nil only if TLS is there, complete, and all
// that the Host demands: TLS 1.2 or later unless Action is MayEncrypt without PKIX, the
// TLSA records with MustAuthenticate, and where PKIX is set a certificate for that name by
// an authority of [Verifier.RootCAs].
//
// The error wraps [ErrSkipped] for a host to be skipped, [ErrNoTLS] for a connection in clear,
// whether the host may be sent to in clear or not (see [Host.MayCleartext]), [ErrWeakTLS],
// *tlsa.Error, or an error of crypto/x509. With MayEncrypt and PKIX an error is no reason
// not to deliver: see [Host.Fallback].
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
	if _, err := state.PeerCertificates[0].Verify(options); err != nil || h.alsoPKIX == "" {
		return err
	}
	return state.PeerCertificates[0].VerifyHostname(h.alsoPKIX)
}
