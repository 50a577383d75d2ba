package nsupdate

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/miekg/dns"
)

// A Client talks to the primary server of a zone.
type Client struct {
	Address string // host and port
	Key     *Key
	Dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil means a net.Dialer
	Timeout time.Duration                                                        // for one exchange; 0 means 20 seconds
	Time    func() time.Time                                                     // nil means time.Now
}

const defaultTimeout = 20 * time.Second

// ErrNoReply is part of the errors after which nobody knows whether an update was done: it was
// sent, and nothing came back that can be trusted.
var ErrNoReply = errors.New("so it is not known what the server has done")

// Update sends a change. The error is a [*Refusal] if the server has not done it, and
// contains [ErrNoReply] if that is not known.
func (c *Client) Update(ctx context.Context, change *Change) error {
	reply, sent, err := c.exchange(ctx, change.Message())
	refusal, refused := errors.AsType[*Refusal](err)
	switch {
	case err != nil && sent && !(refused && refusal.Signed):
		return fmt.Errorf("%w; %w", err, ErrNoReply)
	case err != nil:
		return err
	case reply.Rcode != dns.RcodeSuccess:
		return &Refusal{RCode: reply.Rcode, Signed: true}
	}
	return nil
}

// exchange sends a message, and returns the reply if it is signed with the key. The server
// may have got the message if it was sent.
func (c *Client) exchange(ctx context.Context, m *dns.Msg) (reply *dns.Msg, sent bool, err error) {
	limit := c.Timeout
	if limit == 0 {
		limit = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	packed, mac, err := c.Key.sign(m, c.now())
	if err != nil {
		return nil, false, err
	}
	if len(packed) > dns.MaxMsgSize {
		return nil, false, errors.New("the set is too large for a message")
	}
	dial := c.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", c.Address)
	if err != nil {
		return nil, false, fmt.Errorf("%s cannot be reached over TCP: %w", c.Address, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) }) // ends what hangs
	defer stop()
	raw, err := roundTrip(conn, packed)
	if err != nil && ctx.Err() != nil {
		return nil, true, fmt.Errorf("%s does not reply within %s: look whether it serves TCP, and no firewall keeps it away", c.Address, limit)
	}
	if err != nil {
		return nil, true, fmt.Errorf("%s ends the connection: %w", c.Address, err)
	}
	if reply, err = c.Key.verify(raw, mac, c.now()); err != nil {
		return nil, true, err
	}
	if reply.Id != m.Id || !reply.Response || reply.Opcode != m.Opcode || reply.Truncated {
		return nil, true, errors.New("the reply is to another message, or cut short (TC) though it came over TCP")
	}
	return reply, true, nil
}

func (c *Client) now() time.Time {
	if c.Time == nil {
		return time.Now()
	}
	return c.Time()
}

// roundTrip writes a message, and reads one (RFC 1035 §4.2.2).
func roundTrip(conn net.Conn, packed []byte) ([]byte, error) {
	framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(packed))), packed...)
	if _, err := conn.Write(framed); err != nil {
		return nil, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	reply := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(conn, reply)
	return reply, err
}
