package dane

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/addresskind"
)

// A family is what came of the lookup of a host's addresses of one family.
type family struct {
	answer    *dnssec.Answer
	err       error
	addresses []Address // within the limit
	omitted   int
}

// usualLookups is how many questions most hosts take: two families, and TLSA records.
const usualLookups = 3

// aMoment is longer than most take to answer.
const aMoment = 200 * time.Millisecond

// lookupAddresses finds the host's addresses, both families at once. The answer by
// which DANE applies or not is that of the family with addresses and the better
// status, IPv4 before IPv6. So one family that is secure is enough, and a failure of
// the other does not matter (RFC 7672 §2.2.2; many zones cannot deny AAAA properly).
//
// If TLSA records are wanted they are looked for as soon as that answer is known,
// which is at once if the IPv4 addresses are secure: a slow denial of AAAA then costs
// its own time only. The search is nil if TLSA records were not looked for. Where all of it is
// asked ahead, one waits for what is on its way in turn, which takes no longer, but for a moment
// only: what has failed by then would be asked again.
func (v *Verifier) lookupAddresses(ctx context.Context, h *Host, wanted bool) (*search, error) {
	h.Lookups = make([]Lookup, 2, usualLookups) // those of the families are written by two goroutines
	var families [2]family
	wait := alongside(func() { v.lookupFamily(ctx, &families[1], &h.Lookups[1], h.Name, dns.TypeAAAA) }, h.ahead)
	first := &families[0]
	v.lookupFamily(ctx, first, &h.Lookups[0], h.Name, dns.TypeA)
	var found *search
	if wanted && first.answer.Status == dnssec.Secure && first.usable() {
		found = v.searchTLSA(ctx, h, first.answer)
	}
	wait()

	var deciding *dnssec.Answer
	var failed error
	for i := range families {
		f := &families[i]
		if h.Addresses == nil {
			h.Addresses = f.addresses
		} else {
			h.Addresses = append(h.Addresses, f.addresses...)
		}
		h.Omitted += f.omitted
		if f.err != nil && failed == nil {
			failed = f.err
		}
		if len(f.addresses) > 0 && (deciding == nil || f.answer.Status > deciding.Status) {
			deciding = f.answer
		}
	}
	for _, a := range h.Addresses {
		if !a.Refused && v.connects(a.Addr) {
			h.Addrs = append(h.Addrs, a.Addr)
		}
	}
	switch {
	case deciding == nil && failed != nil:
		return nil, failed // RFC 7672 §2.1.2: this host only
	case deciding == nil:
		return nil, ErrNoAddress
	case len(h.Addrs) == 0:
		return nil, v.noAddress(h)
	case wanted && found == nil:
		found = v.searchTLSA(ctx, h, deciding)
	}
	return found, nil
}

// alongside calls f in a goroutine, and returns a function that waits until that is done. If f is asked ahead
// it is that function that calls it, unless it takes more than a moment until then.
func alongside(f func(), ahead bool) (wait func()) {
	if !ahead {
		var begun sync.WaitGroup
		begun.Go(f)
		return begun.Wait
	}
	done := make(chan struct{})
	later := time.AfterFunc(aMoment, func() {
		defer close(done)
		f()
	})
	return func() {
		if later.Stop() {
			f()
		} else {
			<-done
		}
	}
}

// noAddress says why there is an address, and none to connect to.
func (v *Verifier) noAddress(h *Host) error {
	for _, a := range h.Addresses {
		if !a.Refused {
			return fmt.Errorf("%w for %s: %w", ErrNoAddress, v.Network, syscall.EAFNOSUPPORT)
		}
	}
	return ErrRefusedAddress
}

// connects reports whether the sender connects over the family of an address.
func (v *Verifier) connects(addr netip.Addr) bool {
	switch v.Network {
	case "", "tcp":
		return true
	case "tcp4":
		return addr.Is4()
	case "tcp6":
		return addr.Is6()
	}
	return false
}

// lookupFamily looks the addresses of one family up.
func (v *Verifier) lookupFamily(ctx context.Context, f *family, record *Lookup, host string, qtype uint16) {
	f.answer, *record, f.err = v.lookup(ctx, host, qtype)
	if f.err != nil {
		return
	}
	for _, rr := range f.answer.Records {
		addr, ok := address(rr)
		switch {
		case !ok:
		case len(f.addresses) == maxAddresses:
			f.omitted++
		default:
			f.addresses = append(f.addresses, Address{Addr: addr, Status: f.answer.Status, Refused: !v.allows(addr)})
		}
	}
}

// usable reports whether there is an address to connect to.
func (f *family) usable() bool {
	return slices.ContainsFunc(f.addresses, func(a Address) bool { return !a.Refused })
}

func address(rr dns.RR) (netip.Addr, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		addr, ok := netip.AddrFromSlice(rr.A.To4())
		return addr, ok
	case *dns.AAAA:
		addr, ok := netip.AddrFromSlice(rr.AAAA.To16())
		return addr.Unmap(), ok
	}
	return netip.Addr{}, false
}

// allows reports whether an address may be used that DNS data led to.
func (v *Verifier) allows(addr netip.Addr) bool {
	return (v.AllowAll || usualAddress(addr)) && (v.Allow == nil || v.Allow(addr))
}

// usualAddress reports whether a mail server of somebody else can be at an address: not
// where it leads to this machine or link, to many at once, or to the nearest server of some
// other protocol, and not where nobody has it. A zone means something on this machine only
// (RFC 4007 §6), so that no address with one is usual.
func usualAddress(addr netip.Addr) bool {
	unusual := func(kind addresskind.Kind) bool { return kind != addresskind.Host }
	return addr.Zone() == "" && !slices.ContainsFunc(addresskind.Of(addr), unusual)
}
