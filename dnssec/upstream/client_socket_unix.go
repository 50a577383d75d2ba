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
