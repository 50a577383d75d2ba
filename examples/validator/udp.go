package main

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

const (
	// headerSize is that of a message without any section (RFC 1035 §4.1.1).
	headerSize = 12
	// maxQuery bounds a query. One question of the longest name, with options, takes a fourth.
	maxQuery = ednsSize
	// spareReaders are the goroutines that wait for queries when nobody asks.
	spareReaders = 32
	// errorPause is how long nothing is read when that fails, which could go on for ever.
	errorPause = 10 * time.Millisecond
)

// A packetServer answers queries over UDP. One goroutine at a time reads: whose turn it is
// answers what is a repetition, and reads on. A query that takes more it answers, too, but sees
// to it that another one has its turn meanwhile. So most queries take no goroutine of their own and
// no hand-over, which would take more time than the rest; dns.Server starts one for each.
type packetServer struct {
	conn    *net.UDPConn
	allowed func(from netip.Addr) bool // to get a reply again that another has got
	answer  func(from netip.Addr, query *dns.Msg) (reply *dns.Msg, until time.Time)
	most    int64 // goroutines
	repeats repeats

	turn             chan struct{} // to read
	waiting, running atomic.Int64  // for their turn, with the one that reads; in all
	ended            sync.WaitGroup
	stopped          atomic.Bool
	failed           func(error)
}

// begin starts the first goroutine.
func (s *packetServer) begin() {
	s.turn = make(chan struct{}, 1)
	s.turn <- struct{}{}
	s.start()
}

// start starts a goroutine, unless there are too many: then queries wait in the socket, and
// are lost if it has no room for them.
func (s *packetServer) start() {
	if s.running.Add(1) > s.most {
		s.running.Add(-1)
		return
	}
	s.waiting.Add(1)
	s.ended.Go(func() {
		defer s.running.Add(-1)
		s.serve()
	})
}

func (s *packetServer) serve() {
	in, out := make([]byte, maxQuery+1), make([]byte, 0, ednsSize)
	for {
		<-s.turn
		packet, from := s.next(in, out)
		left := s.waiting.Add(-1)
		s.turn <- struct{}{}
		if packet == nil {
			return
		}
		if left == 0 {
			s.start()
		}
		s.send(s.handle(from.Addr().Unmap(), packet, out), from)
		if s.waiting.Add(1) > spareReaders {
			s.waiting.Add(-1)
			return
		}
	}
}

// next reads into in, and answers by way of out, until there is a query that takes more than a
// repetition; nil at the end.
func (s *packetServer) next(in, out []byte) (packet []byte, from netip.AddrPort) {
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(in)
		switch {
		case s.stopped.Load():
			return nil, from
		case err != nil:
			s.failed(err)
			time.Sleep(errorPause)
		case n > maxQuery, !isQuery(in[:n]):
		default:
			reply := s.again(from.Addr().Unmap(), in[:n], out)
			if reply == nil {
				return in[:n], from
			}
			s.send(reply, from)
		}
	}
}

// again returns the reply to a query that is a repetition; nil if it is none.
func (s *packetServer) again(from netip.Addr, packet, out []byte) []byte {
	if !s.allowed(from) {
		return nil
	}
	return s.repeats.get(packet, out, time.Now())
}

func (s *packetServer) send(reply []byte, to netip.AddrPort) {
	if reply == nil {
		return
	}
	if _, err := s.conn.WriteToUDPAddrPort(reply, to); err != nil {
		s.failed(err)
	}
}

// stop ends the reading, waits for the queries that are being answered, and closes the socket.
func (s *packetServer) stop(ctx context.Context) error {
	defer s.conn.Close()
	s.stopped.Store(true)
	s.conn.SetReadDeadline(time.Unix(1, 0))
	done := make(chan struct{})
	go func() {
		s.ended.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// isQuery reports whether a packet is to be answered. A reply to a reply could go on for ever.
func isQuery(packet []byte) bool {
	const response = 0x80 // QR, in the third octet (RFC 1035 §4.1.1)
	return len(packet) >= headerSize && packet[2]&response == 0
}

// handle returns the reply to a query, in out if it has room there; nil if there is none.
func (s *packetServer) handle(from netip.Addr, packet, out []byte) []byte {
	query, reply := new(dns.Msg), new(dns.Msg)
	var until time.Time
	if err := query.Unpack(packet); err != nil {
		reply.SetRcodeFormatError(query)
		reply.Opcode = query.Opcode
	} else {
		reply, until = s.answer(from, query)
		reply.Truncate(udpSize(query))
	}
	packed, err := reply.PackBuffer(out[:cap(out)])
	if err != nil {
		s.failed(err)
		return nil
	}
	s.repeats.put(packet, packed, until, time.Now())
	return packed
}

// udpSize is how long a reply may be.
func udpSize(query *dns.Msg) int {
	size := dns.MinMsgSize
	if opt := query.IsEdns0(); opt != nil {
		size = max(size, int(opt.UDPSize()))
	}
	return min(size, ednsSize)
}
