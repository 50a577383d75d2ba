package clients

import (
	"context"
	"errors"

	"github.com/danesmtp/danesmtp/dane"
)

// A Send sends a message over a connection that is ready for it: encrypted and authenticated as
// it must be. It must not start TLS. It returns nil once the server has taken the message,
// whatever becomes of the connection then.
type Send func(conn *dane.Conn) error

// Deliver sends a message to the first host of a domain that is fit for it and takes it. The
// deadline of ctx is that of the whole delivery. What the error means says dane.Classify.
func Deliver(ctx context.Context, v *dane.Verifier, domain string, send Send) error {
	d, err := v.LookupMX(ctx, domain)
	if err != nil {
		return err
	}
	for _, mx := range d.MX {
		conn, failed := v.Connect(ctx, v.LookupHost(ctx, d, mx))
		if failed == nil {
			failed = conn.MessageError(send(conn))
			conn.Close()
			if failed == nil || dane.Classify(failed).Permanent {
				return failed
			}
		}
		err = errors.Join(err, failed)
	}
	return err
}
