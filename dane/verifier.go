package dane

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
)

// A Resolver looks up one RRset. dnssec.Resolver is one; so is a ten-line fake in
// a test. It must keep the contract of dnssec.Answer. What breaks it is taken for a failed
// lookup: a nil error with a nil Answer, with a status that is neither Secure nor Insecure,
// or with a response code that is neither NOERROR nor NXDOMAIN.
type Resolver interface {
	Lookup(ctx context.Context, name string, qtype uint16) (*dnssec.Answer, error)
}

// A Verifier finds out what a sender of mail must do for a destination (RFC 7672):
// [Verifier.LookupMX] which hosts to try, [Verifier.LookupHost] how each must be treated.
// The zero Verifier is ready to use: it validates what the system's DNS servers
// say, from the built-in root keys. A Verifier holds no locks and may be copied
// and changed, for example for one destination; it must not be changed while it
// is in use, and is safe for concurrent use. So must its Resolver and its functions
// be: even a single call does several things at the same time.
type Verifier struct {
	// Resolver for all lookups. Nil means a dnssec.Resolver that all such
	// Verifiers share, and with it its cache.
	Resolver Resolver

	// Port of the mail servers; 0 means 25. TLSA records are looked up for it
	// (RFC 7672 §2.2.3).
	Port uint16

	// Policy has what is wanted for each destination. Nil means opportunistic DANE, and
	// TLS if it is offered.
	Policy *Policy

	// Mandatory: destinations are delivered to with authentication by DANE, or not at
	// all (RFC 7672 §6), whatever Policy says: where the two differ, the stricter counts. For
	// destinations that are to be exempt, set it in the profiles of the others instead.
	Mandatory bool

	// RootCAs are the authorities for the verification of certificates where DANE does
	// not apply, and the policy or MTA-STS wants it. Those of TLS come before them; nil means
	// the system's.
	RootCAs *x509.CertPool

	// RSAKeyExchange: cipher suites without forward secrecy, in which the client encrypts a
	// secret for the server's RSA key, are offered to hosts that must be encrypted or
	// authenticated, too: some old servers have no others. A server that leaks by its errors
	// whether such a secret was well-formed gives all away to whoever recorded it, so set
	// it only where a destination needs it. They are always offered where the alternative
	// is clear text.
	RSAKeyExchange bool

	// Shuffle changes the order of n MX hosts of the same preference, as rand.Shuffle
	// does (RFC 5321 §5.1). Nil leaves them in the order of their names.
	Shuffle func(n int, swap func(i, j int))

	// Allow is asked before an address is used that DNS data, or the recipient's domain,
	// led to; nil allows all. It can only narrow what is allowed otherwise: mail for a
	// stranger's domain must not reach servers of this machine or network link. So
	// loopback, link-local, unspecified, multicast and reserved addresses are refused
	// in any case, also in the forms that translators and tunnels make IPv4 addresses
	// of (NAT64, 6to4, Teredo, ISATAP, IPv4-mapped). Private addresses (RFC 1918, RFC
	// 6598, RFC 4193) are not, for mail servers have them. What else must not be
	// reached is for Allow to refuse: the public addresses of this machine, and
	// prefixes that the network has for its own translators.
	Allow func(netip.Addr) bool

	// AllowAll: no address is refused but by Allow. It is for a private Internet, with
	// a root of its own, whose servers may be on this machine.
	AllowAll bool

	// Network is "tcp4" or "tcp6" for a sender that connects to mail servers over one family
	// only; empty or "tcp" means both, and anything else neither. Addresses of the other family
	// are in Host.Addresses, but not in Host.Addrs. That a host has no others is a lack of the
	// sender: see [Failure.Local].
	Network string

	// Dial connects to mail servers, for Connect and a Checker. It must heed its context. Nil
	// means a net.Dialer bound to LocalAddr.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// LocalAddr is the source address of connections, for Connect and a Checker; with Dial it
	// has no effect. The zero Addr lets the system choose. Servers of the other family cannot
	// be connected to from it.
	LocalAddr netip.Addr

	// Hello is the name given in EHLO, for Connect and a Checker; the SMTP client that goes on
	// with a Conn gives its own. Empty means the name of this machine, if that has a domain,
	// or else its address in brackets (RFC 5321 §4.1.4).
	Hello string

	// TLS is the configuration to start from in handshakes, where Host.TLSConfig gets none, as
	// in those of Connect and a Checker. Host.TLSConfig says what of it counts. For one thing, with
	//	&tls.Config{CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384}}
	// the first message has no key for ML-KEM, and fits into one packet: some old middleboxes
	// stall on the second.
	TLS *tls.Config

	// AttemptTimeout bounds one connection of a Checker, from dial to QUIT, and one of Connect
	// until it is ready for a message, so that a server that hangs leaves time for the next
	// one. 0 means five minutes, as senders wait for a greeting (RFC 5321 §4.5.3.2.1). The
	// context bounds all.
	AttemptTimeout time.Duration

	// Time is the instant at which certificates must be valid. Nil means time.Now.
	Time func() time.Time

	prober Prober // of a Checker; nil connects at once
}

// sharedResolver serves all Verifiers without a Resolver.
var sharedResolver dnssec.Resolver

func (v *Verifier) resolver() Resolver {
	if v.Resolver == nil {
		return &sharedResolver
	}
	return v.Resolver
}

func (v *Verifier) roots() *x509.CertPool {
	if v.TLS != nil && v.TLS.RootCAs != nil {
		return v.TLS.RootCAs
	}
	return v.RootCAs
}

func (v *Verifier) port() uint16 { return cmp.Or(v.Port, smtpPort) }

func (v *Verifier) attemptTimeout() time.Duration {
	return cmp.Or(v.AttemptTimeout, defaultAttemptTimeout)
}

// profile returns what is wanted for a destination: the strictest of what is configured.
func (v *Verifier) profile(destination string) Profile {
	profile := v.Policy.For(destination)
	if v.Mandatory {
		profile.DANE, profile.Audit = DANEMandatory, false
		if profile.TLS == TLSNone {
			profile.TLS = TLSRequired // there is no DANE without TLS
		}
	}
	return profile
}

func (v *Verifier) now() time.Time {
	if v.Time != nil {
		return v.Time()
	}
	return time.Now()
}
