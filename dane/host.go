package dane

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/tlsa"
)

// A Host is a mail server, and what a sender must do with it. The zero Host is
// skipped.
type Host struct {
	// Domain is the destination, Name the host: as the MX record names it, or the
	// destination itself.
	Domain, Name string
	// Action is what to do.
	Action Action
	// Err says why the host is skipped; of type *Error.
	Err error
	// Addrs to connect to, in order. A host that is skipped has none.
	Addrs []netip.Addr
	// Port of the host.
	Port uint16
	// Base is the TLSA base domain: the name to send as SNI (RFC 7672 §8.1).
	Base string
	// Names are the reference identifiers, one of which a certificate under a trust
	// anchor must have (RFC 7672 §3.2.2). The first is Base.
	Names []string
	// Records are the secure TLSA records, unusable ones included.
	Records []tlsa.Record
	// MXSecure: the domain's MX lookup was secure, so authentication of this host
	// is authentication of the domain's mail server.
	MXSecure bool

	// Addresses are all that were found, in order, each with the status of the
	// lookup that gave it.
	Addresses []Address
	// Omitted counts the addresses and TLSA records beyond the limits.
	Omitted int
	// TLSA is the last lookup of TLSA records; nil if there was none.
	TLSA *Lookup
	// Lookups are the questions that were asked, in order.
	Lookups []Lookup

	now func() time.Time
}

// An Address is one address of a host.
type Address struct {
	Addr    netip.Addr
	Status  dnssec.Status
	Refused bool // by Verifier.Allow
}

// LookupHost finds out what to do with a mail server of a domain: its addresses,
// its TLSA records, and the action that follows from them. It never returns nil.
// A failure is in Host.Err, and concerns this host only.
func (v *Verifier) LookupHost(ctx context.Context, d *Domain, mx MX) *Host {
	h := &Host{Domain: d.Name, Name: mx.Host, Port: v.port(), Base: mx.Host, MXSecure: d.Status == dnssec.Secure, now: v.now}
	if err := v.plan(ctx, d, h); err != nil {
		h.skip(err)
	}
	return h
}

// plan decides on the action. Its error means to skip the host.
func (v *Verifier) plan(ctx context.Context, d *Domain, h *Host) error {
	if _, err := hostName(h.Name); err != nil {
		return err
	}
	deciding, err := v.lookupAddresses(ctx, h)
	if err != nil {
		return err
	}
	h.Names = []string{h.Base}
	h.Action = MayEncrypt
	if d.Status == dnssec.Secure {
		// RFC 7672 §2.2.1: with an insecure MX lookup DANE need not be used, and
		// would not authenticate the domain's server.
		if err := v.lookupTLSA(ctx, h, deciding); err != nil {
			return err
		}
		h.Names = referenceNames(d, h)
	}
	if v.Mandatory && h.Action != MustAuthenticate {
		return ErrNotDANE // RFC 7672 §6: delayed, not delivered
	}
	return nil
}

func (h *Host) skip(err error) {
	if _, ok := errors.AsType[*Error](err); !ok {
		err = &Error{Domain: h.Domain, Host: h.Name, Err: err}
	}
	h.Action, h.Err, h.Addrs = Skip, err, nil
}

// referenceNames returns the names that a certificate may have (RFC 7672 §3.2.2):
// the TLSA base domain; with a secure MX record also the destination, and what it
// is an alias of; without MX record the destination where the base is its alias's
// target.
func referenceNames(d *Domain, h *Host) []string {
	names := []string{h.Base}
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	add(d.Name)
	if !d.Implicit {
		add(d.Expanded)
	}
	return names
}

// MayCleartext reports whether a message may be sent without TLS where the host
// does not offer STARTTLS, or a handshake has failed.
func (h *Host) MayCleartext() bool { return h.Action == MayEncrypt }

// TLSConfig returns the configuration for STARTTLS with the host. It is made from
// base, which may be nil and is not changed; ServerName is the TLSA base domain.
//
// With MustAuthenticate the handshake fails unless the TLSA records match; the
// caller's own verification hooks run, too. With MustEncrypt nobody is
// authenticated. With MayEncrypt base decides, and where it is nil nobody is
// authenticated. Every handshake of a host to be skipped, and of the zero Host,
// fails with ErrSkipped.
//
// A configuration cannot demand that STARTTLS is used: see MayCleartext.
func (h *Host) TLSConfig(base *tls.Config) *tls.Config {
	switch h.Action {
	case MustAuthenticate:
		return h.matcher().TLSConfig(base)
	case MustEncrypt:
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
