package tlsa

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
)

// A refusal is what crypto/tls says of a certificate or key that it does not accept;
// it has no types for these errors.
type refusal struct{ text, reason string }

var refusals = []refusal{
	{"x509: negative serial number", "it has a negative serial number"},
	{"x509: unsupported elliptic curve", "a key in the chain is on a curve that Go does not know"},
	{"x509: invalid ECDSA parameters", "a key in the chain spells out its curve"},
	{"tls: failed to parse certificate from server: ", "it cannot be read"},
	{"tls: server sent certificate containing RSA key larger than ", "an RSA key in the chain is too long"},
	{"tls: server's certificate contains an unsupported type of public key: ", "its key is of a type that Go does not know"},
	{shortRSA, "its RSA key is too short"},
}

// shortRSA is what crypto/rsa says of keys with fewer than 1024 bits.
const shortRSA = "-bit keys are insecure"

func refused(err error) (refusal, bool) {
	for _, r := range refusals {
		if strings.Contains(err.Error(), r.text) {
			return r, true
		}
	}
	return refusal{}, false
}

// HandshakeError returns what a handshake's error says about the server's
// certificate: the [*Error] in it, or one with [ReasonRefused] if crypto/tls accepts no
// such certificate and never asked the [Verifier]. That is no mismatch: the records may
// be right, and other senders may accept the server. Of other errors it returns nil
// and false.
func HandshakeError(err error) (*Error, bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e, true
	}
	if err != nil {
		if _, ok := refused(err); ok {
			return newError(ReasonRefused, err), true
		}
	}
	return nil, false
}

// HandshakeReason says in a few words why a handshake has failed, for a log or for the
// failure-reason-code of a TLS report (RFC 8460 §4.4). Nothing in it comes from the
// server but the number of an alert. It is empty if the error says nothing that is
// known; it must be the error of a handshake, since an end of the connection looks the
// same elsewhere.
//
// Most of what crypto/tls has not in common with a server ends in the server's alert
// 40, which does not say more; docs/tls.md lists what it can be.
func HandshakeReason(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Reason != ReasonRefused {
		return e.Reason.String()
	}
	if r, ok := refused(err); ok {
		return ReasonRefused.String() + ": " + r.reason
	}
	if remote, ok := errors.AsType[*net.OpError](err); ok && remote.Op == "remote error" {
		return alertReason(remote.Err)
	}
	if alert, ok := errors.AsType[tls.AlertError](err); ok { // of QUIC, or of package smtpprobe
		return alertReason(alert)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the server does not speak TLS after STARTTLS"
	}
	if strings.Contains(err.Error(), "tls: server selected unsupported protocol version ") {
		return "the server speaks an older version of TLS"
	}
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
		return "no answer in time"
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return "the server closed the connection"
	}
	return ""
}

// alertHints say more about some alerts (RFC 8446 §6.2) than their names do.
var alertHints = map[uint8]string{
	40:  "nothing in common for the key exchange, the cipher or the server's key, or no client certificate",
	42:  "about a certificate that was not sent, perhaps",
	70:  "no version of TLS in common",
	71:  "stronger cryptography is demanded",
	112: "the host name in SNI is not known",
	116: "a client certificate is demanded",
}

// alertReason describes an alert of the server. The type that crypto/tls has for it is
// not exported, but has the text of tls.AlertError.
func alertReason(alert error) string {
	for number := range 256 {
		text := tls.AlertError(number).Error()
		if alert == nil || alert.Error() != text {
			continue
		}
		reason := fmt.Sprintf("TLS alert %d of the server", number)
		if name := strings.TrimPrefix(text, "tls: "); !strings.HasPrefix(name, "alert(") {
			reason += ", " + name
		}
		if hint := alertHints[uint8(number)]; hint != "" {
			reason += ": " + hint
		}
		return reason
	}
	return "TLS alert of the server"
}
