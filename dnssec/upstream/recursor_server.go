package upstream

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/internal/localfault"
)

// A serverCache keeps what was learned about name servers, by address: how fast they are,
// whether they answer, and what they do not know. Unbound calls that the infrastructure
// cache.
type serverCache struct {
	dial    func(ctx context.Context, network, address string) (net.Conn, error)               // nil means a net.Dialer
	admit   func(ctx context.Context, server netip.Addr) (done func(*Reply, error), err error) // nil admits every query
	now     func() time.Time
	sockets sockets // of all

	mu        sync.Mutex // taken after that of a delegation
	infos     map[netip.AddrPort]*serverInfo
	connected []*serverInfo // to which there may be a connection over TCP, the latest last
}

// A serverInfo is what is known of one server.
type serverInfo struct {
	client *Client
	at     endpoint

	// Guarded by serverCache.mu.
	roundTrip       time.Duration // smoothed (RFC 6298 §2); 0 if unknown
	silentUntil     time.Time     // it did not answer; taken to be slow until then
	unsent          bool          // that was for want of a route to it
	noEDNSUntil     time.Time     // it does not know EDNS; asked without until then, for that zone
	noEDNSZone      zoneDigest
	noMinimiseUntil time.Time // it drops minimised questions; asked for full names until then
}

// A zoneDigest stands for the name of a zone, which may take a thousand octets.
type zoneDigest [sha256.Size]byte

// serverInfoSize is the memory that a serverInfo takes, in octets: the Client, the place
// in a map and rounding included.
const serverInfoSize = 672

// info returns what is known of a server. A full cache drops others.
func (s *serverCache) info(server netip.AddrPort) *serverInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := s.infos[server]
	if info != nil {
		return info
	}
	if s.infos == nil {
		s.infos = make(map[netip.AddrPort]*serverInfo)
	}
	for other := range s.infos {
		if (len(s.infos)+1)*serverInfoSize <= maxServersSize {
			break
		}
		delete(s.infos, other)
	}
	address := server.String()
	info = &serverInfo{
		client: &Client{Address: address, Dial: s.dial, Timeout: serverTimeout, sockets: &s.sockets},
		at:     endpoint{network: "udp", address: address, text: address},
	}
	s.infos[server] = info
	return info
}

// exchange sends a query to a server of a zone, and remembers how it went. A server that does not
// know EDNS is asked without (RFC 6891 §7); one that does not reply is not, since servers that drop
// queries with EDNS have been given up in 2019 (dnsflagday.net). That a server lacks EDNS is
// remembered for the zone alone: behind one address there may be others for other zones, which a
// zone must not rob of their signatures. The query without EDNS is another one, which more allows.
func (s *serverCache) exchange(ctx context.Context, server netip.AddrPort, zone string, q *Query, attempts int, more func() bool) (*Reply, error) {
	info := s.info(server)
	s.mu.Lock()
	withEDNS := !s.now().Before(info.noEDNSUntil) || info.noEDNSZone != sha256.Sum256([]byte(zone))
	s.mu.Unlock()
	if !withEDNS {
		q = queryWithoutEDNS(q)
	}
	reply, err := s.ask(ctx, server, info, q, attempts)
	lacks := false
	suggested := info.client.mayLackEDNS(err)
	if withEDNS && q.Msg.IsEdns0() != nil && (suggested || err == nil && lacksEDNS(reply.Msg)) && more() {
		var plain *Reply
		if plain, err = s.ask(ctx, server, info, queryWithoutEDNS(q), attempts); err == nil && (suggested || !isRefusal(plain.Msg)) {
			// A header alone is easier to forge than a reply, so it counts for this query only.
			reply, lacks = plain, !suggested
		}
	}
	s.limitStreams(info)
	if ended(ctx) != nil {
		return reply, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case isUnusableReply(err), errors.Is(err, errNotAdmitted):
		return nil, err // it did answer, or was not asked
	case isStarved(err):
		return nil, err // by no fault of any server, and no other would have fared better
	case err != nil:
		info.silentUntil, info.unsent = s.now().Add(silentLife), localfault.Is(err)
		return nil, err
	case info.roundTrip == 0:
		info.roundTrip = reply.Elapsed
	default:
		info.roundTrip += (reply.Elapsed - info.roundTrip) / 8
	}
	info.silentUntil = time.Time{}
	if lacks {
		info.noEDNSUntil, info.noEDNSZone = s.now().Add(noEDNSLife), sha256.Sum256([]byte(zone))
	}
	return reply, nil
}

