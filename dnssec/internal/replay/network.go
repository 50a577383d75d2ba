package replay

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/frame"
)

// A Network plays the servers of a script. It is safe for concurrent use.
type Network struct {
	script  *Script
	serving sync.WaitGroup

	mu      sync.Mutex
	stepped *sync.Cond // step has changed
	step    int
	now     time.Time
	missed  []string
	closed  bool
	alias   *Entry // the last reply with an alias in it
}

// New returns the network of the script as it is before the first step. The error says
// that the script asks for something that a Network cannot do.
func New(script *Script) (*Network, error) {
	n := &Network{script: script}
	n.stepped = sync.NewCond(&n.mu)
	for _, r := range script.Ranges {
		for _, e := range r.Entries {
			for _, token := range e.Match {
				if comparisons[token] == nil {
					return nil, fmt.Errorf("replay: MATCH %s of the entry in line %d is for answers only", token, e.Line)
				}
			}
		}
	}
	var err error
	n.now, err = script.start()
	return n, err
}

// start is the instant at which the script begins: that of validation, or else 1970.
// Where a script wants no instant looked at, it is the first at which all signatures
// have begun.
func (s *Script) start() (time.Time, error) {
	switch date := s.Config.Options["val-override-date"]; date {
	case "":
	case "-1":
		var inception uint32
		for _, r := range s.Ranges {
			for _, e := range r.Entries {
				for _, rr := range slices.Concat(e.Msg.Answer, e.Msg.Ns) {
					if sig, ok := rr.(*dns.RRSIG); ok {
						inception = max(inception, sig.Inception)
					}
				}
			}
		}
		return time.Unix(int64(inception), 0), nil
	default:
		return time.Parse("20060102150405", date)
	}
	if seconds := s.Config.Options["val-override-timestamp"]; seconds != "" {
		var n int64
		_, err := fmt.Sscan(seconds, &n)
		return time.Unix(n, 0), err
	}
	return time.Unix(0, 0), nil
}

// At makes the network that of a step.
func (n *Network) At(step int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.step = step
	n.stepped.Broadcast()
}

// Pass moves the clock on.
func (n *Network) Pass(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now = n.now.Add(d)
}

// Now is the script's clock.
func (n *Network) Now() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.now
}

// Missed returns the queries so far for which the script has no reply, as "name type at
// address".
func (n *Network) Missed() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.missed)
}

// Dial connects to a server. network is "udp", where each Write and each Read is one
// datagram, or "tcp". All addresses take connections.
func (n *Network) Dial(_ context.Context, network, address string) (net.Conn, error) {
	server, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	client, conn := net.Pipe()
	n.serving.Go(func() { // ends when the client closes
		defer conn.Close()
		for {
			query, err := read(network, conn)
			if err != nil {
				return
			}
			packet := n.reply(server.Addr(), network, query)
			if packet == nil {
				return // the script has none: sooner found out than by waiting
			}
			if frame.Write(network, conn, packet) != nil {
				return
			}
		}
	})
	return client, nil
}

// Close ends the servers. It waits for the clients to close.
func (n *Network) Close() {
	n.mu.Lock()
	n.closed = true
	n.stepped.Broadcast()
	n.mu.Unlock()
	n.serving.Wait()
}

func read(network string, conn net.Conn) (*dns.Msg, error) {
	packet, err := frame.Read(network, conn)
	if err != nil {
		return nil, err
	}
	query := new(dns.Msg)
	if err := query.Unpack(packet); err != nil {
		return nil, err
	}
	if len(query.Question) != 1 {
		return nil, errNoRecord
	}
	return query, nil
}

// reply returns what the server says, as a packet; nil is silence.
func (n *Network) reply(server netip.Addr, network string, query *dns.Msg) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.entry(server, network, query)
	if e == nil {
		q := query.Question[0]
		n.missed = append(n.missed, fmt.Sprintf("%s %s at %s", dns.CanonicalName(q.Name), dns.Type(q.Qtype), server))
		e = &Entry{Msg: &dns.Msg{MsgHdr: dns.MsgHdr{Response: true, Rcode: dns.RcodeServerFailure}}}
		if q.Qtype == dns.TypeDS {
			// A validator may want to know of more cuts than there are in the script. An
			// unsigned denial tells it nothing, but that it will not find out.
			e.Msg.Rcode, e.Msg.Authoritative = dns.RcodeSuccess, true
		}
	}
	if slices.Contains(e.Adjust, "do_not_answer") {
		return nil
	}
	if slices.ContainsFunc(e.Msg.Answer, func(rr dns.RR) bool { return covers(rr, dns.TypeCNAME) }) {
		n.alias = e
	}
	msg := e.Msg.Copy()
	if !slices.ContainsFunc(msg.Ns, isNS) {
		msg.Authoritative = true // not looked at by Unbound, so many scripts are not careful
	}
	msg.Id, msg.Question = query.Id, query.Question
	if opt := query.IsEdns0(); opt != nil {
		msg.SetEdns0(opt.UDPSize(), opt.Do())
	}
	packet, err := msg.Pack()
	if err != nil {
		n.missed = append(n.missed, fmt.Sprintf("%s: the entry in line %d: %v", query.Question[0].Name, e.Line, err))
	}
	return packet
}
