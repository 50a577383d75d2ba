//go:build unix && !solaris && !illumos && !aix

package upstream

import (
	"errors"
	"syscall"
)

// socketsServeAgain: whether a socket is silent can be found out here.
const socketsServeAgain = true

// isSilent reports whether nothing has come, be it a packet or an error. It does not wait,
// and takes what has come; the deadline must not be over.
func (s *socket) isSilent() bool {
	var problem error
	err := s.raw.Read(func(fd uintptr) (done bool) {
		var packet [1]byte
		_, problem = syscall.Read(int(fd), packet[:])
		return true
	})
	return err == nil && errors.Is(problem, syscall.EAGAIN)
}
