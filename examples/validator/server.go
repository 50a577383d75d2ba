package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/examples/internal/daemon"
)

const (
	// maxConnections bounds the TCP connections at each address. A stub has one for a moment,
	// after a reply that was truncated.
	maxConnections = 256
	// idleTimeout is how long a TCP connection may wait for a query (RFC 7766 §6.2.3).
	idleTimeout = 10 * time.Second
	// drainTimeout is how long queries may go on when the program is to end.
	drainTimeout = 2 * time.Second
	// replyTimeout is how long it takes at most to tell clients that theirs may not.
	replyTimeout = 2 * time.Second
)

// A server brings queries to a responder, and its replies back.
type server struct {
	responder *responder
	allow     []netip.Prefix // who may ask
	log       *slog.Logger
	crowded   daemon.Seldom // warnings of too many connections

	lookups       context.Context // of all queries
	cancelLookups func()

	listening []netip.AddrPort // once it has started
	udp       []*packetServer
	tcp       []*dns.Server
	errs      chan error // of those that have ended
}

// listenAll begins to serve at every address, or at none.
func (s *server) listenAll(addresses []string) error {
	for _, address := range addresses {
		if err := s.listen(address); err != nil {
			return err
		}
	}
	return nil
}

// listen opens the sockets for UDP and TCP at an address, and begins to serve.
func (s *server) listen(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%q: want an IP address and a port", address)
	}
	packets, stream, err := listenBoth(at)
	if err != nil {
		return err
	}
	s.listening = append(s.listening, packets.LocalAddr().(*net.UDPAddr).AddrPort())
	s.serveTCP(stream)
	udp := &packetServer{conn: packets, allowed: s.allowed, answer: s.answer, most: maxInFlight + spareReaders, failed: func(err error) {
		s.log.Debug("UDP", "err", err)
	}}
	s.udp = append(s.udp, udp)
	udp.begin()
	return nil
}

// listenBoth opens both sockets at the same port; port 0 is any that is free for both.
func listenBoth(at netip.AddrPort) (*net.UDPConn, net.Listener, error) {
	for tries := 1; ; tries++ {
		packets, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
		if err != nil {
			return nil, nil, err
		}
		stream, err := net.Listen("tcp", packets.LocalAddr().String())
		if err == nil {
			return packets, stream, nil
		}
		packets.Close()
		if at.Port() != 0 || tries == 10 {
			return nil, nil, err
		}
	}
}

func (s *server) serveTCP(stream net.Listener) {
	limit := &daemon.Limit{Listener: stream, Connections: maxConnections, Closed: func(remote net.Addr, idle time.Duration) {
		if leftOut, ok := s.crowded.Now(); ok {
			s.log.Warn("too many connections: closed the one that was idle for the longest", "remote", remote.String(), "idle", idle, "unlogged", leftOut)
		}
	}}
	started := make(chan struct{})
	one := &dns.Server{
		Listener: limit, Handler: dns.HandlerFunc(s.serve), NotifyStartedFunc: func() { close(started) },
		IdleTimeout:   func() time.Duration { return idleTimeout },
		MsgAcceptFunc: acceptQueries,
		ReadTimeout:   idleTimeout, WriteTimeout: idleTimeout, MaxTCPQueries: -1,
	}
	s.tcp = append(s.tcp, one)
	go func() { s.ended(one.ActivateAndServe()) }()
	<-started
}

// acceptQueries leaves the judgement of queries to the responder.
func acceptQueries(h dns.Header) dns.MsgAcceptAction {
	const response = 1 << 15 // QR (RFC 1035 §4.1.1)
	if h.Bits&response != 0 {
		return dns.MsgIgnore
	}
	return dns.MsgAccept
}

// ended reports a socket that serves no more. One is enough.
func (s *server) ended(err error) {
	select {
	case s.errs <- err:
	default:
	}
}

// serve answers one query over TCP.
func (s *server) serve(w dns.ResponseWriter, query *dns.Msg) {
	var from netip.Addr // which nobody allows
	if a, ok := w.RemoteAddr().(*net.TCPAddr); ok {
		from = a.AddrPort().Addr().Unmap()
	}
	reply, _ := s.answer(from, query)
	reply.Truncate(dns.MaxMsgSize)
	if err := w.WriteMsg(reply); err != nil {
		s.log.Debug("reply not sent", "remote", from, "err", err)
	}
}

// answer returns the reply to a query, and until when it may be given to others who send the same.
func (s *server) answer(from netip.Addr, query *dns.Msg) (reply *dns.Msg, until time.Time) {
	if !s.allowed(from) {
		return new(dns.Msg).SetRcode(query, dns.RcodeRefused), time.Time{}
	}
	return s.responder.respond(s.lookups, query)
}

func (s *server) allowed(from netip.Addr) bool {
	return from.IsLoopback() || slices.ContainsFunc(s.allow, func(p netip.Prefix) bool {
		return p.Contains(from.WithZone(""))
	})
}

// wait serves until the context ends, or a socket fails. Queries that have begun may then go
// on for a while.
func (s *server) wait(ctx context.Context, hangup <-chan os.Signal) error {
	err := s.untilEnd(ctx, hangup)
	defer time.AfterFunc(drainTimeout, s.cancelLookups).Stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout+replyTimeout)
	defer cancel()
	for _, one := range s.tcp {
		if fault := one.ShutdownContext(ctx); fault != nil {
			s.log.Warn("TCP queries were cut off", "err", fault)
		}
	}
	for _, one := range s.udp {
		if fault := one.stop(ctx); fault != nil {
			s.log.Warn("UDP queries were cut off", "err", fault)
		}
	}
	return err
}

// untilEnd returns when the context ends, or a socket fails.
func (s *server) untilEnd(ctx context.Context, hangup <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.errs:
			if err == nil {
				err = errors.New("a socket was closed")
			}
			return err
		case <-hangup:
			s.log.Warn("SIGHUP: nothing is read again; restart for that")
		}
	}
}
