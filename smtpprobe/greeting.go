package smtpprobe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// errImplicitTLS: the server waits for TLS, or speaks it, where SMTP begins in clear.
var errImplicitTLS = fmt.Errorf("%w: the server speaks TLS at once, as on port 465 (RFC 8314)", ErrReply)

// readGreeting reads what the server says first. Servers that speak TLS at once
// (RFC 8314 §3.3) say nothing, as tarpits do, so that one that is silent is asked for
// TLS just before the time is up.
func (c *conversation) readGreeting(ctx context.Context) (Reply, error) {
	end := time.Now().Add(c.timeout)
	last := end
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(last) {
		last = deadline
	}
	c.conn.SetReadDeadline(last.Add(-min(maxImplicitTLS, time.Until(last)/10)))
	first, err := c.in.Peek(2)
	c.conn.SetReadDeadline(end)
	switch {
	case isTLS(first):
		return Reply{}, errImplicitTLS
	case len(first) == 0 && errors.Is(err, os.ErrDeadlineExceeded):
		if c.waitsForTLS(ctx) {
			return Reply{}, errImplicitTLS
		}
		return Reply{}, err
	case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
		return Reply{}, err
	}
	return readReply(c.in, false)
}

// isTLS reports whether a record of TLS begins so, with its type and the first octet
// of its version (RFC 8446 §5.1). No reply does.
func isTLS(first []byte) bool {
	const alert, handshake, major = 21, 22, 3
	return len(first) == 2 && (first[0] == alert || first[0] == handshake) && first[1] == major
}

// waitsForTLS reports whether the server answers TLS with TLS. The connection is of
// no use afterwards.
func (c *conversation) waitsForTLS(ctx context.Context) bool {
	conn := &startOf{Conn: c.conn}
	// Nobody is trusted, and nothing is sent.
	config := &tls.Config{ServerName: c.result.Addr.Addr().String(), RootCAs: x509.NewCertPool()}
	tls.Client(conn, config).HandshakeContext(ctx) // fails
	return isTLS(conn.first)
}

// A startOf is a connection that ends after the first two octets, and keeps them.
type startOf struct {
	net.Conn
	first []byte
}

func (s *startOf) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.first = append(s.first, p[:min(n, 2-len(s.first))]...)
	if len(s.first) == 2 {
		return 0, io.EOF
	}
	return n, err
}
