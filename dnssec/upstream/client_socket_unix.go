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
	var problem error
	err := s.raw.Read(func(fd uintptr) (done bool) {
		var packet [1]byte
		_, problem = syscall.Read(int(fd), packet[:])
		return true
	})
	return err == nil && errors.Is(problem, syscall.EAGAIN)
}
