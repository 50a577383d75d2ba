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
)

// A packetServer answers queries over UDP. A goroutine that has read one answers it, too, and
// sees to it that another one reads meanwhile; so queries with answers in the cache, which
// are most, take neither a goroutine of their own nor a hand-over. dns.Server, which
// starts a goroutine for each, takes more than twice the time.
type packetServer struct {
	conn   *net.UDPConn
	answer func(from netip.Addr, query *dns.Msg) *dns.Msg
	most   int64 // goroutines

	reading, running atomic.Int64
	ended            sync.WaitGroup
	stopped          atomic.Bool
	failed           func(error)
}

// start starts a goroutine, unless there are too many: then queries wait in the socket, and
// are lost if it has no room for them.
func (s *packetServer) start() {
	if s.running.Add(1) > s.most {
		s.running.Add(-1)
		return
	}
	s.reading.Add(1)
	s.ended.Go(func() {
		defer s.running.Add(-1)
		s.read()
	})
}

func (s *packetServer) read() {
	in, out := make([]byte, maxQuery+1), make([]byte, 0, ednsSize)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(in)
		left := s.reading.Add(-1)
		if s.stopped.Load() {
			return
		}
		if left == 0 {
			s.start()
		}
		switch {
		case err != nil:
			s.failed(err)
		case n <= maxQuery:
			if reply := s.handle(from.Addr().Unmap(), in[:n], out); reply != nil {
				if _, err := s.conn.WriteToUDPAddrPort(reply, from); err != nil {
					s.failed(err)
				}
			}
		}
		if s.reading.Add(1) > spareReaders {
			s.reading.Add(-1)
			return
		}
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

// handle returns the reply to a packet, in out if it has room there; nil for what gets none.
func (s *packetServer) handle(from netip.Addr, packet, out []byte) []byte {
	query := new(dns.Msg)
	err := query.Unpack(packet)
	if len(packet) < headerSize || query.Response {
		return nil // a reply to a reply could go on for ever
	}
	reply := new(dns.Msg)
	if err != nil {
		reply.SetRcodeFormatError(query)
		reply.Opcode = query.Opcode
	} else {
		reply = s.answer(from, query)
		reply.Truncate(udpSize(query))
	}
	packed, err := reply.PackBuffer(out[:cap(out)])
	if err != nil {
		s.failed(err)
		return nil
	}
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
