package tlsa

import (
	"crypto/tls"
	"errors"
	"strings"
)

// VerifyConnection is Verify for tls.Config: it fails unless the server's chain
// satisfies the records. It works for resumed sessions, too, which keep the chain.
//
// It is not enough alone, since crypto/tls would also demand a certificate of a
// public CA; TLSConfig sets everything.
func (v *Verifier) VerifyConnection(state tls.ConnectionState) error {
	_, err := v.Verify(state.PeerCertificates)
	return err
}

// TLSConfig returns a client configuration with which a handshake succeeds only if
// the server's chain satisfies the records. It is made from base, which may be nil
// and is not changed. The Verifier is copied; the slices in it must not be changed
// while the configuration is in use.
//
// ServerName, which is sent as SNI, is the first of Names, the TLSA base domain,
// without a dot at the end (RFC 7672 §8.1). If there are no names, it is what base
// has. MinVersion is at least TLS 1.2.
//
// The hooks of base still run, and first: its VerifyConnection for all connections,
// its VerifyPeerCertificate, as always, not for resumed ones. Since the records take
// the place of crypto/tls's own verification, verifiedChains and
// ConnectionState.VerifiedChains are nil for them: a hook that counts on a chain
// there must be changed.
//
// A handshake error has an *Error in it (errors.As), unless crypto/tls refuses a
// certificate and ends the handshake before; HandshakeError finds both.
func (v *Verifier) TLSConfig(base *tls.Config) *tls.Config {
	config := new(tls.Config)
	if base != nil {
		config = base.Clone()
	}
	verifier := *v
	if len(v.Names) > 0 {
		config.ServerName = ""
		if name := trimDot(v.Names[0]); isHostName(name) { // no other is sent (RFC 6066 §3)
			config.ServerName = name
		}
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12) // RFC 7671 §3

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

// refusals are what crypto/tls says of certificates that it does not accept; it has
// no types for these errors.
var refusals = []string{
	"tls: failed to parse certificate from server: ", // such as a negative serial number
	"tls: server sent certificate containing RSA key larger than ",
	"tls: server's certificate contains an unsupported type of public key: ",
}

// HandshakeError returns what a handshake's error says about the server's
// certificate: the *Error in it, or one with ReasonRefused if crypto/tls accepts no
// such certificate and never asked the Verifier. That is no mismatch: the records may
// be right, and other senders may accept the server. Of other errors it returns nil
// and false.
func HandshakeError(err error) (*Error, bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e, true
	}
	if err != nil {
		for _, refusal := range refusals {
			if strings.Contains(err.Error(), refusal) {
				return newError(ReasonRefused, err), true
			}
		}
	}
	return nil, false
}
