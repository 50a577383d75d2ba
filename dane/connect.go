package dane

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"time"
)

// Connect makes a connection to a host that is ready for mail, and as safe as the host
// demands: it tries the addresses in order, four at most, and with each goes through
// STARTTLS. A server that is busy (421) is tried once more after a second. Where STARTTLS is
// refused, or the handshake fails, it goes on in the way that Host.Fallback allows, if there
// is one, on a new connection; no other failure weakens anything.
//
// What must be done about TLS is done when Connect returns. The SMTP client that gets the
// Conn must not start TLS again.
//
// The context is that of the connection, too: when it ends, whoever reads from the Conn or
// writes to it gets its error at once, and the connection is closed. So its deadline is that
// of the whole delivery, and it must not be one that ends when the connection is made, as the
// context of a function that an SMTP client dials by. AttemptTimeout bounds each connection, of
// which an address may get four: one more where the server is busy, and the same for Fallback.
// All hosts of the Domain but the last, and all addresses of a host but the last, have half of the
// time until the deadline at most, as has a handshake that may fail; so those that hang do not take
// it all, today and at the next try. Without a deadline nothing bounds the message; half an hour is
// enough for three hosts, and for ten minutes after its end (RFC 5321 §4.5.3.2.6).
//
// The error is of type *Error; Classify says what it means. It is that of Host.Err where the
// host is to be skipped, and otherwise has the Attempts, and wraps their errors, as a rule of
// type *smtpprobe.Error with the stage and the server's own words. After any error the next
// host may be tried; where the last one has failed the message stays queued, unless Classify
// says of all errors joined that they are permanent.
func (v *Verifier) Connect(ctx context.Context, h *Host) (*Conn, error) {
	addrs, err := v.addressesOf(h)
	if err != nil {
		return nil, err
	}
	hostCtx, cancel := leavingTime(ctx, h.later)
	defer cancel()
	var failed []Attempt
	for i, addr := range addrs {
		c := v.attemptWithin(hostCtx, h, addr, len(addrs)-1-i)
		c.Attempt.outlived(ctx)
		if c.Attempt.Err == nil {
			c.Failed = failed
			c.bind(ctx) // before the hook, which may panic: the context closes the connection then
		}
		contextTrace(ctx).attempt(h, c.Attempt)
		if c.Attempt.Err == nil {
			return c, nil
		}
		failed = append(failed, c.Attempt)
		if hostCtx.Err() != nil {
			break
		}
	}
	return nil, h.unreachable(failed, len(failed) < len(h.Addrs) || h.Omitted > 0)
}

// addressesOf returns the addresses of a host to connect to.
func (v *Verifier) addressesOf(h *Host) (addrs []netip.AddrPort, err error) {
	if h == nil {
		h = new(Host)
	}
	switch h.Action {
	case MustAuthenticate, MustEncrypt, MayEncrypt, SendClear:
	default:
		if _, ok := errors.AsType[*Error](h.Err); ok {
			return nil, h.Err
		}
		return nil, &Error{Domain: h.Domain, Host: h.Name, Err: cmp.Or(h.Err, ErrSkipped)}
	}
	err = ErrNoAddress
	// A route is the sender's own choice.
	_, literal := parseLiteral(h.Name)
	chosen := h.Routed && literal && h.Domain != h.Name
	for _, addr := range h.Addrs {
		switch {
		case !chosen && !v.allows(addr): // somebody has put it there
			err = ErrRefusedAddress
		case len(addrs) < maxAttemptsPerHost:
			addrs = append(addrs, netip.AddrPortFrom(addr, cmp.Or(h.Port, v.port())))
		}
	}
	if len(addrs) == 0 {
		return nil, &Error{Domain: h.Domain, Host: h.Name, Err: err}
	}
	return addrs, nil
}

// attemptWithin leaves time for the addresses that come after this one.
func (v *Verifier) attemptWithin(ctx context.Context, h *Host, addr netip.AddrPort, after int) *Conn {
	own, cancel := leavingTime(ctx, after)
	defer cancel()
	c := v.attempt(own, h, addr, true)
	c.Attempt.outlived(ctx)
	return c
}

// leavingTime returns a context for half of the time until the deadline, if others come after.
func leavingTime(ctx context.Context, after int) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok && after > 0 {
		return context.WithTimeout(ctx, time.Until(deadline)/2)
	}
	return ctx, func() {}
}

// unreachable is the error of a host none of whose addresses can be delivered to. It is
// permanent if that of each is, and there are no others.
func (h *Host) unreachable(failed []Attempt, untried bool) error {
	var causes []error
	for _, a := range failed {
		causes = append(causes, a.Err)
	}
	err := &Error{Domain: h.Domain, Host: h.Name, Err: errors.Join(causes...), Attempts: failed, host: h, untried: untried}
	if len(causes) == 1 {
		err.Err = causes[0]
	}
	return err.conclude()
}
