package upstream

import (
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

// socketLife is for how long queries go out from one port: no longer than one of them may
// wait there for its reply, which is the time that who looks for the port to forge a reply
// has anyway (RFC 5452 §4.5).
const socketLife = defaultTimeout

// maxIdleSockets bounds those that are kept. It is enough for a forwarder, or for the
// servers of a large zone, and few of the files that a process may have open.
const maxIdleSockets = 256

// errStale is the failure of a socket that was in use before. A new one may do better.
var errStale = errors.New("socket is out of use")

// A socket is for UDP, and connected: the kernel sees to the source of packets. It serves
// one query at a time, so that those sent at once have different ports (RFC 5452 §9.2).
type socket struct {
	net.Conn
	raw     syscall.RawConn // nil if there is none
	server  string          // its address
	expires time.Time
	reused  bool
}

// sockets are those that have brought the reply to their last query, and wait for another
// one to the same server: it takes longer to open one than to use it. They close when they
// expire, and when there are too many. The zero sockets are none.
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

// closeExpired is called by the timer as long as there are sockets.
func (s *sockets) closeExpired() {
	now := time.Now()
	s.close(func(socket *socket) bool { return !now.Before(socket.expires) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) > 0 {
		s.timer.Reset(socketLife)
	}
}

// closeThoseTo closes what is connected to a server that does not answer: perhaps our address
// is another one than when they were opened.
func (s *sockets) closeThoseTo(server string) {
	s.close(func(socket *socket) bool { return socket.server == server })
}

func (s *sockets) closeAll() { s.close(func(*socket) bool { return true }) }

// close closes the idle sockets that are to be closed.
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

// failure is that of a Read or Write.
func (s *socket) failure(err error) error {
	if s.reused {
		return errStale
	}
	return err
}
