package upstream

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// maxInFlight is how many queries may be in flight on one connection. One more opens another
// connection. It is half of what Unbound has (max-reuse-tcp-queries in unbound.conf(5)).
const maxInFlight = 100

// idleTimeout is how long a connection without queries in flight is kept: "on the order of
// a few seconds" (RFC 7766 §6.2.3).
const idleTimeout = 10 * time.Second

// errStalled is the end of a connection that was idle and then brought no reply: it may be
// dead, as connections are that a firewall or a NAT has forgotten.
var errStalled = errors.New("connection is silent")

// errRetired is the end of a connection that is no longer needed.
var errRetired = errors.New("connection is not in use")

// A stream is a connection over TCP or TLS that queries share: they are pipelined (RFC 7766
// §6.2.1.1), and the connection is reused while it is open. It has two goroutines, one that
// connects and reads and one that writes. Both end with the connection: at the first error,
// when it has been idle for some time, or if no query waits for it while it is being made.
//
// Only the server can send here. So a message that is no reply to a query, nor a late reply
// to one that was given up, ends the connection. A reply that cannot be read fails its own
// query only: the other queries have nothing to do with what is in it.
type stream struct {
	out   chan []byte     // queries to send
	done  chan struct{}   // closed when it has ended
	onEnd func(s *stream) // called then
	stop  func()          // ends the attempt to connect

	mu       sync.Mutex
	conn     net.Conn               // nil until it is made
	inFlight map[uint16]chan []byte // by ID; nil for queries that were given up
	stall    time.Duration          // see pipelinedQuery; not changed
	waiting  int                    // how many were not given up
	queries  int                    // queries so far
	heard    int                    // replies so far
	retired  bool                   // not for new queries
	unsent   error                  // why no query can be sent any more
	err      error                  // why it has ended
}

// A pipelinedQuery is one query in flight on a stream.
type pipelinedQuery struct {
	*stream
	id    uint16
	reply chan []byte   // gets one message
	heard int           // how many replies the stream had before
	stall time.Duration // if the connection was idle, how long it may bring nothing; 0 is no limit
}

// pipeline puts the query among those to send, with an ID that no other one in flight has.
// It returns nil if the stream takes no more queries.
func (s *stream) pipeline(m *message) *pipelinedQuery {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.retired || len(s.inFlight) >= maxInFlight {
		return nil
	}
	q := &pipelinedQuery{stream: s, reply: make(chan []byte, 1), heard: s.heard}
	if s.conn != nil && s.waiting == 0 {
		q.stall = s.stall
	}
	for taken := true; taken; {
		m.renew()
		q.id = binary.BigEndian.Uint16(m.wire)
		_, taken = s.inFlight[q.id]
	}
	// Length and message go in one segment (RFC 7766 §8).
	frame := append(binary.BigEndian.AppendUint16(nil, uint16(len(m.wire))), m.wire...)
	select {
	case s.out <- frame:
	default: // full: replies came before their queries were sent
		return nil
	}
	if s.waiting == 0 && s.conn != nil {
		s.conn.SetReadDeadline(time.Time{}) // if that fails, so does the Read
	}
	s.inFlight[q.id] = q.reply
	s.waiting++
	s.queries++
	return q
}

// await returns the reply to the query. The error is errStalled if the connection seems to be
// dead.
func (q *pipelinedQuery) await(ctx context.Context, m *message) (*dns.Msg, error) {
	var packet []byte
	var stalled <-chan time.Time
	if q.stall > 0 {
		timer := time.NewTimer(q.stall)
		defer timer.Stop()
		stalled = timer.C
	}
	for packet == nil {
		select {
		case packet = <-q.reply:
		case <-q.done:
			select {
			case packet = <-q.reply: // was the last thing to come
			default:
				return nil, q.err
			}
		case <-stalled:
			if q.isSilent() {
				q.end(errStalled) // for all queries in flight
			}
		case <-ctx.Done():
			q.abandon(errors.Is(ctx.Err(), context.DeadlineExceeded))
			return nil, ctx.Err()
		}
	}
	msg, err := m.accept(packet, maxMessage)
	if errors.Is(err, errNotReply) {
		err = m.describe(packet)
		q.end(err)
	}
	return msg, err
}

// mayRetry reports whether the reason why there is no reply may have nothing to do with the
// query: it was not the only one on the connection.
func (q *pipelinedQuery) mayRetry() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.queries > 1 && q.conn != nil
}

