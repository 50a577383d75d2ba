package dane

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/tlsa"
)

// An Action is what a sender must do with a host (RFC 7672 §2.2). Without a [Policy] it
// follows from the lookups alone:
//
//	MX lookup        failed                     no delivery now, no fallback to the domain's address
//	                 insecure                   MayEncrypt: DANE does not apply
//	address lookups  failed in both families    Skip: next host
//	                 insecure in both           MayEncrypt; no TLSA record is looked for
//	TLSA lookup      failed                     Skip: next host, no connection
//	                 no record, or insecure     MayEncrypt
//	                 secure, all unusable       MustEncrypt
//	                 secure                     MustAuthenticate
//
// A lookup has failed if it was bogus, timed out, or was answered with SERVFAIL or the like
// (RFC 7672 §2.1.1). One secure family of addresses is enough for DANE to apply, and the
// failure of one family is no failure of the host.
type Action uint8

const (
	// Skip: do not connect to the host. Host.Err says why. The zero Action.
	Skip Action = iota
	// MayEncrypt: DANE does not apply. TLS is opportunistic, as without DANE.
	MayEncrypt
	// MustEncrypt: TLS is required, and nobody is authenticated: the host has TLSA records
	// and not one of them is usable (RFC 7672 §2.2), or the policy wants no more.
	MustEncrypt
	// MustAuthenticate: TLS is required. The host's usable TLSA records must match, if it has
	// any; and where Host.PKIX is set there must be a certificate of a public authority.
	MustAuthenticate
	// SendClear: TLS is switched off for the destination, or has failed where it was
	// optional. STARTTLS is not sent.
	SendClear
)

var actions = []string{"skip", "may-encrypt", "must-encrypt", "must-authenticate", "send-clear"}

// String returns "skip", "may-encrypt", "must-encrypt", "must-authenticate" or
// "send-clear".
func (a Action) String() string { return levelName(actions, "action", a) }

// MarshalText returns the same text as String.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText inverts MarshalText.
func (a *Action) UnmarshalText(text []byte) error { return parseLevel(actions, "action", text, a) }

// A Host is a mail server, and what a sender must do with it: [Verifier.LookupHost] makes
// one. It has at most 8 addresses of each family, and counts the others. The zero Host is
// skipped.
type Host struct {
	// Domain is the destination, Name the host: as the MX record names it, or the
	// destination itself.
	Domain, Name string
	// Action is what to do.
	Action Action
	// Err says why the host is skipped; of type *Error.
	Err error
	// Addrs to connect to, in order; empty for a host that is skipped.
	Addrs []netip.Addr
	// Port of the host.
	Port uint16
	// Base is the name to send as SNI: the TLSA base domain (RFC 7672 §8.1), or the name of
	// the host where DANE does not authenticate it, and the policy wants its certificate.
	Base string
	// Names are the reference identifiers, one of which a certificate under a trust
	// anchor must have (RFC 7672 §3.2.2). The first is Base.
	Names []string
	// Records are the secure TLSA records, unusable ones included, in canonical order (RFC
	// 4034 §6.3), so that nothing depends on the order of a reply.
	Records []tlsa.Record
	// PKIX is the name that a certificate of a public authority must have, where the
	// policy wants it and DANE does not take its place; otherwise empty. An address has
	// no brackets. DANE takes its place where MXSecure only: behind an insecure MX lookup
	// anybody may have named the host, and both are demanded of it.
	PKIX string
	// MTASTS: an MTA-STS policy of the domain may be applied to the host in addition,
	// since DANE neither authenticates the domain's server nor has failed to (RFC 8461 §2).
	MTASTS bool
	// Audited is what DANE says to do, where the policy is to watch only (RFC 7672
	// §9.1); its VerifyConnection judges a handshake. Otherwise nil.
	Audited *Host
	// MXSecure: the domain's MX lookup was secure, so authentication of this host
	// is authentication of the domain's mail server.
	MXSecure bool
	// Routed: the sender has chosen the host, and no MX record named it; see Domain.Routed.
	Routed bool

	// Addresses are all that were found, in order, each with the status of the
	// lookup that gave it.
	Addresses []Address
	// Omitted counts the addresses beyond the limit.
	Omitted int
	// TLSA is the last lookup of TLSA records; nil if they were not asked for.
	TLSA *Lookup
	// Lookups are the questions that were asked, in order.
	Lookups []Lookup
	// Expires is when the first of the answers must be forgotten, that of the MX lookup
	// included if LookupMX has made it, and with them all that is said here. Zero if a lookup
	// failed, or the resolver does not tell: then it holds for this once.
	Expires time.Time

	now            func() time.Time
	roots          *x509.CertPool
	rsaKeyExchange bool
	base           *tls.Config // where TLSConfig gets none
	enforced       bool        // by RequirePKIX
	alsoPKIX       string      // as PKIX, and in addition
	later          int         // hosts of the domain that come after it
	ahead          bool        // both families of its addresses are being asked for already
}

// An Address is one address of a host.
type Address struct {
	Addr    netip.Addr
	Status  dnssec.Status
	Refused bool // by Verifier.Allow
}

// byDANE reports whether the host must be authenticated by its TLSA records. Beside that
// it may need a certificate of a public authority; see PKIX.
func (h *Host) byDANE() bool {
	return h.Action == MustAuthenticate && (h.PKIX == "" || slices.ContainsFunc(h.Records, usable))
}

func (h *Host) skip(err error) {
	if _, ok := errors.AsType[*Error](err); !ok {
		err = &Error{Domain: h.Domain, Host: h.Name, Err: err}
	}
	h.Action, h.Err, h.Addrs, h.MTASTS = Skip, err, nil, false
}

func usable(r tlsa.Record) bool { return r.Usable(tlsa.SMTP) == nil }
