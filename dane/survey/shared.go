package survey

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// A serverKey is all that a server is told, so that what it shows depends on nothing else.
type serverKey struct {
	addr          netip.AddrPort
	local         netip.Addr
	hello, sni    string
	opportunistic bool
	offer         string // of TLS; empty without a handshake
}

// keyOf returns what a connection has in common with others. It has nothing if the caller has
// hooks or secrets of its own in the handshake.
func keyOf(p *dane.Probe) (serverKey, bool) {
	key := serverKey{addr: p.Addr, local: p.Prober.LocalAddr, hello: p.Prober.Hello, opportunistic: p.Prober.Opportunistic}
	c := p.TLS
	if c == nil {
		return key, true
	}
	key.sni = c.ServerName
	key.offer = fmt.Sprint(c.MinVersion, c.MaxVersion, c.CipherSuites, c.CurvePreferences, c.SessionTicketsDisabled, c.Renegotiation)
	return key, len(c.Certificates) == 0 && c.GetClientCertificate == nil && c.VerifyPeerCertificate == nil && c.ClientSessionCache == nil
}

// A sighting is what a server showed at some time.
type sighting struct {
	at     time.Time
	result *smtpprobe.Result
	err    error
	// presented is the state of the handshake when the server's certificates had come, as hooks
	// see it. Nil if they did not come.
	presented *tls.ConnectionState
	elsewhere bool // somebody else has made the connection for a question of his own
}

// lookUnverified makes a connection in which nobody is verified.
func lookUnverified(ctx context.Context, p *dane.Probe) *sighting {
	s := &sighting{at: time.Now()}
	own := *p
	if p.TLS != nil {
		own.TLS = p.TLS.Clone()
		own.TLS.VerifyConnection = func(state tls.ConnectionState) error {
			s.presented = &state
			return nil
		}
	}
	s.result, s.err = own.Do(ctx)
	return s
}

// judge returns what would have come of a connection with the configuration: where its hook
// refuses the certificates, nothing that came after them.
func (s *sighting) judge(config *tls.Config) (*smtpprobe.Result, error) {
	own := *s.result
	if config == nil || config.VerifyConnection == nil || s.presented == nil {
		return &own, s.err
	}
	err := config.VerifyConnection(*s.presented)
	if err == nil {
		return &own, s.err
	}
	state := *s.presented
	state.HandshakeComplete = false
	own.TLS, own.HelloTLS, own.Quit, own.ExtensionsTLS, own.Late = &state, smtpprobe.Reply{}, smtpprobe.Reply{}, nil, nil
	for i, step := range own.Steps {
		if step.Stage == smtpprobe.StageHandshake {
			own.Steps = own.Steps[: i+1 : i+1]
			break
		}
	}
	return &own, &smtpprobe.Error{Stage: smtpprobe.StageHandshake, Addr: own.Addr, Err: err}
}

// lookVerified makes a connection as it is wanted, with all hooks.
func lookVerified(ctx context.Context, p *dane.Probe) *sighting {
	s := &sighting{at: time.Now()}
	s.result, s.err = p.Do(ctx)
	return s
}

// lasting reports whether the server would show the same to the next one: it has said so by
// itself, be it that it refuses.
func (s *sighting) lasting() bool {
	if s.err == nil {
		late, ok := errors.AsType[*smtpprobe.Error](s.result.Late)
		return !ok || late.Stage == smtpprobe.StageQuit || says(late)
	}
	e, ok := errors.AsType[*smtpprobe.Error](s.err)
	return ok && says(e)
}

// says reports whether an error is the server's own word, and not that for the moment.
func says(e *smtpprobe.Error) bool {
	if e.Reply != nil {
		return e.Reply.Code != serviceNotAvailable
	}
	if errors.Is(e, syscall.ECONNREFUSED) {
		return e.Stage == smtpprobe.StageDial
	}
	for _, own := range []error{smtpprobe.ErrNoStartTLS, smtpprobe.ErrInjection, smtpprobe.ErrClientCertificate} {
		if errors.Is(e, own) {
			return true
		}
	}
	if _, alerted := errors.AsType[tls.AlertError](e); alerted {
		return true
	}
	_, garbled := errors.AsType[tls.RecordHeaderError](e)
	return garbled
}

// serviceNotAvailable is the code of a server that closes for now (RFC 5321 §3.8).
const serviceNotAvailable = 421

// refuses reports whether a server wants to be left alone: it says 421 at any stage, refuses the
// connection, or refuses the client before it has asked for anything.
func (s *sighting) refuses() bool {
	for _, err := range []error{s.err, s.result.Late} {
		e, ok := errors.AsType[*smtpprobe.Error](err)
		switch {
		case !ok:
		case e.Reply != nil && (e.Reply.Code == serviceNotAvailable || e.Stage <= smtpprobe.StageHello):
			return true
		case e.Stage == smtpprobe.StageDial && errors.Is(e, syscall.ECONNREFUSED):
			return true
		}
	}
	return false
}

// octets is about what it takes in memory. A parsed certificate takes several times its
// encoding.
func (s *sighting) octets() int {
	const fixed, perStep, perLine, perCertificate = 4 << 10, 128, 32, 4 << 10
	n := fixed
	for _, step := range s.result.Steps {
		n += perStep
		for _, line := range step.Reply.Lines {
			n += perLine + 2*len(line) // it is an extension, too
		}
	}
	if s.presented != nil {
		for _, c := range s.presented.PeerCertificates {
			n += perCertificate + 3*len(c.Raw)
		}
	}
	return n
}
