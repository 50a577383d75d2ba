package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/danesmtp/danesmtp/dane"
)

// attemptTimeout bounds one connection, from dial to QUIT.
const attemptTimeout = 5 * time.Minute

// mail is one message to one recipient.
type mail struct {
	from, to string
	text     *bytes.Reader
	log      *slog.Logger
}

// deliver tries the hosts in order, each by the ways that its plan allows.
func (m *mail) deliver(ctx context.Context, v *dane.Verifier) error {
	at := strings.LastIndex(m.to, "@") // a local part in quotes may have others
	if at < 0 {
		return &dane.Error{Domain: m.to, Permanent: true, Err: dane.ErrName}
	}
	d, err := v.LookupMX(ctx, m.to[at+1:])
	if err != nil {
		return err // RFC 7672 §2.1.2: no fallback to the domain's address
	}
	for _, mx := range d.MX {
		h := v.LookupHost(ctx, d, mx)
		if h.Action == dane.Skip {
			err = h.Err
			continue
		}
		for _, addr := range h.Addrs {
			if err = m.attempts(ctx, v, h, addr); err == nil || permanent(err) {
				return err
			}
			m.log.Info("next", "mx", h.Name, "addr", addr, "code", h.Classify(err).Code, "err", err)
		}
	}
	return err
}

// attempts tries an address by each way that is allowed, the strongest first.
func (m *mail) attempts(ctx context.Context, v *dane.Verifier, h *dane.Host, addr netip.Addr) error {
	err := m.attempt(ctx, v, h, addr)
	for mayWeaken(err) {
		if h = h.Fallback(); h == nil {
			break
		}
		err = m.attempt(ctx, v, h, addr)
	}
	return err
}

func (m *mail) attempt(ctx context.Context, v *dane.Verifier, h *dane.Host, addr netip.Addr) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	client, err := connect(ctx, v, h, addr)
	if err != nil {
		return err
	}
	defer client.Close()
	if state, encrypted := client.TLSConnectionState(); encrypted {
		m.log.Info(dane.TLSSuccess(h, state))
		if h.Audited != nil {
			if err := h.Audited.VerifyConnection(state); err != nil {
				m.log.Warn("DANE would have failed", "mx", h.Name, "err", err)
			}
		}
	}
	if err := m.send(client); err != nil {
		return &rejection{err}
	}
	client.Quit() // the message is delivered, whatever becomes of QUIT
	return nil
}

func (m *mail) send(client *smtp.Client) error {
	if err := client.Mail(m.from, nil); err != nil {
		return err
	}
	if err := client.Rcpt(m.to, nil); err != nil {
		return err
	}
	data, err := client.Data()
	if err != nil {
		return err
	}
	m.text.Seek(0, io.SeekStart)
	if _, err := m.text.WriteTo(data); err != nil {
		return err // without the end of the message, so that it is not taken
	}
	return data.Close()
}

// A rejection is what a server says to the message itself.
type rejection struct{ error }

func (r *rejection) Unwrap() error { return r.error }

// permanent reports whether trying again is of no use. Failures of TLS never are
// (RFC 7672 §2.2).
func permanent(err error) bool {
	if e, ok := errors.AsType[*dane.Error](err); ok {
		return e.Permanent
	}
	if _, ok := errors.AsType[*rejection](err); !ok {
		return false
	}
	e, ok := errors.AsType[*smtp.SMTPError](err)
	return ok && e.Code >= 500
}
