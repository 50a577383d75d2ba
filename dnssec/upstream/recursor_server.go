package upstream

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// serverCache is what is known of servers, by address. The zero value knows none.
type serverCache struct {
	dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil means a net.Dialer
	now     func() time.Time
	sockets sockets // of all

	mu        sync.Mutex
	states    map[netip.AddrPort]*serverInfo
	connected []*serverInfo // to which there may be a connection over TCP, the latest last
}

type serverInfo struct {
	client *Client
	at     endpoint

	// Guarded by serverStates.mu.
	roundTrip       time.Duration // smoothed (RFC 6298 §2); 0 if unknown
	silentUntil     time.Time     // it did not answer; taken to be slow until then
	noEDNSUntil     time.Time     // it does not know EDNS; asked without until then
	noMinimiseUntil time.Time     // it drops minimised questions; asked for full names until then
}

// serverInfoSize is the memory that a serverState takes, in octets: the Client, the place
// in a map and rounding included.
const serverInfoSize = 640

// state returns what is known of a server; a full map drops others.
func (s *serverCache) state(server netip.AddrPort) *serverInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.states[server]
	if state != nil {
		return state
	}
	if s.states == nil {
		s.states = make(map[netip.AddrPort]*serverInfo)
	}
	for other := range s.states {
		if (len(s.states)+1)*serverInfoSize <= maxServersSize {
			break
		}
		delete(s.states, other)
	}
	address := server.String()
	state = &serverInfo{
		client: &Client{Address: address, Dial: s.dial, Timeout: serverTimeout, sockets: &s.sockets},
		at:     endpoint{network: "udp", address: address, text: address},
	}
	s.states[server] = state
	return state
}

// exchange sends a query to a server and learns from what becomes of it. A server
// that does not know EDNS is asked without (RFC 6891 §7). One that is silent is not:
// such servers are gone since 2019 (dnsflagday.net).
func (s *serverCache) exchange(ctx context.Context, server netip.AddrPort, msg *dns.Msg, attempts int) (*Reply, error) {
	state := s.state(server)
	s.mu.Lock()
	withEDNS := !s.now().Before(state.noEDNSUntil)
	s.mu.Unlock()
	if !withEDNS {
		msg = copyWithoutEDNS(msg)
	}
	reply, err := state.client.exchange(ctx, &Query{Msg: msg}, state.at, attempts)
	knowsNone := false
	hinted := state.client.mayLackEDNS(err)
	if withEDNS && msg.IsEdns0() != nil && (hinted || err == nil && lacksEDNS(reply.Msg)) {
		var plain *Reply
		if plain, err = state.client.exchange(ctx, &Query{Msg: copyWithoutEDNS(msg)}, state.at, attempts); err == nil && (hinted || !isRefusal(plain.Msg)) {
			// A hint is easier to forge than a reply, and serves this question alone.
			reply, knowsNone = plain, !hinted
		}
	}
	s.limitStreams(state)
	if ended(ctx) != nil {
		return reply, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case isUnusableReply(err):
		return nil, err // it did answer
	case err != nil:
		state.silentUntil = s.now().Add(silentLife)
		return nil, err
	case state.roundTrip == 0:
		state.roundTrip = reply.Elapsed
	default:
		state.roundTrip += (reply.Elapsed - state.roundTrip) / 8
	}
	state.silentUntil = time.Time{}
	if knowsNone {
		state.noEDNSUntil = s.now().Add(noEDNSLife)
	}
	return reply, nil
}

// limitStreams ends the connection over TCP that has been idle the longest, if there are too
// many with that to a server.
func (s *serverCache) limitStreams(state *serverInfo) {
	if state.stream() == nil {
		return
	}
	s.mu.Lock()
	var oldest *serverInfo
	s.connected = slices.DeleteFunc(s.connected, func(other *serverInfo) bool { return other == state })
	if len(s.connected) == maxIdleStreams {
		oldest = s.connected[0]
		s.connected = slices.Delete(s.connected, 0, 1)
	}
	s.connected = append(s.connected, state)
	s.mu.Unlock()
	if oldest == nil {
		return
	}
	if stream := oldest.stream(); stream != nil {
		stream.closeIdle()
	}
}

// stream returns the connection to a server, or nil.
func (s *serverInfo) stream() *stream {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	return s.client.stream
}

// isSilent reports whether a server did not answer a short time ago.
func (s *serverCache) isSilent(server netip.AddrPort) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.states[server]
	return state != nil && s.now().Before(state.silentUntil)
}

// setDropsMinimised keeps that servers did not answer a minimised question, but one of them
// the full one.
func (s *serverCache) setDropsMinimised(servers []netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, server := range servers {
		if state := s.states[server]; state != nil {
			state.noMinimiseUntil = s.now().Add(dropsMinimisedLife)
		}
	}
}

// dropsMinimised reports whether a server of a zone is known to drop minimised questions.
func (s *serverCache) dropsMinimised(zone *delegation) bool {
	now := s.now()
	servers := zone.addresses(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(servers, func(server netip.AddrPort) bool {
		state := s.states[server]
		return state != nil && now.Before(state.noMinimiseUntil)
	})
}

func copyWithoutEDNS(msg *dns.Msg) *dns.Msg {
	plain := msg.Copy()
	plain.Extra = slices.DeleteFunc(plain.Extra, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeOPT })
	return plain
}

func lacksEDNS(reply *dns.Msg) bool {
	return reply.IsEdns0() == nil && (reply.Rcode == dns.RcodeFormatError || reply.Rcode == dns.RcodeNotImplemented)
}

// sorted returns the known servers of a zone in the order to ask them: the fastest
// first, equal ones shuffled; then those that did not answer; lame ones last. A penalty
// is added to what each costs, unless it is nil.
func (s *serverCache) sorted(zone *delegation, penalty func(netip.AddrPort) time.Duration) []netip.AddrPort {
	now := s.now()
	servers := zone.addresses(now)
	if len(servers) < 2 {
		return servers
	}
	rand.Shuffle(len(servers), func(i, j int) { servers[i], servers[j] = servers[j], servers[i] })
	costs := make(map[netip.AddrPort]time.Duration, len(servers))
	s.mu.Lock()
	for _, server := range servers {
		costs[server] = unknownRoundTrip
		if state := s.states[server]; state != nil {
			costs[server] = cmp.Or(state.roundTrip, unknownRoundTrip)
			if now.Before(state.silentUntil) {
				costs[server] += silentPenalty
			}
		}
	}
	s.mu.Unlock()
	for server := range costs {
		if zone.isLame(server, now) {
			costs[server] += lamePenalty
		}
		if penalty != nil {
			costs[server] += penalty(server)
		}
	}
	slices.SortStableFunc(servers, func(a, b netip.AddrPort) int { return cmp.Compare(costs[a], costs[b]) })
	return servers
}
