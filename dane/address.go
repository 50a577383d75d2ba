package dane

import (
	"context"
	"net/netip"
	"sync"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
)

// lookupAddresses finds the host's addresses, both families at once, and returns
// the answer by which DANE applies or not: that of the family with addresses and
// the better status, IPv4 before IPv6. So one family that is secure is enough, and
// a failure of the other is no matter (RFC 7672 §2.2.2; many zones cannot deny
// AAAA properly).
func (v *Verifier) lookupAddresses(ctx context.Context, h *Host) (*dnssec.Answer, error) {
	types := [...]uint16{dns.TypeA, dns.TypeAAAA}
	var answers [len(types)]*dnssec.Answer
	var lookups [len(types)]Lookup
	var errs [len(types)]error
	var wg sync.WaitGroup
	for i, qtype := range types {
		wg.Go(func() { answers[i], lookups[i], errs[i] = v.lookup(ctx, h.Name, qtype) })
	}
	wg.Wait()

	var deciding *dnssec.Answer
	var failed error
	for i, answer := range answers {
		h.Lookups = append(h.Lookups, lookups[i])
		if errs[i] != nil {
			if failed == nil {
				failed = errs[i]
			}
			continue
		}
		if v.addAddresses(h, answer) && (deciding == nil || answer.Status > deciding.Status) {
			deciding = answer
		}
	}
	switch {
	case deciding == nil && failed != nil:
		return nil, failed // RFC 7672 §2.1.2: this host only
	case deciding == nil:
		return nil, ErrNoAddress
	case len(h.Addrs) == 0:
		return nil, ErrRefusedAddress
	}
	return deciding, nil
}

// addAddresses takes the addresses of an answer, and reports whether there are any.
func (v *Verifier) addAddresses(h *Host, answer *dnssec.Answer) bool {
	taken := 0
	for _, rr := range answer.Records {
		addr, ok := address(rr)
		if !ok {
			continue
		}
		if taken++; taken > maxAddresses {
			h.Omitted++
			continue
		}
		found := Address{Addr: addr, Status: answer.Status, Refused: !v.allows(addr)}
		h.Addresses = append(h.Addresses, found)
		if !found.Refused {
			h.Addrs = append(h.Addrs, addr)
		}
	}
	return taken > 0
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
