// Package onepacket makes a Verifier whose first message of TLS fits into one packet.
package onepacket

import (
	"crypto/tls"

	"github.com/danesmtp/danesmtp/dane"
)

// NewVerifier returns a Verifier that sends no key for ML-KEM.
func NewVerifier() *dane.Verifier {
	v := &dane.Verifier{TLS: &tls.Config{CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384}}}
	return v
}
