package dane

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// UnmarshalJSON reads what MarshalJSON writes. Facts are as they were, errors are
// their texts, of which [Result.Failure] and [Host.Classify] still know what they mean, and
// of a session there is what JSON has. The hosts cannot be delivered to: they have no
// Addrs, and their action is to be read, not acted on.
func (r *Result) UnmarshalJSON(text []byte) error {
	var in jsonResult
	if err := checkJSON(text, ""); err != nil {
		return fmt.Errorf("dane: result: %w", err)
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return fmt.Errorf("dane: result: %w", err)
	}
	if in.Version != jsonVersion {
		return fmt.Errorf("dane: result: version %d, want %d", in.Version, jsonVersion)
	}
	out := Result{
		Name: in.Domain, Outcome: in.Outcome, Profile: in.Profile, MTASTS: in.MTASTS, Mandatory: in.Mandatory, Unresolved: in.Unresolved, Local: in.Local, Planned: in.Plan != nil,
		Started: in.Started, Elapsed: duration(in.Elapsed), Expires: moment(in.Expires),
		Err: recorded(Failure{ResultType: in.ResultType, Code: in.Code, Reason: in.Reason, Text: in.Error, Local: in.Local}),
	}
	lookups, err := in.lookups()
	if err != nil {
		return err
	}
	if out.Domain, err = in.domain(lookups); err != nil {
		return err
	}
	if out.Domain == nil && len(in.Hosts) > 0 {
		return errors.New("dane: result: hosts without destination")
	}
	for _, h := range in.Hosts {
		own, err := lookups.take(h.Lookups)
		if err != nil {
			return err
		}
		host, err := h.decode(in.Domain, own)
		if err != nil {
			return err
		}
		host.planned = out.Planned
		var end expiry
		if end.addAll(own); !out.Domain.Routed {
			end.add(&out.Domain.Lookup)
		}
		host.Expires = end.time()
		out.Hosts = append(out.Hosts, host)
	}
	if len(lookups.left) > 0 {
		return errors.New("dane: result: lookups of no host")
	}
	*r = out
	return nil
}

// pendingLookups are the lookups of a result, in the order of those that they belong to.
type pendingLookups struct{ left []Lookup }

// take returns the next n of them.
func (p *pendingLookups) take(n int) ([]Lookup, error) {
	if n < 0 || n > len(p.left) {
		return nil, errors.New("dane: result: lookups are missing")
	}
	taken := p.left[:n:n]
	p.left = p.left[n:]
	return taken, nil
}

func (in *jsonResult) lookups() (*pendingLookups, error) {
	var all pendingLookups
	for _, l := range in.Lookups {
		lookup, err := l.decode()
		if err != nil {
			return nil, err
		}
		all.left = append(all.left, lookup)
	}
	return &all, nil
}

// domain returns the destination with the first of the lookups, which is its own unless the
// hosts were given; nil if there is no destination.
func (in *jsonResult) domain(lookups *pendingLookups) (*Domain, error) {
	p := in.Place
	if p == nil {
		return nil, nil
	}
	d := &Domain{Name: in.Domain, Expanded: p.Expanded, Status: p.Status, Implicit: p.Implicit, Routed: p.Routed, Port: p.Port, Omitted: in.Omitted}
	for _, mx := range p.MX {
		d.MX = append(d.MX, MX(mx))
	}
	if p.Routed {
		return d, nil
	}
	first, err := lookups.take(1)
	if err != nil {
		return nil, err
	}
	d.Lookup = first[0]
	return d, nil
}

func (in *jsonHost) decode(domain string, lookups []Lookup) (HostResult, error) {
	h := &Host{
		Domain: domain, Name: in.Host, Port: in.Port, Action: in.Action, MXSecure: in.MXSecure, Routed: in.Routed, MTASTS: in.MTASTS, PKIX: in.PKIX,
		Base: in.Base, Names: in.Names, Omitted: in.Omitted, Lookups: lookups,
		Err: recorded(Failure{ResultType: in.ResultType, Code: in.Code, Reason: in.Reason, Text: in.Error}),
	}
	if kept, ok := h.Err.(*recordedError); ok {
		kept.failure.Local = in.Local
	}
	out := HostResult{Host: h}
	for i := range lookups {
		if lookups[i].Type == dns.TypeTLSA {
			h.TLSA = &lookups[i]
		}
	}
	for _, a := range in.Addresses {
		addr, err := netip.ParseAddr(a.Address)
		if err != nil {
			return out, fmt.Errorf("dane: result: %w", err)
		}
		h.Addresses = append(h.Addresses, Address{addr, a.Status, a.Refused})
	}
	for _, text := range in.TLSA {
		record, err := tlsa.Parse(text)
		if err != nil {
			return out, fmt.Errorf("dane: result: %w", err)
		}
		h.Records = append(h.Records, record)
	}
	for _, p := range in.Probes {
		attempt, err := p.decode()
		if err != nil {
			return out, fmt.Errorf("dane: result: %w", err)
		}
		out.Attempts = append(out.Attempts, attempt)
	}
	return out, nil
}

