package survey

import (
	"net/netip"
	"time"

	"golang.org/x/net/publicsuffix"
)

// A gateKey is what connections are counted for.
type gateKey struct {
	kind gateKind
	net  netip.Prefix // of an address or network, or of a DNS server
	name string       // of a provider
}

type gateKind uint8

const (
	gateAddress gateKind = iota
	gateNetwork
	gateProvider
	gateDNS
	gateKinds
)

// gatesFor returns the keys of a connection to a mail server; the first is that of its address.
// There are none on this machine, where nobody is a burden to others.
func gatesFor(addr netip.Addr, host string) []gateKey {
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() {
		return nil
	}
	bits := 24
	if addr.Is6() {
		bits = 56
	}
	network, _ := addr.Prefix(bits)
	return []gateKey{
		{kind: gateAddress, net: netip.PrefixFrom(addr, addr.BitLen())},
		{kind: gateNetwork, net: network},
		{kind: gateProvider, name: provider(host)},
	}
}

// provider is the registered domain of a host, or the host itself if it has none.
func provider(host string) string {
	if name, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return name
	}
	return host
}

// A gate counts the connections for one key.
type gate struct {
	limit    Limit
	inFlight int
	// next is when a connection would come if all came at the rate of the limit. They may be up
	// to a second earlier (the generic cell rate algorithm).
	next     time.Time
	paused   time.Time // until then nobody is let through
	refusals int       // in a row; for a DNS server pauses in a row

	// Of DNS servers.
	answered   time.Time // last
	unanswered int       // queries in a row since
}

// opens returns when the gate lets the next one through, as far as it hangs on time; false if
// somebody has to leave before.
func (g *gate) opens(now time.Time) (time.Time, bool) {
	if g.limit.Connections > 0 && g.inFlight >= g.limit.Connections {
		return time.Time{}, false
	}
	at := g.paused
	if g.limit.PerSecond > 0 {
		if early := g.next.Add(-max(0, time.Second-g.interval())); early.After(at) {
			at = early
		}
	}
	return at, true
}

func (g *gate) interval() time.Duration {
	return time.Duration(float64(time.Second) / g.limit.PerSecond)
}

// enter counts a connection that is begun.
func (g *gate) enter(now time.Time) {
	g.inFlight++
	g.charge(now)
}

// charge counts something that is begun for the rate.
func (g *gate) charge(now time.Time) {
	if g.limit.PerSecond > 0 {
		if g.next.Before(now) {
			g.next = now
		}
		g.next = g.next.Add(g.interval())
	}
}

// pause leaves it alone, and longer each time.
func (g *gate) pause(first time.Duration, now time.Time) {
	g.paused = now.Add(first << min(g.refusals, maxDoublings))
	g.refusals++
}

// busy reports whether it is of no use to wait: there may be ten thousand who do.
func (g *gate) busy() bool { return g.refusals > maxDoublings }

// idle reports whether the gate is as one that nobody has come to.
func (g *gate) idle(now time.Time) bool {
	return g.inFlight == 0 && !g.next.After(now) && !g.paused.After(now)
}
