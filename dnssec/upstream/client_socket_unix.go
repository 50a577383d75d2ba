//go:build unix && !solaris && !illumos && !aix

package upstream

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// socketsServeAgain says whether idle sockets are used again. Here isSilent can tell that no
// packet has come to one meanwhile.
const socketsServeAgain = true

// isSilent reports whether neither a packet nor an error has come. It does not wait, and takes
// what has come. The deadline must not be over.
func (s *socket) isSilent() bool {
	if s.look == nil {
		s.look = s.lookOnce
	}
	err := s.raw.Read(s.look)
	return err == nil && errors.Is(s.seen, syscall.EAGAIN)
}

func (s *socket) lookOnce(fd uintptr) (done bool) {
	var packet [1]byte
	_, s.seen = syscall.Read(int(fd), packet[:])
	return true
}

// hasPacket reports whether a packet or an error has come. It does not wait, and leaves it
// there. The deadline must not be over.
func (s *socket) hasPacket() bool {
	if s.raw == nil {
		return false
	}
	var problem error
	err := s.raw.Read(func(fd uintptr) (done bool) {
		var packet [1]byte
		_, _, problem = syscall.Recvfrom(int(fd), packet[:], syscall.MSG_PEEK)
		return true
	})
	return err == nil && !errors.Is(problem, syscall.EAGAIN)
}

// waitsWithoutBuffer says whether readWaiting can be used.
const waitsWithoutBuffer = true

// readWaiting is readPacket without a buffer until there is a datagram. It takes no more system
// calls than a Read: one that finds nothing, and one that finds the datagram.
func (s *socket) readWaiting() (packet, error) {
	if s.read == nil {
		s.read = s.readOnce
	}
	if err := s.raw.Read(s.read); err != nil {
		return packet{}, err
	}
	p := s.packet
	s.packet = packet{}
	if s.seen != nil {
		cause := os.NewSyscallError("read", s.seen)
		return p, &net.OpError{Op: "read", Net: "udp", Source: s.LocalAddr(), Addr: s.RemoteAddr(), Err: cause}
	}
	return p, nil
}

func (s *socket) readOnce(fd uintptr) (done bool) {
	p := newPacket(0)
	n, err := syscall.Read(int(fd), p.octets)
	for errors.Is(err, syscall.EINTR) {
		n, err = syscall.Read(int(fd), p.octets)
	}
	if err != nil {
		p.release()
		s.seen = err
		return !errors.Is(err, syscall.EAGAIN)
	}
	p.octets = p.octets[:n]
	s.packet, s.seen = p, nil
	return true
}
