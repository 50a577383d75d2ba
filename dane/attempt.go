package dane

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// An Attempt is a connection to an address of a host, and what came of it.
type Attempt struct {
	Addr netip.AddrPort
	// Session is what was seen until the end, or until the error; nil in the zero Attempt only.
	Session *smtpprobe.Result
	// Fallback: it was made in the weaker way that Host.Fallback allows. FallbackErr says
	// why: it is the error of the connection before it.
	Fallback    bool
	FallbackErr error
	// Match is the TLSA record that the certificate matched; set where
	// Authenticated.
	Match         tlsa.Match
	Authenticated bool
	// Report is what tlsa.Verifier.Check says to those who publish the records, whether they
	// match or not. Nil if there are none, or the server showed no certificate. Of a Checker
	// only.
	Report *tlsa.Report
	// Others are the chains that the server presents to clients that take no key of the kind
	// that Session has: one at most, or where that is ML-DSA, two. Nil if it has none, or if
	// Checker.AllCertificates is not set. In the Report they come after the first chain.
	Others [][]*x509.Certificate
	// Other is the first of Others.
	Other []*x509.Certificate
	// OthersSought: the server was asked for such chains, and has answered, so that Others are
	// all that it has. OnlyTLS13: it has no version before TLS 1.3, so that it may have
	// certificates that cannot be seen from here.
	OthersSought, OnlyTLS13 bool
	// Err says why the host cannot be delivered to at this address: as a rule of type
	// *smtpprobe.Error, and what Host.Record was given or has found where a sender connects by
	// itself. There may be one although the host was Authenticated, if it then refused EHLO.
	Err error
	// Elapsed is the time that it took, an attempt before a Fallback included; that of
	// each step is in Session.
	Elapsed time.Duration
}

// attempt connects to an address of a host, once more if the server is busy, and once
// more in a weaker way if the handshake fails and the policy allows that. The connection is
// kept open if that is wanted, and there was no error.
func (v *Verifier) attempt(ctx context.Context, h *Host, addr netip.AddrPort, keep bool) *Conn {
	start := time.Now()
	c := v.connectTwice(ctx, h, addr, keep)
	if weaker := h.Fallback(); weaker != nil && mayWeaken(c.Attempt.Err, weaker) && ctx.Err() == nil {
		err := c.Attempt.Err
		c = v.connectTwice(ctx, weaker, addr, keep)
		c.Attempt.Fallback, c.Attempt.FallbackErr = true, err
	}
	c.Attempt.Elapsed = time.Since(start)
	c.Attempt.outlived(ctx)
	return c
}

// outlived says of a deadline that has passed that it was not that of the context, if that has
// not ended: a caller who gives up when his context ends must not take one for the other.
func (a *Attempt) outlived(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	for _, err := range []*error{&a.Err, &a.FallbackErr} {
		if e, ok := errors.AsType[*smtpprobe.Error](*err); ok && errors.Is(e, context.DeadlineExceeded) {
			own := *e
			own.Err = &attemptTimeout{e.Err}
			*err = &own
		}
	}
}

// An attemptTimeout is the end of a context that the caller does not know: an
// os.ErrDeadlineExceeded, as that of each stage.
type attemptTimeout struct{ err error }

func (e *attemptTimeout) Error() string {
	return strings.ReplaceAll(e.err.Error(), context.DeadlineExceeded.Error(), os.ErrDeadlineExceeded.Error())
}

func (e *attemptTimeout) Is(target error) bool {
	return target == os.ErrDeadlineExceeded || target != context.DeadlineExceeded && errors.Is(e.err, target)
}

func (e *attemptTimeout) As(target any) bool { return errors.As(e.err, target) }

// Timeout makes a net.Error of it, and so does Temporary.
func (e *attemptTimeout) Timeout() bool { return true }

func (e *attemptTimeout) Temporary() bool { return true }

// connectTwice connects once more, after a pause, where the server is busy.
func (v *Verifier) connectTwice(ctx context.Context, h *Host, addr netip.AddrPort, keep bool) *Conn {
	c := v.connectOnce(ctx, h, addr, keep)
	if isBusy(c.Attempt.Err) && pause(ctx, busyPause) {
		c = v.connectOnce(ctx, h, addr, keep)
	}
	return c
}

// isBusy reports whether a server has said that it closes the connection for now (RFC 5321
// §3.8): often to a client that has another one, or had it until a moment ago.
func isBusy(err error) bool {
	e, ok := errors.AsType[*smtpprobe.Error](err)
	return ok && e.Reply != nil && e.Reply.Code == 421
}

// pause reports whether the time has passed before the context ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (v *Verifier) connectOnce(ctx context.Context, h *Host, addr netip.AddrPort, keep bool) *Conn {
	var config *tls.Config
	if h.Action != SendClear {
		config = h.TLSConfig(v.TLS)
	}
	p := v.probe(h, addr, config)
	p.Prober.Opportunistic = h.MayCleartext()
	c := &Conn{Host: h, Attempt: Attempt{Addr: addr}}
	a := &c.Attempt
	if keep {
		limited, cancel := context.WithTimeout(ctx, p.Timeout)
		defer cancel()
		c.live, a.Session, a.Err = p.Prober.Connect(limited, addr.String(), config)
	} else {
		a.Session, a.Err = v.do(ctx, p)
	}
	a.judge(h)
	if a.Err != nil && c.live != nil {
		c.live.Close()
	}
	return c
}

// judge completes what is known of a connection.
func (a *Attempt) judge(h *Host) {
	// A server that takes the handshake and then refuses EHLO takes no mail. Before that it
	// may have been authenticated.
	refused := helloRefused(cmp.Or(a.Err, a.Session.Late))
	if a.Err != nil && refused == nil {
		return
	}
	a.Err = refused
	switch {
	case a.Session.TLS == nil && !h.MayCleartext():
		a.Err = ErrNoTLS
	case h.byDANE():
		// The hook has found a match, or the handshake would have failed; this says
		// which.
		match, err := h.matcher().Verify(a.Session.TLS.PeerCertificates)
		if err != nil {
			a.Err = err
			return
		}
		a.Match, a.Authenticated = match, true
	}
}

// verified reports whether the host was authenticated as it demands. What has failed came after
// that: the server has then refused EHLO.
func (a *Attempt) verified(h *Host) bool {
	switch {
	case a.Authenticated:
		return true
	case h == nil || h.byDANE() || a.Session == nil || a.Session.TLS == nil:
		return false
	}
	return h.VerifyConnection(*a.Session.TLS) == nil
}

// helloRefused returns the error of EHLO over TLS, if it is one.
func helloRefused(err error) error {
	if e, ok := errors.AsType[*smtpprobe.Error](err); ok && e.Stage == smtpprobe.StageHelloTLS {
		return e
	}
	return nil
}

// mayWeaken reports whether an error is a reason for the weaker way: the handshake has failed,
// or the server has refused STARTTLS and need not have it. One that closes, is silent, or says
// 421 (RFC 5321 §3.8) in its place has done neither.
func mayWeaken(err error, weaker *Host) bool {
	e, ok := errors.AsType[*smtpprobe.Error](err)
	if !ok {
		return false
	}
	refused := e.Stage == smtpprobe.StageStartTLS && e.Reply != nil && !isBusy(err)
	return e.Stage == smtpprobe.StageHandshake || refused && weaker.MayCleartext()
}
