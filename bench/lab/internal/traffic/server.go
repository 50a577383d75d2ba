package traffic

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// A Server answers DNS messages by UDP and TCP on one address.
type Server struct {
	// Respond returns the reply to a query, or nil if there is to be none. Network is
	// "udp" or "tcp", which is that of queries over TLS, too. It may be called
	// concurrently, and keeps neither query nor reply.
	Respond func(query []byte, network string) []byte

	// Waits says that Respond waits for others, so that queries by UDP are answered
	// side by side. Without it two goroutines answer them all: a server that shares
	// its cores with what is measured should cost little.
	Waits bool

	Meter *Meter
}

const (
	readBuffer  = 4 << 20          // bytes: thousands of queries may wait
	idleTimeout = 30 * time.Second // of a TCP connection
	readers     = 2
)

// Listen opens both sockets of an address.
func Listen(address string) (*net.UDPConn, net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	bound := listener.Addr().(*net.TCPAddr)
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: bound.IP, Port: bound.Port})
	if err != nil {
		listener.Close()
		return nil, nil, err
	}
	conn.SetReadBuffer(readBuffer) // the system may grant less
	return conn, listener, nil
}

// Serve answers until the context ends or a socket fails, and closes the sockets.
func (s *Server) Serve(ctx context.Context, conn *net.UDPConn, listener net.Listener) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { conn.Close(); listener.Close() })()
	var running sync.WaitGroup
	for range readers {
		running.Go(func() { cancel(s.packets(conn)) })
	}
	running.Go(func() { cancel(s.connections(ctx, listener, nil)) })
	<-ctx.Done()
	conn.Close()
	listener.Close()
	running.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// ServeTLS answers queries over TLS (RFC 7858) until the context ends or the listener fails,
// and closes it. A handshake takes one round trip, which is that of TLS 1.3.
func (s *Server) ServeTLS(ctx context.Context, listener net.Listener, config *tls.Config) error {
	config = config.Clone()
	config.MinVersion = tls.VersionTLS13
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	err := s.connections(ctx, listener, config)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// packets answers what comes by UDP.
func (s *Server) packets(conn *net.UDPConn) error {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return err
		}
		answer := func(query []byte) {
			reply := s.Respond(query, "udp")
			if reply == nil {
				return
			}
			s.Meter.Count("udp", query, reply)
			switch rtt := s.Meter.RTT(); {
			case s.Meter.Lost():
			case rtt > 0:
				time.AfterFunc(rtt, func() { conn.WriteToUDPAddrPort(reply, from) })
			default:
				conn.WriteToUDPAddrPort(reply, from)
			}
		}
		if !s.Waits {
			answer(buffer[:n])
			continue
		}
		query := append([]byte(nil), buffer[:n]...)
		waiting.Go(func() { answer(query) })
	}
}

// connections answers what comes by TCP, and over TLS if config is not nil.
func (s *Server) connections(ctx context.Context, listener net.Listener, config *tls.Config) error {
	var open sync.WaitGroup
	defer open.Wait()
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		open.Go(func() {
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			time.Sleep(s.Meter.RTT()) // the handshake of TCP
			if config == nil {
				s.connection(conn)
				return
			}
			time.Sleep(s.Meter.RTT()) // that of TLS
			s.connection(tls.Server(conn, config))
		})
	}
}

// connection answers the queries of one client side by side (RFC 7766 §6.2.1.1).
func (s *Server) connection(conn net.Conn) {
	defer conn.Close()
	var answers sync.WaitGroup
	defer answers.Wait()
	var writing sync.Mutex
	for {
		conn.SetDeadline(time.Now().Add(idleTimeout))
		query, err := ReadMessage(conn)
		if err != nil {
			return
		}
		answers.Go(func() {
			reply := s.Respond(query, "tcp")
			if reply == nil {
				return
			}
			s.Meter.Count("tcp", query, reply)
			time.Sleep(s.Meter.RTT())
			writing.Lock()
			defer writing.Unlock()
			WriteMessage(conn, reply) // a client that has gone needs no reply
		})
	}
}

// ReadMessage reads a message with its length before it (RFC 1035 §4.2.2).
func ReadMessage(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(r, message)
	return message, err
}

// WriteMessage writes a message with its length before it, in one piece.
func WriteMessage(w io.Writer, message []byte) error {
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(message)), uint16(len(message)))
	_, err := w.Write(append(framed, message...))
	return err
}
