package replay

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
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
	silent  []string // questions, as "name type"
	closed  bool
	alias   *Entry // the last reply with an alias in it
	waiting []*outstanding
	done    map[int]bool // steps that have had their effect
	used    map[int]bool // lines of entries
}

// New returns the network of the script as it is before the first step. The error says
// that the script asks for something that a Network cannot do.
func New(script *Script) (*Network, error) {
	n := &Network{script: script, done: make(map[int]bool), used: make(map[int]bool)}
	n.stepped = sync.NewCond(&n.mu)
	var err error
	n.now, err = script.start()
	return n, err
}

// start is the instant at which the script begins: that of validation, or else 1970.
func (s *Script) start() (time.Time, error) {
	date := s.Config.Options["val-override-date"]
	if len(date) == len("20060102150405") {
		return time.Parse("20060102150405", date)
	}
	seconds, err := strconv.ParseInt(cmp.Or(date, s.Config.Options["val-override-timestamp"], "0"), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("replay: the instant of validation: %w", err)
	}
	if seconds < 0 {
		return s.begun(), nil
	}
	return time.Unix(seconds, 0), nil
}

// begun is for scripts that want no instant looked at: the first at which all signatures
// have begun.
func (s *Script) begun() time.Time {
	var inception uint32
	for _, rr := range s.Records() {
		if sig, ok := rr.(*dns.RRSIG); ok {
			inception = max(inception, sig.Inception)
		}
	}
	return time.Unix(int64(inception), 0)
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

// Silent returns the queries so far that the script leaves without a reply, as "name
// type".
func (n *Network) Silent() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.silent)
}

// Unused returns the lines of the entries that are mandatory, and for which no query was
// made so far.
func (n *Network) Unused() []int {
	n.mu.Lock()
	defer n.mu.Unlock()
	var lines []int
	for _, r := range n.script.Ranges {
		for _, e := range r.Entries {
			if e.Mandatory && !n.used[e.Line] {
				lines = append(lines, e.Line)
			}
		}
	}
	return lines
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
			packet, after := n.reply(server.Addr(), network, query)
			if packet == nil {
				return // the script has no reply, which shows sooner if the connection ends
			}
			send := func() { frame.Write(network, conn, packet) } // or the client has closed
			if after == 0 {
				send()
				continue
			}
			n.serving.Go(func() {
				time.Sleep(after)
				send()
			})
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

// reply returns what the server says, as a packet, and when; nil is silence.
func (n *Network) reply(server netip.Addr, network string, query *dns.Msg) (packet []byte, after time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := n.entry(server, network, query)
	if e == nil {
		e = n.miss(server, query.Question[0])
	}
	n.used[e.Line] = true
	if slices.Contains(e.Adjust, "do_not_answer") {
		q := query.Question[0]
		n.silent = append(n.silent, fmt.Sprintf("%s %s", dns.CanonicalName(q.Name), dns.Type(q.Qtype)))
		return nil, 0
	}
	if slices.ContainsFunc(e.Msg.Answer, func(rr dns.RR) bool { return covers(rr, dns.TypeCNAME) }) {
		n.alias = e
	}
	packet, err := e.packet(query)
	if err != nil {
		n.missed = append(n.missed, fmt.Sprintf("%s: the entry in line %d: %v", query.Question[0].Name, e.Line, err))
	}
	return packet, e.delay()
}

// miss notes that the script has no reply to a question, and makes one.
func (n *Network) miss(server netip.Addr, q dns.Question) *Entry {
	n.missed = append(n.missed, fmt.Sprintf("%s %s at %s", dns.CanonicalName(q.Name), dns.Type(q.Qtype), server))
	e := &Entry{Msg: &dns.Msg{MsgHdr: dns.MsgHdr{Response: true, Rcode: dns.RcodeServerFailure}}}
	if q.Qtype == dns.TypeDS {
		// A validator may want to know of more cuts than there are in the script. An
		// unsigned denial tells it nothing, but that it will not find out.
		e.Msg.Rcode, e.Msg.Authoritative = dns.RcodeSuccess, true
	}
	return e
}

// packet is the entry as a reply to the query.
func (e *Entry) packet(query *dns.Msg) ([]byte, error) {
	if e.Raw != nil {
		packet := slices.Clone(e.Raw)
		if len(packet) >= headerSize && (slices.Contains(e.Adjust, "copy_id") || slices.Contains(e.Adjust, "raw_id")) {
			binary.BigEndian.PutUint16(packet, query.Id)
		}
		return packet, nil
	}
	msg := e.Msg.Copy()
	if !slices.ContainsFunc(msg.Ns, isNS) {
		msg.Authoritative = true // not looked at by Unbound, so many scripts are not careful
	}
	msg.Id, msg.Question = query.Id, query.Question
	if opt := query.IsEdns0(); opt != nil {
		msg.SetEdns0(opt.UDPSize(), opt.Do())
		msg.IsEdns0().Option = e.EDNS
	}
	return msg.Pack()
}

// delay is how long the server takes to reply.
func (e *Entry) delay() time.Duration {
	var all time.Duration
	for _, token := range e.Adjust {
		if word, value, _ := strings.Cut(token, "="); strings.HasSuffix(word, "sleep") {
			seconds, _ := strconv.ParseUint(value, 10, 16) // looked at by the parser
			all += time.Duration(seconds) * time.Second
		}
	}
	return all
}
