package dnssec

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// A hostile zone can make answers of some kilobytes that take megabytes as records.
func TestCacheIsBoundedByMemory(t *testing.T) {
	t.Parallel()
	var c cache
	now := time.Now()
	verdictOf := func(records int) *verdict {
		v := &verdict{made: now, expires: now.Add(time.Hour)}
		for i := range records {
			v.records = append(v.records, &dns.TXT{Hdr: dns.RR_Header{Name: "example.", Rrtype: dns.TypeTXT}, Txt: []string{strings.Repeat("x", 250), fmt.Sprint(i)}})
		}
		return v
	}
	name := func(i int) question {
		n, err := canonical.ParseName(fmt.Sprintf("n%d.example.", i))
		if err != nil {
			t.Fatal(err)
		}
		return question{n, dns.TypeTXT}
	}
	for i := range 2000 {
		c.put(name(i), verdictOf(100), 0)
	}
	if weight, entries := c.size(t); weight > cacheBytes || entries < 100 || entries > 1000 {
		t.Errorf("%d octets in %d entries", weight, entries)
	}
	if c.get(name(1999), now, 0) == nil || c.get(name(0), now, 0) != nil {
		t.Error("not the least recently used were forgotten")
	}
	c.put(name(-1), verdictOf(1000), 0)
	if c.get(name(-1), now, 0) != nil {
		t.Error("one entry may take a large part of the cache")
	}
	for i := range 100_000 {
		c.put(name(i), verdictOf(0), 0)
	}
	if weight, entries := c.size(t); weight > cacheBytes || entries > 60_000 {
		t.Errorf("%d octets in %d entries", weight, entries)
	}
}

// size adds up the shards.
func (c *cache) size(t *testing.T) (weight, entries int) {
	t.Helper()
	for i := range c.shards {
		s := &c.shards[i]
		if len(s.entries) != s.recent.Len() {
			t.Errorf("%d entries, %d of them in order of use", len(s.entries), s.recent.Len())
		}
		entries += len(s.entries)
	}
	return int(c.weight.Load()), entries
}

// What is known rests on the anchors of one generation.
func TestCacheAndGenerations(t *testing.T) {
	t.Parallel()
	var c cache
	now := time.Now()
	q := question{canonical.Root, dns.TypeNS}
	v := &verdict{made: now, expires: now.Add(time.Minute)}
	c.put(q, v, 2)
	c.put(q, &verdict{made: now, expires: now.Add(time.Minute)}, 1) // a lookup that began before
	if c.get(q, now, 1) != nil || c.get(q, now, 2) != v || c.get(q, now, 3) != nil {
		t.Error("a verdict is known by other anchors")
	}
}

func TestCacheAndClocks(t *testing.T) {
	t.Parallel()
	var c cache
	now := time.Now()
	q := question{canonical.Root, dns.TypeNS}
	c.put(q, &verdict{made: now, expires: now.Add(time.Minute)}, 0)
	if c.get(q, now.Add(-time.Millisecond), 0) == nil {
		t.Error("a lookup that began a moment before asks again")
	}
	if c.get(q, now.Add(-questionTime-time.Millisecond), 0) != nil {
		t.Error("it is used by a clock that was set back")
	}
	if c.get(q, now, 0) == nil {
		t.Error("and it is gone for later ones")
	}
	if c.get(q, now.Add(time.Minute), 0) != nil {
		t.Error("it outlives its time")
	}
	if weight, entries := c.size(t); weight != 0 || entries != 0 {
		t.Errorf("%d octets in %d entries are left", weight, entries)
	}
}

// So are the spans; of one zone, and of all.
func TestSpansAreBoundedByMemory(t *testing.T) {
	t.Parallel()
	var s spans
	now := time.Now()
	keys := &verdict{status: Secure}
	add := func(zone string, i int) {
		owner := fmt.Sprintf("n%05d.%s", i, zone)
		s.add(&verdict{
			status: Secure, shape: nameError, on: keys, made: now, expires: now.Add(time.Hour),
			proof: []signedSet{{
				records: []dns.RR{&dns.NSEC{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeNSEC}, NextDomain: fmt.Sprintf("n%05d.%s", i+1, zone), TypeBitMap: []uint16{dns.TypeRRSIG, dns.TypeNSEC}}},
				sig:     &dns.RRSIG{SignerName: zone},
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
		sum += element.Value.(*zoneSpans).weight
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
func TestSpansOfManyZones(t *testing.T) {
	t.Parallel()
	now := time.Now()
	denial := func(zone string, record dns.RR, keys *verdict) *verdict {
		return &verdict{status: Secure, shape: noData, on: keys, made: now, expires: now.Add(time.Hour), proof: []signedSet{{records: []dns.RR{record}, sig: &dns.RRSIG{SignerName: zone}}}}
	}
	var optOut, some spans
	for i := range 5000 {
		zone := fmt.Sprintf("z%d.", i)
		hashed := &dns.NSEC3{Hdr: dns.RR_Header{Name: "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom." + zone, Rrtype: dns.TypeNSEC3}, Hash: 1, Flags: 1, NextDomain: "0p9mhaveqvm6t7vbl5lop2u3t2rp3ton"}
		optOut.add(denial(zone, hashed, &verdict{status: Secure}), 0)
		some.add(denial(zone, &dns.NSEC{Hdr: dns.RR_Header{Name: "a." + zone, Rrtype: dns.TypeNSEC}, NextDomain: "b." + zone, TypeBitMap: []uint16{dns.TypeRRSIG, dns.TypeNSEC}}, &verdict{status: Secure}), 0)
	}
	if len(optOut.zones) > 0 {
		t.Errorf("%d zones with opt-out are kept", len(optOut.zones))
	}
	runtime.GC()
	kept := 0
	for _, element := range some.zones {
		if element.Value.(*zoneSpans).keys.Value() != nil {
			kept++
		}
	}
	if len(some.zones) == 0 || kept > 0 {
		t.Errorf("%d zones keep %d keys", len(some.zones), kept)
	}
}