// errNotAdmitted: a server was not asked, by the decision of Recursor.Admit.
var errNotAdmitted = errors.New("the query was not admitted")

// ask sends one query once it is admitted.
func (s *serverCache) ask(ctx context.Context, server netip.AddrPort, info *serverInfo, q *Query, attempts int) (reply *Reply, err error) {
	if s.admit != nil {
		var done func(*Reply, error)
		if done, err = s.admit(ctx, server.Addr()); err != nil {
			return nil, newError(info.at.String(), "", q, fmt.Errorf("%w: %w", errNotAdmitted, err))
		}
		if done != nil {
			defer func() { done(reply, err) }()
		}
	}
	return info.client.exchange(ctx, q, &info.at, attempts)
}

// limitStreams notes that there may be a connection over TCP to a server. If that is one too
// many, it closes the one that has been idle the longest.
func (s *serverCache) limitStreams(info *serverInfo) {
	if info.stream() == nil {
		return
	}
	s.mu.Lock()
	var oldest *serverInfo
	s.connected = slices.DeleteFunc(s.connected, func(other *serverInfo) bool { return other == info })
	if len(s.connected) == maxIdleStreams {
		oldest = s.connected[0]
		s.connected = slices.Delete(s.connected, 0, 1)
	}
	s.connected = append(s.connected, info)
	s.mu.Unlock()
	if oldest == nil {
		return
	}
	if stream := oldest.stream(); stream != nil {
		stream.closeIdle()
	}
}

// stream returns the connection over TCP to a server, or nil.
func (s *serverInfo) stream() *stream {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	return s.client.stream
}

// isSilent reports whether a server did not reply a short time ago. One to which there was no
// route is as slow as that, but may reply when there is one.
func (s *serverCache) isSilent(server netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := s.infos[server]
	return info != nil && !info.unsent && s.now().Before(info.silentUntil)
}

// setDropsMinimised remembers that a server drops minimised questions: it did not answer one, and
// then it answered the full question. Others that did not answer may serve other zones only, and
// be named for this one to find out what they are asked.
func (s *serverCache) setDropsMinimised(server netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if info := s.infos[server]; info != nil {
		info.noMinimiseUntil = s.now().Add(dropsMinimisedLife)
	}
}

// dropsMinimised reports whether a server of a zone is known to drop minimised questions.
func (s *serverCache) dropsMinimised(zone *delegation) bool {
	now := s.now()
	zone.mu.Lock()
	defer zone.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for server := range zone.known(now) {
		if info := s.infos[server]; info != nil && now.Before(info.noMinimiseUntil) {
			return true
		}
	}
	return false
}

// queryWithoutEDNS returns a copy of a query without its OPT record.
func queryWithoutEDNS(q *Query) *Query {
	plain := q.Msg.Copy()
	plain.Extra = slices.DeleteFunc(plain.Extra, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeOPT })
	return &Query{Msg: plain}
}

// lacksEDNS reports whether a reply says that the server does not know EDNS.
func lacksEDNS(reply *dns.Msg) bool {
	return reply.IsEdns0() == nil && (reply.Rcode == dns.RcodeFormatError || reply.Rcode == dns.RcodeNotImplemented)
}

// best returns the server of a zone to ask next, but none of those that are left out: the fastest,
// or by chance one of several that are equal; then one that did not reply; a lame one last. What
// the families have as penalties is added to the time that a server is taken to need.
func (s *serverCache) best(zone *delegation, leftOut []netip.AddrPort, penalties [2]time.Duration) (best netip.AddrPort, ok bool) {
	now := s.now()
	zone.mu.Lock()
	defer zone.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	var least time.Duration
	equal := 0
	for server := range zone.known(now) {
		if slices.Contains(leftOut, server) {
			continue
		}
		cost := s.cost(server, now) + penalties[family(server)]
		if zone.isLame(server, now) {
			cost += lamePenalty
		}
		switch {
		case equal == 0 || cost < least:
			best, least, equal = server, cost, 1
		case cost == least:
			if equal++; rand.IntN(equal) == 0 {
				best = server
			}
		}
	}
	return best, equal > 0
}

// cost is the time that a server is taken to need. The caller holds the lock.
func (s *serverCache) cost(server netip.AddrPort, now time.Time) time.Duration {
	info := s.infos[server]
	if info == nil {
		return unknownRoundTrip
	}
	cost := cmp.Or(info.roundTrip, unknownRoundTrip)
	if now.Before(info.silentUntil) {
		cost += silentPenalty
	}
	return cost
}
