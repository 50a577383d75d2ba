package upstream

import (
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

// socketLife is how long queries go out from one port. One query may wait there for its reply
// that long anyway, so a forger who looks for the port has no more time (RFC 5452 §4.5).
const socketLife = defaultTimeout

// maxIdleSockets bounds the idle sockets that are kept. It is enough for a forwarder, or for
// the servers of a large zone, and few of the files that a process may have open.
const maxIdleSockets = 256

// errStale is the failure of a socket that was in use before. A new one may do better.
var errStale = errors.New("socket is out of use")

// A socket is a connected one for UDP: the kernel drops packets from other sources. It serves
// one query at a time, so that queries at the same time have different ports (RFC 5452 §9.2).
type socket struct {
	net.Conn
	raw     syscall.RawConn // nil if the connection has none
	own     bool            // made here, and not by Dial, whose connections may have a Read of their own
	server  string          // its address
	expires time.Time
	reused  bool

	look, read func(fd uintptr) (done bool) // lookOnce and readOnce; nil until needed
	seen       error                        // by them
	packet     packet                       // by readOnce
}

// sockets keeps idle sockets for the next query to the same server, since it takes longer to
// open one than to use it. They are closed when they expire, and when there are too many. The
// zero value is empty.
type sockets struct {
	mu    sync.Mutex
	idle  []*socket // the latest last
	timer *time.Timer
}

// take returns a socket that is connected to the server, or nil.
func (s *sockets) take(server string) *socket {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, socket := range slices.Backward(s.idle) {
		if socket.server == server && now.Before(socket.expires) {
			s.idle = slices.Delete(s.idle, i, i+1)
			socket.reused = true
			return socket
		}
	}
	return nil
}

// put keeps a socket.
func (s *sockets) put(socket *socket) {
	s.mu.Lock()
	var oldest net.Conn
	if len(s.idle) >= maxIdleSockets {
		oldest = s.idle[0]
		s.idle = slices.Delete(s.idle, 0, 1)
	}
	s.idle = append(s.idle, socket)
	switch {
	case s.timer == nil:
		s.timer = time.AfterFunc(socketLife, s.closeExpired)
	case len(s.idle) == 1:
		s.timer.Reset(socketLife)
	}
	s.mu.Unlock()
	if oldest != nil {
		oldest.Close()
	}
}

// closeExpired is called by the timer while there are sockets.
func (s *sockets) closeExpired() {
	now := time.Now()
	s.close(func(socket *socket) bool { return !now.Before(socket.expires) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) > 0 {
		s.timer.Reset(socketLife)
	}
}

// closeThoseTo closes the sockets to a server that does not answer. Perhaps our address has
// changed since they were opened.
func (s *sockets) closeThoseTo(server string) {
	s.close(func(socket *socket) bool { return socket.server == server })
}

func (s *sockets) closeAll() { s.close(func(*socket) bool { return true }) }

// close closes the idle sockets for which the function reports true.
func (s *sockets) close(which func(*socket) bool) {
	s.mu.Lock()
	var closing []*socket
	s.idle = slices.DeleteFunc(s.idle, func(socket *socket) bool {
		if !which(socket) {
			return false
		}
		closing = append(closing, socket)
		return true
	})
	s.mu.Unlock()
	for _, socket := range closing {
		socket.Close()
	}
}

// failure returns the error of a Read or Write.
func (s *socket) failure(err error) error {
	if s.reused {
		return errStale
	}
	return err
}
