package upstream

import (
	"bytes"
	"iter"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// A delegation is a zone and its name servers, as the zone above names them.
type delegation struct {
	name    string // of the zone: lower case, with the final dot
	made    time.Time
	expires time.Time

	// proof has the signed DS records of the zone, or the signed denial of them, if the
	// referral had either. It is a message in wire form, which takes less memory than
	// records do. server and network say where it came from.
	proof           []byte
	server, network string

	answers atomic.Bool // the zone has answered for a name below it, so there is no need to minimise

	weight int // the size that a delegationCache has counted, which guards it

	mu      sync.Mutex
	servers []nameServer
	lame    []lameServer
}

// A nameServer is a name and the addresses that are known of it.
type nameServer struct {
	name      string
	addresses []netip.AddrPort
	found     bool      // the addresses were looked for, and take the place of glue
	expires   time.Time // when to look for them again, whether any were found or not
}

// A lameServer does not serve the zone that is delegated to it. That counts until then.
type lameServer struct {
	address netip.AddrPort
	until   time.Time
}

// delegationLife is how long a delegation with this TTL is kept.
func delegationLife(ttl uint32) time.Duration {
	return min(max(time.Duration(ttl)*time.Second, minDelegationLife), maxDelegationLife)
}

// proof returns the signed DS records at a cut, or the signed denial of them, if the
// authority section of a referral has either (RFC 4035 §3.1.4), in the section of a
// message where they would be if they were asked for.
func proof(cut string, records []dns.RR) []byte {
	var ds, denial []dns.RR
	isSigned := make(map[uint16]bool)
	for _, rr := range records {
		covered := rr.Header().Rrtype
		if sig, ok := rr.(*dns.RRSIG); ok {
			covered = sig.TypeCovered
			isSigned[covered] = true
		}
		switch {
		case covered == dns.TypeDS && dns.CanonicalName(rr.Header().Name) == cut:
			ds = append(ds, rr)
		case covered == dns.TypeNSEC, covered == dns.TypeNSEC3:
			denial = append(denial, rr)
		}
	}
	var msg dns.Msg
	switch {
	case isSigned[dns.TypeDS]:
		msg.Answer = ds
	case isSigned[dns.TypeNSEC], isSigned[dns.TypeNSEC3]:
		msg.Ns = denial
	default:
		return nil
	}
	if msg.Len() > maxProofSize {
		return nil // to be asked for, where a validator needs it
	}
	wire, err := msg.Pack()
	if err != nil {
		return nil
	}
	return wire
}

// answerDS returns the proof as a reply, or nil if one of its TTLs is over.
func (d *delegation) answerDS(q *Query, now time.Time) *Reply {
	age := uint32(max(now.Sub(d.made), 0) / time.Second)
	msg, err := wireform.Unpack(d.proof)
	if err != nil {
		return nil
	}
	for _, section := range [][]dns.RR{msg.Answer, msg.Ns} {
		for _, rr := range section {
			if rr.Header().Ttl < age {
				return nil
			}
			rr.Header().Ttl -= age
		}
	}
	msg.SetReply(q.Msg)
	if opt := q.Msg.IsEdns0(); opt != nil {
		msg.SetEdns0(opt.UDPSize(), opt.Do())
	}
	return &Reply{Msg: msg, Server: d.server, Network: d.network}
}

// Memory that parts of a delegation take in addition to what they point to, in octets. The
// place in a map and rounding are included.
const (
	delegationOverhead = 320
	nameServerOverhead = 88
	addressSize        = 32
	lameServerSize     = 56
)

// size is the memory that a delegation takes, in octets.
func (d *delegation) size() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	size := delegationOverhead + len(d.name) + cap(d.proof) + nameServerOverhead*cap(d.servers) + lameServerSize*cap(d.lame)
	for _, s := range d.servers {
		size += len(s.name) + addressSize*cap(s.addresses)
	}
	return size
}

// isLike reports whether another delegation of the zone has the same name servers and DS
// records. Glue does not count.
func (d *delegation) isLike(other *delegation) bool {
	return bytes.Equal(d.proof, other.proof) && slices.Equal(d.serverNames(), other.serverNames())
}

// serverNames returns the names of the zone's servers in order.
func (d *delegation) serverNames() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := make([]string, len(d.servers))
	for i, s := range d.servers {
		names[i] = s.name
	}
	slices.Sort(names)
	return names
}

// addresses returns the addresses of the zone's servers.
func (d *delegation) addresses(now time.Time) (known []netip.AddrPort) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for address := range d.known(now) {
		if !slices.Contains(known, address) {
			known = append(known, address)
		}
	}
	return known
}

// known yields them, those of two servers twice. The caller holds the lock.
func (d *delegation) known(now time.Time) iter.Seq[netip.AddrPort] {
	return func(yield func(netip.AddrPort) bool) {
		for _, s := range d.servers {
			if s.found && !now.Before(s.expires) {
				continue
			}
			for _, address := range s.addresses {
				if !yield(address) {
					return
				}
			}
		}
	}
}

// addressesOf returns the known addresses of one server.
func (d *delegation) addressesOf(name string) []netip.AddrPort {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.servers {
		if s.name == name {
			return slices.Clone(s.addresses)
		}
	}
	return nil
}

// unknownServers returns name servers whose addresses may be looked for: first those without
// any, then those with glue, which may be wrong. Those whose lookup led here (pending) would
// lead here again (TsuNAME is such a loop), so they are left out; circular reports whether
// there are any.
func (d *delegation) unknownServers(now time.Time, pending []string, gluelessOnly bool) (names []string, circular bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var glued []string
	for _, s := range d.servers {
		switch {
		case slices.Contains(pending, s.name):
			circular = true
		case now.Before(s.expires):
		case len(s.addresses) == 0, s.found: // or they have expired
			names = append(names, s.name)
		case !gluelessOnly && !isBelow(d.name, s.name):
			glued = append(glued, s.name)
		}
	}
	return append(names, glued...), circular
}

// learn keeps the addresses that were found for a server, or that there were none.
func (d *delegation) learn(name string, addresses []netip.AddrPort, expires, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, s := range d.servers {
		if s.name != name {
			continue
		}
		if len(addresses) == 0 {
			d.servers[i].expires = now.Add(notFoundLife)
			return
		}
		d.servers[i] = nameServer{name: name, addresses: addresses, found: true, expires: later(expires, now.Add(minAddressLife))}
	}
}

// setLame remembers that a server does not serve the zone.
func (d *delegation) setLame(server netip.AddrPort, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lame = slices.DeleteFunc(d.lame, func(l lameServer) bool { return l.address == server || !now.Before(l.until) })
	if len(d.lame) == maxLame {
		d.lame = slices.Delete(d.lame, 0, 1)
	}
	d.lame = append(d.lame, lameServer{server, now.Add(lameLife)})
}

// isLame reports whether a server is remembered not to serve the zone. The caller holds the
// lock.
func (d *delegation) isLame(server netip.AddrPort, now time.Time) bool {
	return slices.ContainsFunc(d.lame, func(l lameServer) bool { return l.address == server && now.Before(l.until) })
}

// parent returns the name above, or the root for the root.
func parent(name string) string {
	next, end := dns.NextLabel(name, 0)
	if end || name == "." {
		return "."
	}
	return name[next:]
}

// isBelow reports whether a name is that of a zone or below it. Both are in lower case,
// with the final dot.
func isBelow(zone, name string) bool {
	for len(name) > len(zone) {
		name = parent(name)
	}
	return name == zone
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
