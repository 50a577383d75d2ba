package tlsa

import "crypto/tls"

// VerifyConnection is [Verifier.Verify] for [tls.Config]: it fails unless the server's chain
// satisfies the records. It works for resumed sessions, too, which keep the chain.
//
// It is not enough alone, since crypto/tls would also demand a certificate of a
// public CA; [Verifier.TLSConfig] sets everything.
func (v *Verifier) VerifyConnection(state tls.ConnectionState) error {
	_, err := v.Verify(state.PeerCertificates)
	return err
}

// TLSConfig returns a client configuration with which a handshake succeeds only if
// the server's chain satisfies the records. It is made from base, which may be nil
// and is not changed. The Verifier is copied; the slices in it must not be changed
// while the configuration is in use.
//
// ServerName, which is sent as SNI, is the first of Names that is not empty, the TLSA
// base domain, without a dot at the end (RFC 7672 §8.1). If there is no such name, it is
// what base has; if it is no host name in ASCII, nothing is sent. MinVersion is at least
// TLS 1.2.
//
// The hooks of base still run, and first: its VerifyConnection for all connections,
// its VerifyPeerCertificate, as always, not for resumed ones. Since the records take
// the place of crypto/tls's own verification, verifiedChains and
// ConnectionState.VerifiedChains are nil for them: a hook that counts on a chain
// there must be changed. The ClientSessionCache of base serves for all records, and keeps
// the sessions of other records apart: a session that began before the records changed
// is not resumed.
//
// A handshake error has an [*Error] in it ([errors.As]), unless crypto/tls refuses a
// certificate and ends the handshake before; [HandshakeError] finds both, and
// [HandshakeReason] says what else can go wrong.
func (v *Verifier) TLSConfig(base *tls.Config) *tls.Config {
	config := new(tls.Config)
	if base != nil {
		config = base.Clone()
	}
	verifier := *v
	if name := v.baseDomain(); isHostName(name) {
		config.ServerName = name
	} else if name != "" {
		config.ServerName = "" // what is no host name is not sent (RFC 6066 §3), nor is another for it
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12) // RFC 7671 §3
	if config.ClientSessionCache != nil {
		config.ClientSessionCache = scopedSessions{config.ClientSessionCache, sessionScope(v.Records)}
	}

	// The one place that switches off crypto/tls's own verification, and the hook
	// that replaces it. VerifyConnection is called for resumed sessions, too.
	config.InsecureSkipVerify = true
	callers := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if callers != nil {
			if err := callers(state); err != nil {
				return err
			}
		}
		return verifier.VerifyConnection(state)
	}
	return config
}
