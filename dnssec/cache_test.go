package dnssec

import (
	"fmt"
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
	if c.weight > cacheBytes || len(c.entries) < 100 || len(c.entries) != c.recent.Len() {
		t.Errorf("%d octets in %d entries", c.weight, len(c.entries))
	}
	if c.get(name(1999), now, 0) == nil || c.get(name(0), now, 0) != nil {
		t.Error("not the least recently used were forgotten")
	}
	c.put(name(-1), verdictOf(1000), 0)
	if c.get(name(-1), now, 0) != nil {
		t.Error("one entry may take a large part of the cache")
	}
	for i := range 2 * cacheEntries {
		c.put(name(i), verdictOf(0), 0)
	}
	if len(c.entries) > cacheEntries {
		t.Errorf("%d entries", len(c.entries))
	}
}

func TestCacheAndClocks(t *testing.T) {
	t.Parallel()
	var c cache
	now := time.Now()
	q := question{canonical.Root, dns.TypeNS}
	c.put(q, &verdict{made: now, expires: now.Add(time.Minute)}, 0)
	if c.get(q, now.Add(-time.Millisecond), 0) != nil {
		t.Error("a lookup saw what was found after it began")
	}
	if c.get(q, now, 0) == nil {
		t.Error("and it is gone for later ones")
	}
	if c.get(q, now.Add(time.Minute), 0) != nil || len(c.entries) != 0 || c.weight != 0 {
		t.Error("it outlives its time")
	}
}
