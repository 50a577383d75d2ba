//go:build unix && !solaris && !illumos && !aix

package upstream

import (
	"errors"
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
