package survey

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	no := Limit{-1, -1}
	free := Limits{Address: no, Network: no, Provider: no}
	with := func(change func(*Limits)) Limits {
		l := free
		change(&l)
		return l
	}
	type peer struct{ addr, host string }
	seconds := func(all ...float64) (d []time.Duration) {
		for _, s := range all {
			d = append(d, time.Duration(s*float64(time.Second)))
		}
		return d
	}
	one := peer{"192.0.2.1", "mx1.a.example"}
	for _, tt := range []struct {
		name   string
		limits Limits
		peers  []peer
		want   []time.Duration // when they begin; each takes ten seconds
	}{
		{"without limits", free, []peer{one, one, one}, seconds(0, 0, 0)},
		{"two at a time to an address", with(func(l *Limits) { l.Address = Limit{2, -1} }), []peer{one, one, one, one, one}, seconds(0, 0, 10, 10, 20)},
		{"two a second, of which two may come at once", with(func(l *Limits) { l.Address = Limit{-1, 2} }), []peer{one, one, one, one}, seconds(0, 0, .5, 1)},
		{"one in two seconds", with(func(l *Limits) { l.Address = Limit{-1, .5} }), []peer{one, one, one}, seconds(0, 2, 4)},
		{
			"another address has limits of its own", with(func(l *Limits) { l.Address = Limit{1, -1} }),
			[]peer{one, one, {"192.0.2.2", "mx1.a.example"}}, seconds(0, 10, 0),
		},
		{
			"a /24 is one network", with(func(l *Limits) { l.Network = Limit{1, -1} }),
			[]peer{one, {"192.0.2.200", "mx.b.example"}, {"192.0.3.1", "mx.c.example"}, {"::ffff:192.0.2.7", "mx.d.example"}}, seconds(0, 10, 0, 20),
		},
		{
			"so is a /56", with(func(l *Limits) { l.Network = Limit{1, -1} }),
			[]peer{{"2001:db8:0:1::1", "a.example"}, {"2001:db8:0:ff::1", "b.example"}, {"2001:db8:0:100::1", "c.example"}}, seconds(0, 10, 0),
		},
		{
			"hosts below one registered domain are one provider", with(func(l *Limits) { l.Provider = Limit{1, -1} }),
			[]peer{{"192.0.2.1", "mx1.mail.a.co.uk"}, {"198.51.100.1", "mx.a.co.uk"}, {"203.0.113.1", "mx.b.co.uk"}}, seconds(0, 10, 0),
		},
		{"the defaults", Limits{}, []peer{one, one, one}, seconds(0, 0, 10)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, began := newLimiter(tt.limits), time.Now()
				got := make([]time.Duration, len(tt.peers))
				var all sync.WaitGroup
				for i, p := range tt.peers {
					all.Go(func() {
						keys := gatesFor(netip.MustParseAddr(p.addr), p.host)
						if err := l.wait(t.Context(), keys); err != nil {
							t.Error(err)
						}
						got[i] = time.Since(began)
						time.Sleep(10 * time.Second)
						l.done(keys)
					})
					synctest.Wait() // they come in order
				}
				all.Wait()
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("begun at (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestWhoGivesUpTakesNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(Limits{Address: Limit{1, -1}})
		keys := gatesFor(netip.MustParseAddr("192.0.2.1"), "mx.a.example")
		if !l.try(keys) || l.try(keys) {
			t.Fatal("want one to be let through")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.wait(ctx, keys); err != context.DeadlineExceeded {
			t.Errorf("error %v", err)
		}
		l.done(keys)
		if !l.try(keys) {
			t.Error("nobody is there, and nobody is let through")
		}
	})
}

// TestMemoryOfLimits: what is remembered of addresses does not grow with the list.
func TestMemoryOfLimits(t *testing.T) {
	t.Parallel()
	l := newLimiter(Limits{})
	for i := range 3 * maxGates {
		addr := netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)})
		keys := gatesFor(addr, fmt.Sprintf("mx.d%d.example", i))
		if !l.try(keys) {
			continue // its network has no room for now
		}
		l.refused(keys[0])
		l.done(keys)
	}
	if len(l.gates) > maxGates+3 {
		t.Errorf("%d gates, want %d at most", len(l.gates), maxGates)
	}
}

var errOdd = errors.New("something odd") // says nothing

func TestAdmitDNS(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &Survey{Limits: Limits{DNS: Limit{1, -1}}}
		server, other := netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("192.0.2.54")
		first, err := s.AdmitDNS(t.Context(), server)
		if err != nil {
			t.Fatal(err)
		}
		if done, err := s.AdmitDNS(t.Context(), other); err != nil {
			t.Fatal(err)
		} else {
			defer done(nil, errOdd)
		}
		began := time.Now()
		time.AfterFunc(time.Second, func() { first(nil, errOdd) })
		second, err := s.AdmitDNS(t.Context(), server)
		if err != nil || time.Since(began) != time.Second {
			t.Fatalf("error %v after %v", err, time.Since(began))
		}
		defer second(nil, errOdd)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.AdmitDNS(ctx, server); err != context.DeadlineExceeded {
			t.Errorf("a third at a time: error %v", err)
		}
	})
}
