package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/examples/internal/daemon"
)

const (
	// idleTimeout is how long a connection may be without a request. Postfix keeps its own for
	// ipc_idle and ipc_ttl, which are shorter.
	idleTimeout = 20 * time.Minute
	// requestTimeout is how long a request may take to come, from its first octet on, and a
	// reply to be taken.
	requestTimeout = 10 * time.Second
)

// A server speaks the socketmap protocol (socketmap_table(5)): a request and a reply after the
// other, each a netstring, on connections that last.
type server struct {
	service     *service
	connections int // that there may be at each listener
	log         *slog.Logger

	crowded, refused, broken daemon.Seldom // warnings

	mu     sync.Mutex
	limits []*daemon.Limit
	open   map[net.Conn]struct{}
	ending bool
	done   sync.WaitGroup
}

// serve serves a listener until it is closed.
func (s *server) serve(ctx context.Context, l net.Listener) error {
	limit := &daemon.Limit{Listener: l, Connections: s.connections, Closed: func(remote net.Addr, idle time.Duration) {
		s.service.metrics.closed.Add(1)
		s.warn(&s.crowded, "too many connections: closed the one that was idle for the longest", "remote", remote.String(), "idle", idle)
	}}
	s.mu.Lock()
	s.limits = append(s.limits, limit)
	s.mu.Unlock()
	for {
		conn, err := limit.Accept()
		if err != nil {
			var timeout interface{ Temporary() bool }
			if errors.As(err, &timeout) && timeout.Temporary() && ctx.Err() == nil {
				s.log.Warn("no connection", "err", err)
				time.Sleep(100 * time.Millisecond) // no file descriptors; some may be closed
				continue
			}
			return err
		}
		s.service.metrics.connections.Add(1)
		if !s.enter(conn) {
			conn.Close()
			continue
		}
		go func() {
			defer s.leave(conn)
			s.converse(ctx, conn)
		}()
	}
}

func (s *server) enter(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return false
	}
	if s.open == nil {
		s.open = make(map[net.Conn]struct{})
	}
	s.open[conn] = struct{}{}
	s.done.Add(1)
	return true
}

func (s *server) leave(conn net.Conn) {
	defer s.done.Done()
	conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, conn)
}

// openConnections returns how many there are.
func (s *server) openConnections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// converse answers the requests of a connection.
func (s *server) converse(ctx context.Context, conn net.Conn) {
	r := bufio.NewReaderSize(conn, maxRequest)
	for {
		request, err := s.next(conn, r)
		answer := reply{perm, ""}
		switch {
		case errors.Is(err, errTooLong):
			s.service.metrics.malformed.Add(1)
			s.warn(&s.refused, "request refused", "remote", conn.RemoteAddr().String(), "err", err)
			answer.text = "the key is " + err.Error()
		case err != nil:
			s.complain(conn, err)
			return
		default:
			key, err := splitRequest(request)
			if err != nil {
				s.service.metrics.malformed.Add(1)
				s.warn(&s.refused, "request refused", "remote", conn.RemoteAddr().String(), "err", err)
				answer.text = err.Error()
				break
			}
			answer, _ = s.service.answer(ctx, key)
		}
		conn.SetWriteDeadline(time.Now().Add(requestTimeout))
		if _, err := io.WriteString(conn, netstring(answer.String())); err != nil {
			s.complain(conn, err)
			return
		}
	}
}

// next waits for a request, and reads it.
func (s *server) next(conn net.Conn, r *bufio.Reader) (string, error) {
	s.readBefore(conn, idleTimeout)
	if _, err := r.Peek(1); err != nil {
		return "", err
	}
	s.readBefore(conn, requestTimeout)
	request, err := readNetstring(r)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errors.New("the rest of a request did not come")
	}
	return request, err
}

// readBefore sets the time for what is to be read next: none if the server is to end, as stop has
// it.
func (s *server) readBefore(conn net.Conn, timeout time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ending {
		conn.SetReadDeadline(time.Now().Add(timeout))
	}
}

// complain logs why a connection ends, if that is not in the order of things.
func (s *server) complain(conn net.Conn, err error) {
	switch {
	case err == io.EOF, errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded): // idle, or stopped
		s.log.Debug("connection ended", "remote", conn.RemoteAddr().String(), "err", err)
		return
	case errors.Is(err, errNetstring):
		s.service.metrics.malformed.Add(1)
	}
	s.warn(&s.broken, "connection closed", "remote", conn.RemoteAddr().String(), "err", err)
}

// warn logs what clients can bring about as often as they like.
func (s *server) warn(seldom *daemon.Seldom, text string, args ...any) {
	if leftOut, ok := seldom.Now(); ok {
		s.log.Warn(text, append(args, "unlogged", leftOut)...)
	}
}

// stop closes the listeners, and waits until the requests that have come are answered, or the
// context ends.
func (s *server) stop(ctx context.Context) {
	s.mu.Lock()
	s.ending = true
	for _, l := range s.limits {
		l.Close()
	}
	for conn := range s.open {
		conn.SetReadDeadline(time.Unix(1, 0)) // ends those that wait for a request
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.done.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		s.mu.Lock()
		for conn := range s.open {
			conn.Close()
		}
		s.mu.Unlock()
	}
}
