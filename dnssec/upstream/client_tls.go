package upstream

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
)

// maxSessions is how many TLS sessions a Client keeps to resume. Servers send two
// tickets, most often.
const maxSessions = 4

// A pinError says that the server has another key than the one that was pinned.
type pinError struct{ digest [sha256.Size]byte }

func (e *pinError) Error() string {
	return "certificate does not match the pin: its key is " + pinPrefix + base64.StdEncoding.EncodeToString(e.digest[:])
}

// tlsConfig returns the configuration that verifies the server as the endpoint
// wants it. The hooks of the base still run.
func tlsConfig(base *tls.Config, e endpoint) *tls.Config {
	config := new(tls.Config)
	if base != nil {
		config = base.Clone()
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12) // RFC 8310 §9
	config.ServerName = e.name
	config.NextProtos = nil // for HTTPS those of net/http
	if e.network == "tls" {
		config.NextProtos = []string{"dot"} // registered for RFC 7858
	}
	if config.ClientSessionCache == nil {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(maxSessions)
	}
	// A pin replaces names and authorities (RFC 7858 §4.2). Without one this is off,
	// whatever the base has. VerifyConnection is called for resumed sessions, too.
	config.InsecureSkipVerify = e.pins != ""
	if e.pins != "" {
		callers := config.VerifyConnection
		config.VerifyConnection = func(state tls.ConnectionState) error {
			if err := checkPin(e.pins, state); err != nil || callers == nil {
				return err
			}
			return callers(state)
		}
	}
	return config
}

// readSystemRoots begins to read the root certificates of the system, if the configuration needs
// them, and returns a function that waits for the end of that. The first handshake of a process would
// read them, which takes ten milliseconds or more on Debian, when the server's certificate is there.
// The time until then is better. It is for the first connection of a Client only: what has been read
// is copied each time, which takes 40 kB.
func readSystemRoots(config *tls.Config) (wait func()) {
	if config.RootCAs != nil || config.InsecureSkipVerify {
		return func() {}
	}
	var reading sync.WaitGroup
	reading.Go(func() { x509.SystemCertPool() }) // a failure is one of the handshake, too
	return reading.Wait
}

// checkPin compares the key of the server's certificate with the pinned digests.
func checkPin(pins string, state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("server has no certificate")
	}
	digest := sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo)
	for ; len(pins) >= sha256.Size; pins = pins[sha256.Size:] {
		if strings.HasPrefix(pins, string(digest[:])) {
			return nil
		}
	}
	return &pinError{digest}
}
