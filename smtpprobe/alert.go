package smtpprobe

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// remoteAlert returns the alert by which the server has ended TLS. What crypto/tls
// returns has no exported type, but the same text as one.
func remoteAlert(err error) (tls.AlertError, bool) {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" || op.Err == nil {
		return 0, false
	}
	for number := range 256 {
		if alert := tls.AlertError(number); alert.Error() == op.Err.Error() {
			return alert, true
		}
	}
	return 0, false
}

// withAlert adds the tls.AlertError to an error that comes from an alert, and
// ErrClientCertificate where that is what the alert is about.
func (c *conversation) withAlert(err error) error {
	alert, ok := remoteAlert(err)
	switch {
	case !ok:
		return err
	case c.certificateWanted && aboutCertificate(alert):
		return fmt.Errorf("%w: %w%.0w", ErrClientCertificate, err, alert)
	}
	return fmt.Errorf("%w%.0w", err, alert)
}

// aboutCertificate reports whether a server that has asked for a certificate may
// mean by the alert that it misses it, or does not like what it got: RFC 8446 §6.2,
// and before TLS 1.3 handshake_failure as well (RFC 5246 §7.4.6).
func aboutCertificate(alert tls.AlertError) bool {
	switch alert {
	case 40, // handshake_failure
		41,         // no_certificate, of SSL 3.0
		42, 43, 44, // bad_certificate, unsupported_certificate, certificate_revoked
		45, 46, // certificate_expired, certificate_unknown
		48, 49, // unknown_ca, access_denied
		116: // certificate_required
		return true
	}
	return false
}

// noting returns the configuration with a look at whether the server asks for a
// certificate of the client.
func (c *conversation) noting(config *tls.Config) *tls.Config {
	config = config.Clone()
	own, certificates := config.GetClientCertificate, config.Certificates
	config.GetClientCertificate = func(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		c.certificateWanted = true
		if own != nil {
			return own(request)
		}
		// As crypto/tls chooses without this function.
		for i := range certificates {
			if request.SupportsCertificate(&certificates[i]) == nil {
				return &certificates[i], nil
			}
		}
		return new(tls.Certificate), nil
	}
	return config
}

// turnedDown returns the error of the handshake, if what failed after it is the
// server's verdict on it. In TLS 1.3 the client is done before the server has seen its
// certificate, or that there is none, so that the alert comes in place of what the
// server says first (RFC 8446 §4.4.2.4).
func (c *conversation) turnedDown(late error) error {
	e, ok := errors.AsType[*Error](late)
	if !ok || c.result.TLS.Version < tls.VersionTLS13 {
		return nil
	}
	if _, alerted := errors.AsType[tls.AlertError](late); !alerted {
		return nil
	}
	c.result.TLS.HandshakeComplete = false
	return &Error{Stage: StageHandshake, Addr: e.Addr, Err: e.Err}
}
