package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/miekg/dns"
)

// overStream asks over TCP or TLS. If there is no reply because a connection ends that other
// queries used, too, the query is sent again, once, over a new connection (RFC 7766 §6.2.4).
// So it is if the connection was idle and seems to be dead, and the one after it, too.
func (c *Client) overStream(caller context.Context, e *endpoint, m *message) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(caller, c.timeout())
	defer cancel()
	if e.network == "tls" {
		var err error
		if m, err = m.padded(); err != nil {
			return nil, err
		}
	}
	q := c.pipeline(ctx, *e, m, false)
	msg, err := q.await(ctx, m)
	switch {
	case err == nil, isUnusableReply(err), ctx.Err() != nil:
	case errors.Is(err, errStalled):
		// Other queries may have made a new connection. It may be dead as well, if it was idle.
		for _, fresh := range [...]bool{false, true} {
			if !errors.Is(err, errStalled) {
				break
			}
			q = c.pipeline(ctx, *e, m, fresh)
			q.stall = 0
			msg, err = q.await(ctx, m)
		}
	case q.mayRetry():
		msg, err = c.pipeline(ctx, *e, m, true).await(ctx, m)
	}
	if err != nil && !isUnusableReply(err) {
		return nil, cause(caller, ctx, err, new(timeoutError))
	}
	return msg, err
}

// pipeline sends the query over the connection that is open, or over a new one, which takes
// its place.
func (c *Client) pipeline(ctx context.Context, e endpoint, m *message, fresh bool) *pipelinedQuery {
	c.mu.Lock()
	old := c.stream
	if old != nil && !fresh {
		if q := old.pipeline(m); q != nil {
			c.mu.Unlock()
			return q
		}
	}
	// The connection may serve other queries, too, and so does not end with ctx.
	dialing, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &stream{
		out: make(chan []byte, maxInFlight), done: make(chan struct{}), onEnd: c.forget, stop: stop,
		inFlight: make(map[uint16]chan []byte), stall: c.stallTime(),
	}
	q := s.pipeline(m) // there is room
	c.stream = s
	c.mu.Unlock()
	if old != nil {
		old.retire()
	}
	go s.run(c.timeout(), func() (net.Conn, error) {
		if e.network == "tls" {
			return c.dialTLS(dialing, e)
		}
		return c.dial(dialing, "tcp", e.address)
	})
	return q
}

// forget makes room for another connection.
func (c *Client) forget(s *stream) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream == s {
		c.stream = nil
	}
}

// stallTime is how long a connection that was idle may bring nothing after a query: a second
// by default, so that there is time for a new connection.
func (c *Client) stallTime() time.Duration { return c.timeout() / 5 }

// dialTLS connects to a server, and verifies that it is the right one.
func (c *Client) dialTLS(ctx context.Context, e endpoint) (net.Conn, error) {
	c.mu.Lock()
	if c.config == nil {
		c.config = tlsConfig(c.TLS, e)
		defer readSystemRoots(c.config)()
	}
	config := c.config
	c.mu.Unlock()
	conn, err := c.dial(ctx, "tcp", e.address)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}
