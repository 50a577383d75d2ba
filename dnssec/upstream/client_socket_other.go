//go:build !unix || solaris || illumos || aix

package upstream

import "errors"

// socketsServeAgain says whether idle sockets are used again. They are not: there is no way
// here to tell whether a packet has come to one meanwhile.
const socketsServeAgain = false

func (s *socket) isSilent() bool { return false }

func (s *socket) hasPacket() bool { return false }

// waitsWithoutBuffer says whether readWaiting can be used.
const waitsWithoutBuffer = false

func (s *socket) readWaiting() (packet, error) { return packet{}, errors.ErrUnsupported }
