package dane

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// A Report is what an SMTP TLS report needs of one connection, or of a lookup that has failed
// (RFC 8460 §4.4).
type Report struct {
	// Domain is the one whose TLSRPT record says who gets the report: the destination, or the
	// host that its mail is routed to (RFC 8460 §1.1).
	Domain string
	// Policy that applied.
	Policy ReportPolicy
	// Failure has the ResultType and the Reason. It is zero where TLS was as it had to be,
	// and for failures that do not come from TLS its ResultType is empty. Where TLS was
	// optional, and not offered, its ResultType is STARTTLSNotSupported.
	Failure Failure
	// Passed: a message could be sent on the connection, or on one to the same address that
	// is allowed to be weaker: then there is a Failure as well. Only sessions that passed
	// without a Failure are successful (RFC 8460 §4.3).
	Passed bool
	// Encrypted: it passed, and the connection was encrypted in the end. One in clear without
	// a Failure has not tried TLS, and does not count in a report.
	Encrypted bool
	// MXHost is the name of the server, MXHello the name that it gives itself in the reply to
	// EHLO, as it came; empty if it is not known.
	MXHost, MXHello string
	// Addr of the server, and LocalAddr from which it was connected to; not valid if they
	// are not known.
	Addr, LocalAddr netip.Addr
}

// Report returns what a TLS report needs of the domain if LookupMX, or NewDomain, has given an
// error for it; the Domain may be nil then. Where DNSSEC has failed, DANE is the policy that was
// applied, and there is no more of it than its name.
func (d *Domain) Report(err error) Report {
	r := Report{Policy: ReportPolicy{Type: noPolicyFound}, Failure: Classify(err)}
	if e, ok := errors.AsType[*Error](err); ok {
		r.Policy.Domain = e.Domain
	}
	if d != nil {
		r.Policy.Domain = d.Name
	}
	r.Domain = r.Policy.Domain
	if r.Failure.ResultType == DNSSECInvalid {
		r.Policy.Type = policyTLSA
	}
	return r
}

// Report returns what a TLS report needs of a connection to the host; of one without any, as
// where the host was skipped, that of the zero Attempt, which has not Passed. It is for the hook
// Trace.Attempt, and for Conn.Failed and Error.Attempts.
func (h *Host) Report(a Attempt) Report {
	r := Report{Domain: h.Domain, Policy: h.ReportPolicy(), MXHost: h.Name, Addr: a.Addr.Addr(), Passed: a.Err == nil && a.Session != nil && h.Action != Skip}
	if h.Routed {
		r.Domain = h.Name
	}
	r.Encrypted = r.Passed && a.Session.TLS != nil
	err := a.Err
	switch {
	case a.Fallback:
		err = a.FallbackErr // for TLS this is what has happened
	case err == nil && h.Action == Skip:
		err = cmp.Or(h.Err, ErrSkipped)
	}
	r.Failure = classify(err, h, a.verified(h))
	switch {
	case r.Failure.ResultType != "" || !r.Passed:
	case r.Policy.ResultType != "":
		r.Failure.ResultType, r.Failure.Reason = r.Policy.ResultType, tlsa.ReasonNoUsableRecord.String()
	case !r.Encrypted && h.Action == MayEncrypt:
		r.Failure.ResultType = STARTTLSNotSupported // RFC 8460 §4.3.1 makes no difference for optional TLS
	}
	if r.Failure.ResultType == DNSSECInvalid && r.Policy.Type == noPolicyFound {
		r.Policy.Type, r.Policy.Domain = policyTLSA, h.Name // as for a domain
	}
	if a.Session != nil {
		r.LocalAddr = a.Session.LocalAddr.Addr()
		r.MXHello = helloName(a.Session)
	}
	return r
}

