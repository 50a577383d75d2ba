package dnssec

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
)

// A hostile zone can make answers of some kilobytes that take megabytes as records.
func TestCacheIsBoundedByMemory(t *testing.T) {
	t.Parallel()
	var c cache
	now := time.Now()
	verdictOf := func(records int) *validate.Verdict {
		v := &validate.Verdict{Made: now, Expires: now.Add(time.Hour)}
		for i := range records {
			v.Records = append(v.Records, &dns.TXT{Hdr: dns.RR_Header{Name: "example.", Rrtype: dns.TypeTXT}, Txt: []string{strings.Repeat("x", 250), fmt.Sprint(i)}})
		}
		return v
	}
	name := func(i int) validate.Question {
		n, err := canonical.ParseName(fmt.Sprintf("n%d.example.", i))
		if err != nil {
			t.Fatal(err)
		}
		return validate.Question{Name: n, Type: dns.TypeTXT}
	}
	for i := range 2000 {
		c.put(name(i), "name.", verdictOf(100), 0)
	}
	if weight, entries := c.size(t); weight > cacheBytes || entries < 100 || entries > 1000 {
		t.Errorf("%d octets in %d entries", weight, entries)
	}
	if c.get(name(1999), now, 0) == nil || c.get(name(0), now, 0) != nil {
		t.Error("not the least recently used were forgotten")
	}
	c.put(name(-1), "name.", verdictOf(1000), 0)
	if c.get(name(-1), now, 0) != nil {
		t.Error("one entry may take a large part of the cache")
	}
	for i := range 200_000 {
		c.put(name(i), "name.", verdictOf(0), 0)
	}
	if weight, entries := c.size(t); weight > cacheBytes || entries > 150_000 {
		t.Errorf("%d octets in %d entries", weight, entries)
	}
}

// size adds up the shards.
func (c *cache) size(t *testing.T) (weight, entries int) {
	t.Helper()
	for i := range c.shards {
		s := &c.shards[i]
		var newer *cached
		linked := 0
		for entry := s.newest; entry != nil; newer, entry = entry, entry.older {
			if linked++; entry.newer != newer || s.entries[placeOf(entry.question())] != entry {
				t.Fatal("the order of use is broken")
			}
		}
		if len(s.entries) != linked || s.oldest != newer {
			t.Errorf("%d entries, %d of them in order of use", len(s.entries), linked)
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
	q := validate.Question{Name: canonical.Root, Type: dns.TypeNS}
	v := &validate.Verdict{Made: now, Expires: now.Add(time.Minute)}
	c.put(q, "name.", v, 2)
	c.put(q, "name.", &validate.Verdict{Made: now, Expires: now.Add(time.Minute)}, 1) // a lookup that began before
	if c.get(q, now, 1) != nil || c.get(q, now, 2) != v || c.get(q, now, 3) != nil {
		t.Error("a verdict is known by other anchors")
	}
}

// Questions may have the same hash, although nobody can choose them so.
func TestCacheAndCollisions(t *testing.T) {
	t.Parallel()
	var c cache
	now := time.Now()
	v := &validate.Verdict{Made: now, Expires: now.Add(time.Minute)}
	q := validate.Question{Name: canonical.Root, Type: dns.TypeNS}
	at := placeOf(q)
	for _, other := range []validate.Question{{Name: canonical.Root, Type: dns.TypeMX}, {Name: "\x04test\x00", Type: dns.TypeNS}} {
		entry := &cached{name: other.Name, qtype: other.Type, Verdict: v}
		c.hold(v)
		c.weight.Add(entry.weight())
		c.shard(at).put(&c, at, entry)
		if c.get(q, now, 0) != nil || c.getWire([]byte(q.Name), q.Type, now, 0) != nil {
			t.Errorf("%v is taken for %v", other, q)
		}
	}
	c.put(q, ".", v, 0)
	if c.get(q, now, 0) != v || c.getWire([]byte(q.Name), q.Type, now, 0) == nil {
		t.Error("the later question is not kept")
	}
	if _, entries := c.size(t); entries != 1 {
		t.Errorf("%d entries", entries)
	}
	if c.get(q, now.Add(time.Minute), 0) != nil || c.weight.Load() != 0 {
		t.Errorf("%d octets are left", c.weight.Load())
	}
}

func TestCacheAndClocks(t *testing.T) {
	t.Parallel()
	var c cache
	now := time.Now()
	q := validate.Question{Name: canonical.Root, Type: dns.TypeNS}
	c.put(q, "name.", &validate.Verdict{Made: now, Expires: now.Add(time.Minute)}, 0)
	if c.get(q, now.Add(-time.Millisecond), 0) == nil {
		t.Error("a lookup that began a moment before asks again")
	}
	if c.get(q, now.Add(-validate.QuestionTime-time.Millisecond), 0) != nil {
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
