package smtptest

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// streamSize is how much one side may write before the other has to read.
const streamSize = 1 << 16

// newPipe returns the two ends of a connection in memory, which behaves as one of TCP
// where net.Pipe does not:
//
//   - It buffers: in TLS, both sides write at the same time when one turns down the
//     other's certificate, or when both close.
//   - What is written to an end that has been closed is lost, and only the next write
//     fails. So a client may take leave of TLS although the server has closed after
//     QUIT. If that were an error, clients would take a message that was accepted for
//     one that was not, and send it twice.
func newPipe(client, server netip.AddrPort) (net.Conn, net.Conn) {
	up, down := newStream(), newStream()
	local, remote := net.TCPAddrFromAddrPort(client), net.TCPAddrFromAddrPort(server)
	return &end{in: down, out: up, local: local, remote: remote},
		&end{in: up, out: down, local: remote, remote: local}
}

// An end is one end of a connection: a net.Conn.
type end struct {
	in, out       *stream
	local, remote net.Addr
}

func (e *end) Read(b []byte) (int, error)  { return e.in.read(b) }
func (e *end) Write(b []byte) (int, error) { return e.out.write(b) }
func (e *end) LocalAddr() net.Addr         { return e.local }
func (e *end) RemoteAddr() net.Addr        { return e.remote }

func (e *end) Close() error {
	e.in.close(&e.in.readerGone)
	e.out.close(&e.out.writerGone)
	return nil
}

func (e *end) SetDeadline(t time.Time) error {
	e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}

func (e *end) SetReadDeadline(t time.Time) error {
	e.in.setDeadline(&e.in.readBy, t)
	return nil
}

func (e *end) SetWriteDeadline(t time.Time) error {
	e.out.setDeadline(&e.out.writeBy, t)
	return nil
}

// A stream is one direction of a connection.
type stream struct {
	mu                     sync.Mutex
	changed                *sync.Cond
	data                   []byte
	readerGone, writerGone bool
	reset                  bool // the writer has been told, or would have been, that the reader is gone
	readBy, writeBy        *deadline
}

// A deadline is replaced by a new one, never set again, so that a timer that fires
// late does no harm.
type deadline struct {
	timer  *time.Timer
	passed bool
}

func newStream() *stream {
	s := &stream{readBy: new(deadline), writeBy: new(deadline)}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.readerGone:
			return 0, net.ErrClosed
		case s.readBy.passed:
			return 0, os.ErrDeadlineExceeded
		case len(s.data) > 0:
			n := copy(b, s.data)
			s.data = s.data[n:]
			s.changed.Broadcast()
			return n, nil
		case s.writerGone:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

// write waits until all octets are in the buffer. With the reader gone, TCP sends the
// octets, and hears only then that they are unwanted, by a reset (RFC 9293 §3.5.2). If the
// reader left octets unread, the reset has come with its close (RFC 2525 §2.17).
func (s *stream) write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readerGone && !s.reset && !s.writerGone && !s.writeBy.passed {
		s.reset = len(b) > 0
		return len(b), nil
	}
	written := 0
	for {
		switch {
		case s.writerGone:
			return written, net.ErrClosed
		case s.writeBy.passed:
			return written, os.ErrDeadlineExceeded
		case s.readerGone:
			return written, io.ErrClosedPipe
		case written == len(b):
			return written, nil
		}
		if n := min(streamSize-len(s.data), len(b)-written); n > 0 {
			s.data = append(s.data, b[written:written+n]...)
			written += n
			s.changed.Broadcast()
			continue
		}
		s.changed.Wait()
	}
}

func (s *stream) close(gone *bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*gone = true
	s.reset = s.reset || s.readerGone && len(s.data) > 0
	if s.readerGone && s.writerGone {
		s.readBy.stop()
		s.writeBy.stop()
	}
	s.changed.Broadcast()
}

func (s *stream) setDeadline(by **deadline, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	(*by).stop()
	next := new(deadline)
	*by = next
	if t.IsZero() {
		return
	}
	if wait := time.Until(t); wait > 0 {
		next.timer = time.AfterFunc(wait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			next.passed = true
			s.changed.Broadcast()
		})
		return
	}
	next.passed = true
	s.changed.Broadcast()
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
}
