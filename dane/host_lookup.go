package dane

import (
	"cmp"
	"context"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
)

// LookupHost finds out what to do with a mail server of a domain: its addresses,
// its TLSA records, and the action that follows from them. It never returns nil.
// A failure is in [Host.Err], and concerns this host only. It is permanent in one case: for a
// Domain of NewDomain without hosts, the name of which does not exist, it wraps ErrNoDomain.
//
// It asks for A and AAAA at once, and for TLSA as soon as the rules allow that; a sender
// may call it for several hosts at the same time.
//
// The Domain need not come from [Verifier.LookupMX]; Name, Status and Implicit or Routed count
// then.
// Unless its Status is Secure or Insecure, all its hosts are skipped: the MX lookup has
// failed (RFC 7672 §2.1.2), or nobody has said how it went.
func (v *Verifier) LookupHost(ctx context.Context, d *Domain, mx MX) *Host {
	h := v.lookupHost(ctx, d, mx, false)
	contextTrace(ctx).host(h)
	return h
}

// lookupHost is LookupHost without the hooks, which are the caller's goroutine's. What is asked ahead already
// needs no goroutine to be asked at the same time.
func (v *Verifier) lookupHost(ctx context.Context, d *Domain, mx MX, ahead bool) *Host {
	if d == nil {
		d = new(Domain)
	}
	d, mx = d.normal(), mx.normal()
	h := &Host{
		Domain: d.Name, Name: mx.Host, Port: cmp.Or(d.Port, v.port()), Base: mx.Host, MXSecure: d.Status == dnssec.Secure, Routed: d.Routed,
		later: d.after(mx), now: v.now, roots: v.roots(), rsaKeyExchange: v.RSAKeyExchange, base: v.TLS, ahead: ahead,
	}
	err := d.failure()
	if err == nil {
		err = v.decide(ctx, d, h)
	}
	if err != nil {
		h.skip(err)
	}
	var end expiry
	end.addAll(h.Lookups)
	if d.Lookup.Type != 0 {
		end.add(&d.Lookup)
	}
	h.Expires = end.time()
	if h.Audited != nil {
		h.Audited.Expires = h.Expires
	}
	return h
}

// decide sets the action. Its error means to skip the host.
func (v *Verifier) decide(ctx context.Context, d *Domain, h *Host) error {
	profile := v.profile(d.Name)
	byDANE := profile.DANE != DANENone
	// RFC 7672 §2.2.1: with an insecure MX lookup DANE need not be used, and would not
	// authenticate the domain's server.
	found, err := v.reach(ctx, d, h, byDANE && (d.Status == dnssec.Secure || profile.UseInsecureMX))
	if err != nil {
		return err
	}
	h.Names = []string{h.Base}
	h.withoutDANE(profile.TLS)
	h.MTASTS = !d.Routed
	if !byDANE {
		return nil
	}
	if !profile.Audit {
		return h.decideDANE(d, found, profile)
	}
	judged := *h
	if err := judged.decideDANE(d, found, profile); err != nil {
		judged.skip(err)
	}
	h.Audited, h.TLSA, h.Lookups, h.Omitted = &judged, judged.TLSA, judged.Lookups, judged.Omitted
	return nil
}

// reach finds the addresses, and what there is of TLSA records if they are wanted; nil
// if they were not looked for.
func (v *Verifier) reach(ctx context.Context, d *Domain, h *Host, wanted bool) (*search, error) {
	addr, ok := parseLiteral(h.Name)
	if !ok || !d.Routed {
		if _, err := hostName(h.Name); err != nil {
			return nil, err
		}
		found, err := v.lookupAddresses(ctx, h, wanted)
		if err == ErrNoAddress && d.Implicit && d.Lookup.Type == 0 && h.missing(d.Status) {
			err = &Error{Domain: d.Name, Host: h.Name, Permanent: true, Err: ErrNoDomain}
		}
		return found, err
	}
	// RFC 7672 §2.2: an address literal has no DANE.
	h.Base = addr.String()
	// A recipient may name any address; a route is the sender's own.
	refused := d.Name == h.Name && !v.allows(addr)
	h.Addresses = []Address{{Addr: addr, Status: dnssec.Insecure, Refused: refused}}
	if refused || !v.connects(addr) {
		return nil, v.noAddress(h)
	}
	h.Addrs = []netip.Addr{addr}
	return nil, nil
}

// missing reports whether the name of the host does not exist, and that is known as well as the
// lack of MX records was: those who could not say of them that there is no such domain, as
// functions like net.LookupMX cannot, hear of it here.
func (h *Host) missing(status dnssec.Status) bool {
	return !slices.ContainsFunc(h.Lookups, func(l Lookup) bool { return l.RCode != dns.RcodeNameError || l.Status < status })
}

// decideDANE changes that where DANE applies.
func (h *Host) decideDANE(d *Domain, found *search, profile Profile) error {
	if found != nil {
		if err := h.takeSearch(found); err != nil {
			return err
		}
		h.Names = referenceNames(d, h)
		if h.PKIX != "" && profile.TLS != TLSRequiredVerifyHosted {
			h.PKIX = h.Base // one name for SNI and for what is demanded of the answer
		}
	}
	if profile.DANE == DANEMandatory && !(h.byDANE() && h.MXSecure) {
		return ErrNotDANE // RFC 7672 §6: delayed, not delivered
	}
	if h.byDANE() && h.MXSecure {
		h.MTASTS = false
	}
	return nil
}

// referenceNames returns the names that a certificate may have (RFC 7672 §3.2.2):
// the TLSA base domain; with a secure MX record also the destination, and what it
// is an alias of; without MX record, and by a route, the host where the base is its
// alias's target. With an insecure MX record the base is all that is known.
func referenceNames(d *Domain, h *Host) []string {
	names := append(make([]string, 0, 3), h.Base)
	add := func(name string) {
		// An alias may lead to a name that no host can have. No certificate is for it, and
		// DANE-EE needs no name at all (RFC 7672 §3.1.1).
		if _, err := hostName(name); err == nil && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	switch {
	case d.Status != dnssec.Secure:
	case d.Routed, d.Implicit:
		add(h.Name)
	default:
		add(d.Name)
		add(d.Expanded)
	}
	return names
}

// withoutDANE sets what the policy wants where DANE does not apply.
func (h *Host) withoutDANE(level TLSLevel) {
	switch level {
	case TLSPreferred:
		h.Action = MayEncrypt
	case TLSNone:
		h.Action = SendClear
	case TLSRequired:
		h.Action = MustEncrypt
	case TLSPreferredVerify:
		h.Action, h.PKIX = MayEncrypt, h.Base
	case TLSRequiredVerify:
		h.Action, h.PKIX = MustAuthenticate, h.Base
	default:
		// The strictest, should there ever be a level that is not known here.
		h.Action, h.PKIX = MustAuthenticate, h.Domain
		if addr, ok := parseLiteral(h.Domain); ok {
			h.PKIX = addr.String()
		}
	}
}
