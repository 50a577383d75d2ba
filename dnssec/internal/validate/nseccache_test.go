package validate

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// So are the spans; of one zone, and of all.
func TestNSECCacheIsBoundedByMemory(t *testing.T) {
	t.Parallel()
	var s NSECCache
	now := time.Now()
	keys := &Verdict{Status: Secure}
	add := func(zone string, i int) {
		owner := fmt.Sprintf("n%05d.%s", i, zone)
		s.Add(&Verdict{
			Status: Secure, Shape: NameError, RestsOn: keys, Made: now, Expires: now.Add(time.Hour),
			Proof: []SignedSet{{
				Records: []dns.RR{&dns.NSEC{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeNSEC}, NextDomain: fmt.Sprintf("n%05d.%s", i+1, zone), TypeBitMap: []uint16{dns.TypeRRSIG, dns.TypeNSEC}}},
				Sig:     rrsig.Signature{SignerName: zone},
			}},
		}, 0)
	}
	for i := range 2000 {
		add("large.", i)
	}
	large := s.weight
	for i := range 10_000 {
		add(fmt.Sprintf("z%d.", i), 1)
	}
	add("z9999.", 2)
	if large > maxSpanBytesOfZone+4096 || s.weight > spanBytes || len(s.zones) < 100 || len(s.zones) != s.recent.Len() {
		t.Errorf("%d octets for one zone, %d for %d", large, s.weight, len(s.zones))
	}
	sum := 0
	for _, element := range s.zones {
		sum += element.Value.(*zoneDenials).weight
	}
	if sum != s.weight {
		t.Errorf("%d octets of the zones, %d in all", sum, s.weight)
	}
	zone, _ := canonical.ParseName("z9999.")
	if z := s.closest("\x01a"+zone, canonical.Root, 0); z == nil || len(z.nsec) != 2 {
		t.Errorf("the spans of a zone are %+v", z)
	}
	if z := s.closest(zone, canonical.Root, 1); z != nil {
		t.Error("they are used with other anchors")
	}
}

// Zones whose denials cannot be used for others take no memory, and spans keep no keys.
func TestNSECCacheOfManyZones(t *testing.T) {
	t.Parallel()
	now := time.Now()
	denial := func(zone string, record dns.RR, keys *Verdict) *Verdict {
		return &Verdict{Status: Secure, Shape: NoData, RestsOn: keys, Made: now, Expires: now.Add(time.Hour), Proof: []SignedSet{{Records: []dns.RR{record}, Sig: rrsig.Signature{SignerName: zone}}}}
	}
	var optOut, some NSECCache
	for i := range 5000 {
		zone := fmt.Sprintf("z%d.", i)
		hashed := &dns.NSEC3{Hdr: dns.RR_Header{Name: "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom." + zone, Rrtype: dns.TypeNSEC3}, Hash: 1, Flags: 1, NextDomain: "0p9mhaveqvm6t7vbl5lop2u3t2rp3ton"}
		optOut.Add(denial(zone, hashed, &Verdict{Status: Secure}), 0)
		some.Add(denial(zone, &dns.NSEC{Hdr: dns.RR_Header{Name: "a." + zone, Rrtype: dns.TypeNSEC}, NextDomain: "b." + zone, TypeBitMap: []uint16{dns.TypeRRSIG, dns.TypeNSEC}}, &Verdict{Status: Secure}), 0)
	}
	if len(optOut.zones) > 0 {
		t.Errorf("%d zones with opt-out are kept", len(optOut.zones))
	}
	runtime.GC()
	kept := 0
	for _, element := range some.zones {
		if element.Value.(*zoneDenials).keys.Value() != nil {
			kept++
		}
	}
	if len(some.zones) == 0 || kept > 0 {
		t.Errorf("%d zones keep %d keys", len(some.zones), kept)
	}
}