func (in *jsonLookup) decode() (Lookup, error) {
	l := Lookup{Name: in.Name, Status: in.Status, Records: in.Records, Expires: moment(in.Expires), Elapsed: duration(in.Elapsed)}
	l.Err = recorded(Failure{Text: in.Error, Local: in.Local})
	l.RCode = dns.StringToRcode[in.RCode]
	if in.EDE != nil {
		// String adds the code, so that the text goes without.
		l.Reason.Code = *in.EDE
		l.Reason.Text = strings.TrimSuffix(in.Reason, fmt.Sprintf(" [EDE %d: %s]", uint16(*in.EDE), *in.EDE))
	}
	var err error
	if l.Type, err = rrtype(in.Type); err != nil {
		return l, err
	}
	if l.Reason, err = in.Cause.decode(l.Reason); err != nil {
		return l, err
	}
	if l.Chain, err = decodeChain(in.Chain); err != nil {
		return l, err
	}
	for _, a := range in.Aliases {
		t, err := rrtype(a.Type)
		if err != nil {
			return l, err
		}
		l.Aliases = append(l.Aliases, dnssec.Alias{Name: a.Name + ".", Target: a.Target + ".", Type: t, Status: a.Status})
	}
	for _, q := range in.Queries {
		x := dnssec.Exchange{
			Name: q.Name + ".", Server: q.Server, Network: q.Network, RCode: -1,
			Elapsed: duration(q.Elapsed), Err: recorded(Failure{Text: q.Error}),
		}
		if code, ok := dns.StringToRcode[q.RCode]; ok {
			x.RCode = code
		}
		if x.Type, err = rrtype(q.Type); err != nil {
			return l, err
		}
		for _, text := range q.PassedOver {
			x.PassedOver = append(x.PassedOver, recorded(Failure{Text: text}))
		}
		l.Exchanges = append(l.Exchanges, x)
	}
	return l, nil
}

func rrtype(text string) (uint16, error) {
	if t, ok := dns.StringToType[text]; ok {
		return t, nil
	}
	var t uint16
	if _, err := fmt.Sscanf(text, "TYPE%d", &t); err != nil {
		return 0, fmt.Errorf("dane: result: type %q", text)
	}
	return t, nil
}

func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func duration(ms float64) time.Duration {
	return time.Duration(ms*1000+0.5) * time.Microsecond
}

func (in *jsonProbe) decode() (a Attempt, err error) {
	a.Authenticated, a.Fallback, a.Elapsed = in.Authenticated, in.Fallback, duration(in.Elapsed)
	if a.Err, err = in.failure(); err != nil {
		return a, err
	}
	if a.Addr, err = netip.ParseAddrPort(in.Address); err != nil {
		return a, err
	}
	a.Session = &smtpprobe.Result{Addr: a.Addr}
	for _, s := range in.Steps {
		step, err := s.decode()
		if err != nil {
			return a, err
		}
		a.Session.Steps = append(a.Session.Steps, step)
	}
	if in.Local != "" {
		if a.Session.LocalAddr, err = netip.ParseAddrPort(in.Local); err != nil {
			return a, err
		}
	}
	if in.Protocol != "" {
		a.Session.TLS = &tls.ConnectionState{Version: protocol(in.Protocol), CipherSuite: cipher(in.Cipher), HandshakeComplete: !in.Incomplete}
	}
	if err := in.evidence(&a); err != nil {
		return a, err
	}
	if m := in.Match; m != nil {
		a.Match.Depth, a.Match.Name = m.Depth, m.Name
		a.Match.Record, err = tlsa.Parse(m.Record)
	}
	return a, err
}

func (in *jsonStep) decode() (smtpprobe.Step, error) {
	step := smtpprobe.Step{
		Command: in.Command, Reply: smtpprobe.Reply{Code: in.Code, Lines: in.Reply},
		Start: duration(in.Start), Duration: duration(in.Elapsed),
	}
	for step.Stage = smtpprobe.StageDial; step.Stage <= smtpprobe.StageQuit; step.Stage++ {
		if step.Stage.String() == in.Stage {
			return step, nil
		}
	}
	return step, fmt.Errorf("stage %q", in.Stage)
}

// protocol and cipher invert the names of smtpprobe.
func protocol(name string) uint16 {
	for version := uint16(tls.VersionTLS10); version <= tls.VersionTLS13; version++ {
		if smtpprobe.ProtocolName(version) == name {
			return version
		}
	}
	return hexadecimal(name)
}

func cipher(name string) uint16 {
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if smtpprobe.CipherName(suite.ID) == name {
			return suite.ID
		}
	}
	return hexadecimal(name)
}

func hexadecimal(text string) (number uint16) {
	fmt.Sscanf(text, "0x%x", &number) // of an unknown name that is 0
	return number
}
