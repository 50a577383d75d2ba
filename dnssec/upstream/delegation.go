package upstream

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// A delegation is a zone and its name servers, as the zone above names them.
type delegation struct {
	name    string // of the zone: lower case, with the final dot
	made    time.Time
	expires time.Time

	// proof is what the referral held of the DS records of the zone, or of their
	// absence, with signatures; and server is who gave it.
	proof           []dns.RR
	signed          bool // there are DS records
	server, network string

	answers atomic.Bool // names below the zone are its own

	mu      sync.Mutex
	servers []nameServer
	failed  map[dns.Question]failure
	lame    map[netip.AddrPort]time.Time // servers, and until when they are taken for that
}

// A failure is that no server of a zone answered a question, and when to ask again. It
// is of the one question: servers that drop one type may be good for others.
type failure struct {
	err   error
	until time.Time
}

// A nameServer is a name and the addresses that are known of it.
type nameServer struct {
	name      string
	addresses []netip.AddrPort
	found     bool      // the addresses were looked for, in place of glue
	expires   time.Time // of what was found, also if that is nothing
}

// newDelegation reads a referral by the servers of the zone above.
func newDelegation(above *delegation, cut string, reply *Reply, r *Recursor) *delegation {
	servers, ttl := r.nameServers(above.name, cut, reply.Msg.Ns, reply.Msg.Extra)
	now := r.now()
	d := &delegation{
		name: cut, servers: servers, made: now, expires: now.Add(min(time.Duration(ttl)*time.Second, maxDelegationLife)),
		server: reply.Server, network: reply.Network,
	}
	if !above.expires.IsZero() {
		// What was revoked above must not live on below ("phoenix domains").
		d.expires = earliest(d.expires, above.expires)
	}
	d.proof, d.signed = proof(cut, reply.Msg.Ns)
	return d
}

// proof returns the signed DS records at a cut, or the signed denial of them, if the
// authority section of a referral has either, and which it is (RFC 4035 §3.1.4).
func proof(cut string, records []dns.RR) (proof []dns.RR, signed bool) {
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
	switch {
	case len(ds)+len(denial) > maxProof:
		return nil, false // to be asked for, where a validator needs it
	case isSigned[dns.TypeDS]:
		return ds, true
	case isSigned[dns.TypeNSEC], isSigned[dns.TypeNSEC3]:
		return denial, false
	}
	return nil, false
}

// byReferral marks a server in Reply.Server whose answer was in a referral. It is not
// the same as the server: where a referral proves too little, the answer of the same
// server to the question itself may prove all.
const byReferral = " by referral"

// fromReferral answers a question for DS records by the referral to the zone.
func (r *resolution) fromReferral(t *task) *Reply {
	d := r.cuts.get(t.question.Name, r.now())
	if d == nil || len(d.proof) == 0 || slices.Contains(t.avoid, d.server+byReferral) {
		return nil
	}
	reply := d.answerDS(r.query, r.now())
	if reply != nil {
		reply.Server += byReferral
	}
	return reply
}

// answerDS makes the proof a reply, or nil if its TTLs are over.
func (d *delegation) answerDS(q *Query, now time.Time) *Reply {
	age := uint32(max(now.Sub(d.made), 0) / time.Second)
	msg := new(dns.Msg)
	msg.SetReply(q.Msg)
	section := &msg.Ns
	if d.signed {
		section = &msg.Answer
	}
	for _, rr := range d.proof {
		if rr.Header().Ttl < age {
			return nil
		}
		own := dns.Copy(rr)
		own.Header().Ttl -= age
		*section = append(*section, own)
	}
	if opt := q.Msg.IsEdns0(); opt != nil {
		msg.SetEdns0(opt.UDPSize(), opt.Do())
	}
	return &Reply{Msg: msg, Server: d.server, Network: d.network}
}

// known returns the addresses of the zone's servers.
func (d *delegation) known(now time.Time) []netip.AddrPort {
	d.mu.Lock()
	defer d.mu.Unlock()
	var known []netip.AddrPort
	for _, s := range d.servers {
		if s.found && !now.Before(s.expires) {
			continue
		}
		for _, address := range s.addresses {
			if !slices.Contains(known, address) {
				known = append(known, address)
			}
		}
	}
	return known
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

// unknown returns name servers whose addresses may be looked for: first those
// without any, then those with glue, which may be wrong. Those that are being looked
// for already, further up, would not be found here (TsuNAME is such a loop).
func (d *delegation) unknown(now time.Time, above []string, gluelessOnly bool) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names, glued []string
	for _, s := range d.servers {
		switch {
		case slices.Contains(above, s.name), now.Before(s.expires):
		case len(s.addresses) == 0, s.found: // or they have expired
			names = append(names, s.name)
		case !gluelessOnly && !isBelow(d.name, s.name):
			glued = append(glued, s.name)
		}
	}
	names = append(names, glued...)
	return names[:min(len(names), maxLookedUp)]
}

// learn keeps what was found for a server, be it nothing.
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
		d.servers[i] = nameServer{name: name, addresses: addresses, found: true, expires: latest(expires, now.Add(minAddressLife))}
	}
}

// fail keeps that no server answers a question, until it is time to try again.
func (d *delegation) fail(question dns.Question, err error, until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed == nil || len(d.failed) >= maxFailures {
		d.failed = make(map[dns.Question]failure)
	}
	d.failed[question] = failure{err, until}
}

// failure returns why no server answers a question, as far as it is known.
func (d *delegation) failure(question dns.Question, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.failed[question]; now.Before(f.until) {
		return f.err
	}
	return nil
}

func (d *delegation) setLame(server netip.AddrPort, until time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lame == nil {
		d.lame = make(map[netip.AddrPort]time.Time)
	}
	d.lame[server] = until
}

func (d *delegation) isLame(server netip.AddrPort, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return now.Before(d.lame[server])
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

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
