//go:build interop

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// crowd is an Internet of many destinations of five kinds, and what Postfix has to get for each.
func crowd(destinations int) ([]dnssectest.Zone, map[string]string) {
	const perZone = 500
	want := make(map[string]string)
	var zones []dnssectest.Zone
	for first := 0; first < destinations; first += perZone {
		name := fmt.Sprintf("z%d", first/perZone)
		signed, unsigned := &strings.Builder{}, &strings.Builder{}
		fmt.Fprintf(signed, "mx A 192.0.2.1\n_25._tcp.mx TLSA %s\n", record)
		faults := make(map[string]dnssectest.Fault)
		for i := first; i < min(first+perZone, destinations); i++ {
			d := fmt.Sprintf("d%d", i)
			switch i % 5 {
			case 0:
				fmt.Fprintf(signed, "%s MX 10 h.%[1]s\nh.%[1]s A 192.0.2.1\n_25._tcp.h.%[1]s TLSA %s\n", d, record)
				want[d+"."+name] = "OK dane-only"
			case 1:
				fmt.Fprintf(signed, "%s MX 10 h.%[1]s\nh.%[1]s A 192.0.2.1\n", d)
				want[d+"."+name] = "NOTFOUND "
			case 2: // a host that all others have, too
				fmt.Fprintf(signed, "%s MX 10 mx\n", d)
				want[d+"."+name] = "OK dane-only"
			case 3:
				fmt.Fprintf(signed, "%s MX 10 h.%[1]s\nh.%[1]s A 192.0.2.1\n_25._tcp.h.%[1]s TLSA %s\n", d, record)
				faults["_25._tcp.h."+d+" TLSA"] = dnssectest.Expired
				want[d+"."+name] = "TEMP no host is left"
			case 4:
				fmt.Fprintf(unsigned, "%s MX 10 h.%[1]s\nh.%[1]s A 192.0.2.1\n_25._tcp.h.%[1]s TLSA %s\n", d, record)
				want[d+".un"+name] = "NOTFOUND "
			}
		}
		zones = append(zones, dnssectest.Zone{Name: name + ".", Records: signed.String(), Faults: faults},
			dnssectest.Zone{Name: "un" + name + ".", Unsigned: true, Records: unsigned.String()})
	}
	return zones, want
}

// TestManyDestinationsOverDNS asks for ten thousand destinations at once, by a resolver that
// validates what comes over a socket. None gets a wrong answer: at worst one that its message is
// to wait, as it would in the queue. What stays in memory is bounded, whatever comes.
func TestManyDestinationsOverDNS(t *testing.T) {
	zones, want := crowd(10_000)
	world := dnssectest.New(t, zones...)
	at, err := world.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	servers, err := upstream.Servers(at)
	if err != nil {
		t.Fatal(err)
	}
	resolver := &dnssec.Resolver{Exchanger: servers, Anchors: world.Anchors()}
	m := new(metrics)
	f := newFinder(t.Context(), defaultCache<<20, quiet(), m, func(ctx context.Context, tt target, now time.Time) found {
		return lookUp(ctx, resolver, tt, now)
	})
	s := &service{finder: f, mixed: levelDANE, timeout: lookupTimeout, log: quiet(), metrics: m}
	ask := func(keys []string) (late []string) {
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, key := range keys {
			all.Go(func() {
				got, why := s.answer(t.Context(), key)
				switch {
				case got.String() == want[key], got.status == temp && strings.HasPrefix(got.String(), want[key]):
				case got.status == temp: // on a slow machine, or one that is busy
					mu.Lock()
					late = append(late, key)
					mu.Unlock()
				default:
					t.Errorf("%s: %q (%s), want %q", key, got, why, want[key])
				}
			})
		}
		all.Wait()
		return late
	}
	var heaps []uint64
	for range 2 {
		start := time.Now()
		rounds := 0
		for keys := slices.Collect(maps.Keys(want)); len(keys) > 0 && !t.Failed(); rounds++ {
			if rounds == 10 {
				t.Fatalf("%d destinations have no answer", len(keys))
			}
			if keys = ask(keys); len(keys) > 0 {
				f.cache.clear() // failures, which are kept for a while
			}
		}
		_, octets := f.cache.size()
		heaps = append(heaps, heap()-uint64(octets))
		t.Logf("%s in %d rounds; %d kB of heap beside the verdicts", time.Since(start).Round(time.Millisecond), rounds, heaps[len(heaps)-1]>>10)
		f.cache.clear()
	}
	// The caches of the resolver are full after the first time.
	if heaps[1] > heaps[0]+8<<20 {
		t.Errorf("the heap has grown: %d", heaps)
	}
}
