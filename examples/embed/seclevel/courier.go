// Package seclevel is a courier that looks MX records up itself, and whose SMTP client starts TLS
// with a configuration that it is given. It remembers how well a domain was protected, and never
// sends with less.
package seclevel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/smtp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// A Courier delivers mail.
type Courier struct {
	Verifier *dane.Verifier
	Hello    string
	Levels   *Levels
	// LookupMX is the courier's own. Authentic: it was validated, by a resolver on this machine.
	LookupMX func(ctx context.Context, domain string) (mx []*net.MX, authentic bool, err error)
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	// STS returns the lines "mx" of the domain's MTA-STS policy, and whether it is enforced. It
	// may be nil.
	STS func(ctx context.Context, domain string) (mx []string, enforced bool)
}

// Deliver sends a message to the first host of a domain that is fit for it and takes it. The
// error is permanent if the message is to bounce.
func (c *Courier) Deliver(ctx context.Context, domain string, send func(*smtp.Client) error) (permanent bool, err error) {
	records, authentic, err := c.LookupMX(ctx, domain)
	if err != nil {
		return false, err // what cannot be looked up is not delivered
	}
	status := dnssec.Insecure
	if authentic {
		status = dnssec.Secure
	}
	var hosts []dane.MX
	for _, r := range records {
		hosts = append(hosts, dane.MX{Preference: r.Pref, Host: r.Host})
	}
	d, err := dane.NewDomain(domain, status, hosts...)
	if err != nil {
		return dane.Classify(err).Permanent, err
	}
	for _, mx := range d.MX {
		h := c.Verifier.LookupHost(ctx, d, mx)
		if c.STS != nil {
			if allowed, enforced := c.STS(ctx, d.Name); enforced {
				h = h.RequirePKIX(allowed...) // does nothing where DANE applies
			}
		}
		failed := h.Err // why it is skipped
		for _, addr := range h.Addrs {
			client, used, broken := c.connect(ctx, h, addr)
			if broken != nil {
				failed = errors.Join(failed, broken)
				continue
			}
			state, _ := client.TLSConnectionState()
			failed = used.DeliveryError(state, send(client)) // knows whether the server has been authenticated
			client.Close()
			if failed == nil {
				c.Levels.Raise(d.Name, levelOf(used, state))
			}
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
func (c *Courier) connect(ctx context.Context, h *dane.Host, addr netip.Addr) (*smtp.Client, *dane.Host, error) {
	conn, err := c.Dial(ctx, "tcp", netip.AddrPortFrom(addr, h.Port).String())
	if err != nil {
		h.Record(ctx, nil, tls.ConnectionState{}, err)
		return nil, h, h.DeliveryError(tls.ConnectionState{}, err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	client, state, err := c.converse(conn, h)
	report := h.Record(ctx, conn, state, err) // for counters, logs, and the TLS report
	if !report.Passed {
		err = errors.Join(err, fmt.Errorf("%s is not fit: %s", h.Name, report.Failure.Text))
	}
	if level := levelOf(h, state); err == nil && !c.Levels.Allow(h.Domain, level) {
		err = fmt.Errorf("%s: %s, and has been better", h.Name, level)
	}
	if err == nil {
		return client, h, nil
	}
	conn.Close()
	if weaker := h.Fallback(); weaker != nil && report.Failure.ResultType != "" {
		return c.connect(ctx, weaker, addr)
	}
	return nil, h, h.DeliveryError(state, err)
}

// converse begins, up to STARTTLS. Its errors say at which stage.
func (c *Courier) converse(conn net.Conn, h *dane.Host) (client *smtp.Client, state tls.ConnectionState, err error) {
	if client, err = smtp.NewClient(conn, h.Name); err != nil {
		return nil, state, &smtpprobe.Error{Stage: smtpprobe.StageGreeting, Err: err}
	}
	if err = client.Hello(c.Hello); err != nil {
		return nil, state, &smtpprobe.Error{Stage: smtpprobe.StageHello, Err: err}
	}
	if offered, _ := client.Extension("STARTTLS"); offered && h.Action != dane.SendClear {
		if err = client.StartTLS(h.TLSConfig(nil)); err != nil { // its hook fails where DANE does not match
			err = &smtpprobe.Error{Stage: smtpprobe.StageHandshake, Err: err}
		}
	}
	state, _ = client.TLSConnectionState() // zero in clear, which Host.Record judges
	return client, state, err
}
