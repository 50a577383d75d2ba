// Package aftertls is a queue that looks MX records up itself, and whose SMTP client does TLS by
// itself: it takes STARTTLS where it is offered and verifies nobody. What that is worth is found
// out after the handshake, before MAIL.
package aftertls

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
)

// A Client is a connection of the queue's SMTP client, after STARTTLS and EHLO.
type Client interface {
	Conn() net.Conn
	// State is that of TLS, and zero in clear.
	State() tls.ConnectionState
	Send() error
	Close() error
}

// A Queue delivers one message at a time.
type Queue struct {
	Verifier *dane.Verifier
	// LookupMX is the queue's own. Authentic: it was validated, by a resolver on this machine.
	LookupMX func(ctx context.Context, domain string) (mx []*net.MX, authentic bool, err error)
	// Connect connects to an address, and does STARTTLS unless it is to be left out. An error of
	// STARTTLS is a *smtpprobe.Error, so that it is known where it comes from.
	Connect func(ctx context.Context, addr netip.AddrPort, serverName string, noTLS bool) (Client, error)
}

// Deliver sends to the first host of a domain that is fit for it and takes it. The error is
// permanent if the message is to bounce.
func (q *Queue) Deliver(ctx context.Context, domain string) (permanent bool, err error) {
	hosts, authentic, err := q.LookupMX(ctx, domain)
	if err != nil {
		return false, err // what cannot be looked up is not delivered
	}
	status := dnssec.Insecure
	if authentic {
		status = dnssec.Secure
	}
	var mx []dane.MX
	for _, h := range hosts {
		mx = append(mx, dane.MX{Preference: h.Pref, Host: h.Host})
	}
	d, err := dane.NewDomain(domain, status, mx...)
	if err != nil {
		return dane.Classify(err).Permanent, err
	}
	for _, mx := range d.MX {
		h := q.Verifier.LookupHost(ctx, d, mx)
		failed := h.Err // why it is skipped
		for _, addr := range h.Addrs {
			client, used, broken := q.connect(ctx, h, addr)
			if broken != nil {
				failed = errors.Join(failed, broken)
				continue
			}
			failed = used.DeliveryError(client.State(), client.Send()) // knows whether the server has been authenticated
			client.Close()
			if failed == nil || dane.Classify(failed).Permanent {
				return failed != nil, failed
			}
			break // this host has spoken
		}
		err = errors.Join(err, failed)
	}
	return false, err
}

// connect returns a connection that may have the message, and the host as it was treated. Where it
// may be weaker, a failure of TLS leads to another try.
func (q *Queue) connect(ctx context.Context, h *dane.Host, addr netip.Addr) (Client, *dane.Host, error) {
	client, err := q.Connect(ctx, netip.AddrPortFrom(addr, h.Port), h.Base, h.Action == dane.SendClear)
	var conn net.Conn
	var state tls.ConnectionState
	if err == nil {
		conn, state = client.Conn(), client.State()
		err = check(h, state)
	}
	report := h.Record(ctx, conn, state, err) // for counters, logs, and the TLS report
	if err == nil {
		return client, h, nil
	}
	if client != nil {
		client.Close()
	}
	if weaker := h.Fallback(); weaker != nil && report.Failure.ResultType != "" {
		return q.connect(ctx, weaker, addr)
	}
	return nil, h, h.DeliveryError(state, err)
}

// check says whether the connection may have the message.
func check(h *dane.Host, state tls.ConnectionState) error {
	err := h.VerifyConnection(state)
	if errors.Is(err, dane.ErrNoTLS) && h.MayCleartext() {
		return nil
	}
	return err
}