// isSilent reports whether nothing came since the query was sent.
func (q *pipelinedQuery) isSilent() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.heard == q.stream.heard
}

// abandon gives the query up. If it was too late, and nothing came over the connection all
// the time, there are no new queries over it.
func (q *pipelinedQuery) abandon(late bool) {
	q.mu.Lock()
	var err error
	if q.inFlight[q.id] == q.reply {
		q.inFlight[q.id] = nil
		q.waiting--
		q.retired = q.retired || late && q.heard == q.stream.heard
		err = q.setIdleDeadline()
	}
	q.mu.Unlock()
	q.end(err)
}

// retire lets the stream take no new queries.
func (s *stream) retire() {
	s.mu.Lock()
	s.retired = true
	err := s.setIdleDeadline()
	s.mu.Unlock()
	s.end(err)
}

// setIdleDeadline sets the time until which the stream may be idle, if it is idle. An error is
// a reason to end it. The caller holds the lock.
func (s *stream) setIdleDeadline() error {
	switch {
	case s.waiting > 0 || s.err != nil:
		return nil
	case s.retired || s.conn == nil:
		return errRetired
	}
	return s.conn.SetReadDeadline(time.Now().Add(idleTimeout))
}

// closeIdle ends the stream if no query is in flight.
func (s *stream) closeIdle() {
	s.mu.Lock()
	waiting := s.waiting
	s.mu.Unlock()
	if waiting == 0 {
		s.end(errRetired)
	}
}

// end ends the stream if there is an error, and it has not ended yet.
func (s *stream) end(err error) {
	s.mu.Lock()
	if err == nil || s.err != nil {
		s.mu.Unlock()
		return
	}
	s.err = err
	conn := s.conn
	s.mu.Unlock()
	close(s.done)
	s.stop()
	// This ends the Read of run, which closes the connection as TLS wants it. That may
	// take time.
	if conn != nil && conn.SetDeadline(time.Unix(1, 0)) != nil {
		conn.Close()
	}
	s.onEnd(s)
}

// run makes the connection and reads from it until it ends.
func (s *stream) run(patience time.Duration, connect func() (net.Conn, error)) {
	defer s.stop()
	conn, err := connect()
	if err != nil {
		s.end(err)
		return
	}
	defer conn.Close()
	s.mu.Lock()
	s.conn = conn
	ended := s.err != nil
	s.mu.Unlock()
	if ended {
		return
	}
	go s.write(conn, patience)
	for err == nil {
		err = s.read(conn)
	}
	s.end(s.reason(err))
}

// write sends queries until the stream ends.
func (s *stream) write(conn net.Conn, patience time.Duration) {
	for {
		select {
		case frame := <-s.out:
			conn.SetWriteDeadline(time.Now().Add(patience))
			if _, err := conn.Write(frame); err != nil {
				s.readLast(conn, err)
				return
			}
		case <-s.done:
			return
		}
	}
}

// lastReads is how long replies are read when no query can be sent any more. They have come, as a
// rule, and so has the end: a server that is through with a connection sends both.
const lastReads = 100 * time.Millisecond

// readLast is for a Write that failed. The server may have closed the connection after a reply to
// another query, which is still to be read. The stream ends then.
func (s *stream) readLast(conn net.Conn, failure error) {
	s.mu.Lock()
	s.retired, s.unsent = true, failure
	waiting := s.waiting
	s.mu.Unlock()
	if waiting < 2 || isTimeout(failure) || conn.SetReadDeadline(time.Now().Add(lastReads)) != nil {
		s.end(failure)
	}
}

// reason returns why the stream ends when a Read has failed.
func (s *stream) reason(failure error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.unsent, failure)
}

// read reads one message and hands it to the query that waits for it.
func (s *stream) read(conn io.Reader) error {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return err
	}
	packet := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, packet); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	if len(packet) < headerSize {
		return errNoHeader
	}
	id := binary.BigEndian.Uint16(packet)
	s.mu.Lock()
	defer s.mu.Unlock()
	reply, ok := s.inFlight[id]
	if !ok {
		return errNotReply
	}
	delete(s.inFlight, id)
	s.heard++
	if reply == nil {
		return nil // it was given up
	}
	reply <- packet
	s.waiting--
	return s.setIdleDeadline()
}
