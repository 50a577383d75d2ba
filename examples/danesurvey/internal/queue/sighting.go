package queue

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// A probeRequest asks for what a server shows: all that a server is told of who wants to know.
type probeRequest struct {
	Addr          netip.AddrPort `json:"addr"`
	Host          string         `json:"host"`
	Hello         string         `json:"hello,omitempty"`
	Opportunistic bool           `json:"opportunistic,omitempty"`
	Timeout       time.Duration  `json:"timeout"`
	StageTimeout  time.Duration  `json:"stage_timeout,omitempty"`
	TLS           *offer         `json:"tls,omitempty"`
}

// An offer is what a client says in a handshake.
type offer struct {
	ServerName    string                   `json:"server_name,omitempty"`
	Min           uint16                   `json:"min,omitempty"`
	Max           uint16                   `json:"max,omitempty"`
	Suites        []uint16                 `json:"suites,omitempty"`
	Curves        []tls.CurveID            `json:"curves,omitempty"`
	NoTickets     bool                     `json:"no_tickets,omitempty"`
	Renegotiation tls.RenegotiationSupport `json:"renegotiation,omitempty"`
}

func requestOf(p *dane.Probe) *probeRequest {
	q := &probeRequest{
		Addr: p.Addr, Host: p.Host.Name, Timeout: p.Timeout,
		Hello: p.Prober.Hello, Opportunistic: p.Prober.Opportunistic, StageTimeout: p.Prober.StageTimeout,
	}
	if c := p.TLS; c != nil {
		q.TLS = &offer{c.ServerName, c.MinVersion, c.MaxVersion, c.CipherSuites, c.CurvePreferences,
			c.SessionTicketsDisabled, c.Renegotiation}
	}
	return q
}

// probe returns the connection that is asked for, as made from here.
func (q *probeRequest) probe(from smtpprobe.Prober) *dane.Probe {
	from.Hello, from.Opportunistic, from.StageTimeout = q.Hello, q.Opportunistic, q.StageTimeout
	p := &dane.Probe{Prober: from, Host: &dane.Host{Name: q.Host}, Addr: q.Addr, Timeout: q.Timeout}
	if o := q.TLS; o != nil {
		// Nobody is verified: the hook of tlsa makes room for that of who looks.
		p.TLS = new(tlsa.Verifier).TLSConfig(&tls.Config{
			ServerName: o.ServerName, MinVersion: o.Min, MaxVersion: o.Max, CipherSuites: o.Suites,
			CurvePreferences: o.Curves, SessionTicketsDisabled: o.NoTickets, Renegotiation: o.Renegotiation,
		})
		p.TLS.ServerName = o.ServerName
	}
	return p
}

// A probeReply is what an owner answers. Of several the last one counts.
type probeReply struct {
	// Wait: it goes on.
	Wait bool `json:"wait,omitempty"`
	// Moved: this worker is no longer the owner.
	Moved bool `json:"moved,omitempty"`
	// Busy: the address has been busy for too long. Error is another reason why there is nothing, which
	// says nothing about the server.
	Busy  bool   `json:"busy,omitempty"`
	Error string `json:"error,omitempty"`

	// Age is how long ago it was seen, so that clocks of several machines do not matter.
	Age       time.Duration `json:"age,omitempty"`
	Shared    bool          `json:"shared,omitempty"`
	Result    *wireResult   `json:"result,omitempty"`
	Failure   *wireError    `json:"failure,omitempty"`
	Presented *wireState    `json:"presented,omitempty"`
}

// A wireResult is an smtpprobe.Result whose state of TLS and late error can be sent.
type wireResult struct {
	smtpprobe.Result
	TLS  *wireState `json:",omitempty"`
	Late *wireError `json:",omitempty"`
}

