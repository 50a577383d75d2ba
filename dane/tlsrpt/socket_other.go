//go:build !unix

package tlsrpt

import "errors"

// write fails: there are no UNIX datagram sockets.
func write(string, []byte) error { return errors.ErrUnsupported }
