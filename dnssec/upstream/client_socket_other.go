//go:build !unix || solaris || illumos || aix

package upstream

// socketsServeAgain: there is no way here to tell whether a socket is silent.
const socketsServeAgain = false

func (s *socket) isSilent() bool { return false }