// A wireState is what can be sent of a tls.ConnectionState: all but verified chains, which nobody has
// built, and key material, which is nobody's business.
type wireState struct {
	Version                    uint16 `json:",omitempty"`
	HandshakeComplete          bool   `json:",omitempty"`
	DidResume                  bool   `json:",omitempty"`
	CipherSuite                uint16 `json:",omitempty"`
	CurveID                    tls.CurveID
	NegotiatedProtocol         string   `json:",omitempty"`
	ServerName                 string   `json:",omitempty"`
	Certificates               [][]byte `json:",omitempty"`
	SignedCertificateTimestamp [][]byte `json:",omitempty"`
	OCSPResponse               []byte   `json:",omitempty"`
	ECHAccepted                bool     `json:",omitempty"`
	HelloRetryRequest          bool     `json:",omitempty"`
}

func replyOf(s survey.Sighting) *probeReply {
	own := &wireResult{Result: *s.Result}
	own.TLS = stateOf(s.Result.TLS)
	own.Late = errorOf(s.Result.Late)
	own.Result.TLS, own.Result.Late = nil, nil
	r := &probeReply{Age: time.Since(s.At), Shared: s.Shared, Result: own, Failure: errorOf(s.Err)}
	if s.Presented != nil {
		r.Presented = stateOf(s.Presented)
		if own.TLS != nil {
			own.TLS.Certificates = nil // they are the same
		}
	}
	return r
}

func stateOf(s *tls.ConnectionState) *wireState {
	if s == nil {
		return nil
	}
	w := &wireState{
		Version: s.Version, HandshakeComplete: s.HandshakeComplete, DidResume: s.DidResume, CipherSuite: s.CipherSuite,
		CurveID: s.CurveID, NegotiatedProtocol: s.NegotiatedProtocol, ServerName: s.ServerName,
		SignedCertificateTimestamp: s.SignedCertificateTimestamps, OCSPResponse: s.OCSPResponse,
		ECHAccepted: s.ECHAccepted, HelloRetryRequest: s.HelloRetryRequest,
	}
	for _, c := range s.PeerCertificates {
		w.Certificates = append(w.Certificates, c.Raw)
	}
	return w
}

func (w *wireState) state() (*tls.ConnectionState, error) {
	if w == nil {
		return nil, nil
	}
	s := &tls.ConnectionState{
		Version: w.Version, HandshakeComplete: w.HandshakeComplete, DidResume: w.DidResume, CipherSuite: w.CipherSuite,
		CurveID: w.CurveID, NegotiatedProtocol: w.NegotiatedProtocol, ServerName: w.ServerName,
		SignedCertificateTimestamps: w.SignedCertificateTimestamp, OCSPResponse: w.OCSPResponse,
		ECHAccepted: w.ECHAccepted, HelloRetryRequest: w.HelloRetryRequest,
	}
	for _, raw := range w.Certificates {
		c, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, fmt.Errorf("a certificate that crypto/tls has parsed: %w", err)
		}
		s.PeerCertificates = append(s.PeerCertificates, c)
	}
	return s, nil
}

// sighting is the inverse of replyOf.
func (r *probeReply) sighting() (survey.Sighting, error) {
	switch {
	case r.Busy:
		return survey.Sighting{}, survey.ErrBusy
	case r.Error != "":
		return survey.Sighting{}, &unseenError{r.Error}
	case r.Result == nil:
		return survey.Sighting{}, &unseenError{"the owner of the address has sent no result"}
	}
	s := survey.Sighting{At: time.Now().Add(-r.Age), Shared: r.Shared, Result: &r.Result.Result,
		Err: r.Failure.err(r.Result.Addr)}
	s.Result.Late = r.Result.Late.err(r.Result.Addr)
	var err, wrong error
	s.Presented, err = r.Presented.state()
	s.Result.TLS, wrong = r.Result.TLS.state()
	if s.Presented != nil && s.Result.TLS != nil {
		s.Result.TLS.PeerCertificates = s.Presented.PeerCertificates
	}
	if err = errors.Join(err, wrong); err != nil {
		return survey.Sighting{}, &unseenError{err.Error()}
	}
	return s, nil
}