// helloName is the first word of the reply to EHLO (RFC 5321 §4.1.1.1).
func helloName(session *smtpprobe.Result) string {
	for _, reply := range []smtpprobe.Reply{session.HelloTLS, session.Hello} {
		if len(reply.Lines) > 0 && reply.Code == 250 {
			name, _, _ := strings.Cut(reply.Lines[0], " ")
			return name
		}
	}
	return ""
}

// Report returns what a TLS report needs of the connection.
func (c *Conn) Report() Report { return c.host().Report(c.Attempt) }

// Record is for a sender that connects by itself, without Connect. It takes what came of a
// connection to the host: the connection, or nil if there was none; the state of TLS, zero in
// clear; and the error up to the point where a message could be sent, or nil. It judges a
// handshake that is complete by VerifyConnection, also where the client met with an error after
// it, and the lack of one where TLS is a must. It tells the hook Trace.Attempt, and so Counters and
// LogTrace, and returns what a TLS report needs. MXHello is for the caller to set.
//
// After a Fallback it is called for each of the two connections, with the Host that was done. The
// steps of such a sender, in order: LookupHost; dial; EHLO; without STARTTLS only if MayCleartext;
// STARTTLS and the handshake; VerifyConnection; Record; if that says that TLS has failed, all again
// by Fallback on a new connection; then the message, and DeliveryError for what came of it.
// dane/example_ownloop_test.go has them, and docs/with-own-client.md explains them.
func (h *Host) Record(ctx context.Context, conn net.Conn, state tls.ConnectionState, err error) Report {
	a := Attempt{Session: new(smtpprobe.Result), Err: err}
	if conn != nil {
		a.Addr, a.Session.LocalAddr = addrPort(conn.RemoteAddr()), addrPort(conn.LocalAddr())
		a.Session.Addr = a.Addr
	}
	if state.HandshakeComplete || len(state.PeerCertificates) > 0 {
		a.Session.TLS = &state
	}
	a.Err = h.outcome(state, err)
	if state.HandshakeComplete && h.byDANE() && h.VerifyConnection(state) == nil {
		a.Match, err = h.matcher().Verify(state.PeerCertificates)
		a.Authenticated = err == nil
	}
	if h.Action != Skip {
		contextTrace(ctx).attempt(h, a)
	}
	return h.Report(a)
}

// DeliveryError returns what an SMTP client of one's own has returned on a connection to the host
// as an *Error, as Conn.MessageError does for a Conn: for the state of TLS, which is zero in clear,
// and the error of anything from the dial to the message; nil for nil. Errors of several hosts may
// be joined (errors.Join), and the function Classify says what they mean together.
//
// A refusal is permanent only where the host need not be authenticated, or the state shows that it
// has been, by VerifyConnection. If that fails, it is the failure, whatever was said afterwards.
func (h *Host) DeliveryError(state tls.ConnectionState, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := err.(*Error); ok {
		return e // as Host.Err
	}
	return (&Error{Domain: h.Domain, Host: h.Name, Err: h.outcome(state, err), host: h}).conclude()
}

// outcome returns what has failed on a connection, of which a client of one's own has returned
// the error, or nil. A handshake that is complete is judged whatever the client has met with after
// it: some, of which net/smtp is one, do STARTTLS and the EHLO after it in one call.
func (h *Host) outcome(state tls.ConnectionState, err error) error {
	if h.Action == Skip || !state.HandshakeComplete && (err != nil || h.MayCleartext()) {
		return err
	}
	_, _, replied := replyIn(err)
	failed := h.VerifyConnection(state)
	switch {
	case err == nil:
		return failed
	case failed != nil && (replied || h.Classify(err).ResultType == ""):
		return fmt.Errorf("%w; %w", failed, err)
	case failed == nil && replied:
		return &messageError{err: err} // it is not about TLS
	}
	return err
}

// addrPort returns the IP address and port of an address, zero if it has none.
func addrPort(addr net.Addr) netip.AddrPort {
	if addr == nil {
		return netip.AddrPort{}
	}
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
