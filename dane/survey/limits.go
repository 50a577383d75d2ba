package survey

import (
	"cmp"
	"time"
)

// Limits bound what others notice of a survey. Servers of this machine, at loopback addresses,
// have none.
type Limits struct {
	// Address bounds the connections to one address, 2 at a time and 2 a second in the zero
	// Limits; Network those to a /24 of IPv4, or a /56 of IPv6, 8 and 10; Provider those to all
	// hosts below one registered domain, 8 and 10.
	Address, Network, Provider Limit
	// DNS bounds the queries to one server, 32 at a time and 200 a second, where
	// Survey.AdmitDNS is used.
	DNS Limit
	// Pause is how long an address is left alone after it has said 421, or has refused the
	// connection or the client, or a DNS server after it has stopped to answer, or has begun to
	// refuse; twice as long each time that it does so again, up to 32 times. 0
	// means a minute; with a negative one nobody is left alone. After six times in a row nobody
	// waits for it any more: what would need it has ErrBusy, but for one domain after each pause.
	Pause time.Duration
}

// A Limit is one bound. What is zero has its default, and what is negative has no bound.
type Limit struct {
	// Connections at a time.
	Connections int
	// PerSecond is the rate of new ones. Those of one second may come at once.
	PerSecond float64
}

func (l Limit) or(other Limit) Limit {
	return Limit{cmp.Or(l.Connections, other.Connections), cmp.Or(l.PerSecond, other.PerSecond)}
}

// DefaultLimits returns those of the zero Limits.
func DefaultLimits() Limits { return Limits{}.withDefaults() }

func (l Limits) withDefaults() Limits {
	return Limits{
		Address: l.Address.or(defaultAddress), Network: l.Network.or(defaultNetwork),
		Provider: l.Provider.or(defaultProvider), DNS: l.DNS.or(defaultDNS),
		Pause: cmp.Or(l.Pause, defaultPause),
	}
}

// DefaultShare is how long what a server showed is good for others, if Survey.Share is 0.
const DefaultShare = time.Hour

// Defaults. Postfix delivers to one destination over 20 connections at a time, and servers count
// clients by address and network; what looks around should take less than what has mail.
var (
	defaultAddress  = Limit{2, 2}
	defaultNetwork  = Limit{8, 10}
	defaultProvider = Limit{8, 10}
	// Resolvers have hundreds of queries in flight to the servers of a large zone.
	defaultDNS = Limit{32, 200}
)

const (
	defaultPause = time.Minute
	maxDoublings = 5
)

// When a DNS server counts as busy: it has answered within a minute, and then so many queries in
// a row were refused, or not answered. Hosters have servers that many zones name without right, one
// after the other in a list, each of which takes a query or two.
const (
	answeredLately   = time.Minute
	unansweredInARow = 16
)

// A domain whose DNS servers are left alone is tried again, so many times. Failures are known
// for 5 seconds to the resolver that it is looked up by.
const (
	maxBusyTries = 6
	afterFailure = 6 * time.Second
)

const (
	defaultParallel = 32
	// heldPerPlace is how many domains are held for each that is worked on: the others wait for
	// a server that is left alone.
	heldPerPlace = 16
	// maxHeldInOrder bounds them where rows have their order: all that are held may be ready,
	// with a result of some 50 kB each.
	maxHeldInOrder = 1024
	// defaultTimeout is time for one server that hangs, and for the next one.
	defaultTimeout = 12 * time.Minute
	defaultMemory  = 64 << 20
	// maxFailureShare is how long a refusal is shared, or a handshake that failed: somebody may
	// be about to mend it.
	maxFailureShare = 10 * time.Minute
)

// maxGates bounds the addresses, networks and providers that are remembered, of some 200
// octets each. Beyond it those that nobody is connected to are forgotten.
const maxGates = 1 << 16

// Pauses after a lack of this machine, and how often a domain is tried.
const (
	firstLackPause = time.Second
	maxLackPause   = time.Minute
	maxLackTries   = 10
)
