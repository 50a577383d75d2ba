package dane

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/printable"
	"github.com/danesmtp/danesmtp/tlsa"
)

// UnmarshalJSON reads what MarshalJSON writes. Facts are as they were, errors are
// their texts, which Failure still classifies, and of a session there is what JSON
// has. The hosts cannot be delivered to: they have no Addrs, and their action is to
// be read, not acted on.
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
		Name: in.Domain, Outcome: in.Outcome, Profile: in.Profile, MTASTS: in.MTASTS, Mandatory: in.Mandatory, Unresolved: in.Unresolved, Planned: in.Plan != nil,
		Started: in.Started, Elapsed: duration(in.Elapsed), Expires: moment(in.Expires),
		Err: recorded(Failure{ResultType: in.ResultType, Code: in.Code, Reason: in.Reason, Text: in.Error}),
	}
	var lookups []Lookup
	for _, l := range in.Lookups {
		lookup, err := l.decode()
		if err != nil {
			return err
		}
		lookups = append(lookups, lookup)
	}
	// take returns the next ones, in the order in which Lookups has them.
	take := func(n int) ([]Lookup, error) {
		if n < 0 || n > len(lookups) {
			return nil, errors.New("dane: result: lookups are missing")
		}
		taken := lookups[:n:n]
		lookups = lookups[n:]
		return taken, nil
	}
	if p := in.Place; p != nil {
		out.Domain = &Domain{Name: in.Domain, Expanded: p.Expanded, Status: p.Status, Implicit: p.Implicit, Routed: p.Routed, Port: p.Port, Omitted: in.Omitted}
		for _, mx := range p.MX {
			out.Domain.MX = append(out.Domain.MX, MX(mx))
		}
		if !p.Routed {
			first, err := take(1)
			if err != nil {
				return err
			}
			out.Domain.Lookup = first[0]
		}
	}
	if out.Domain == nil && len(in.Hosts) > 0 {
		return errors.New("dane: result: hosts without destination")
	}
	for _, h := range in.Hosts {
		own, err := take(h.Lookups)
		if err != nil {
			return err
		}
		host, err := h.decode(in.Domain, own)
		if err != nil {
			return err
		}
		host.planned = out.Planned
		out.Hosts = append(out.Hosts, host)
	}
	if len(lookups) > 0 {
		return errors.New("dane: result: lookups of no host")
	}
	*r = out
	return nil
}

func (in *jsonHost) decode(domain string, lookups []Lookup) (HostResult, error) {
	h := &Host{
		Domain: domain, Name: in.Host, Port: in.Port, Action: in.Action, MXSecure: in.MXSecure, Routed: in.Routed, MTASTS: in.MTASTS, PKIX: in.PKIX,
		Base: in.Base, Names: in.Names, Omitted: in.Omitted, Lookups: lookups,
		Err: recorded(Failure{ResultType: in.ResultType, Code: in.Code, Reason: in.Reason, Text: in.Error}),
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
	l.Err = recorded(Failure{Text: in.Error})
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

// A recordedError is what is left of an error in JSON.
type recordedError struct{ failure Failure }

func (e *recordedError) Error() string { return e.failure.Text }

// recorded returns the error of a failure, nil if there was none. Its words are for logs
// and reports, whoever wrote the JSON.
func recorded(failure Failure) error {
	if failure.Text == "" {
		return nil
	}
	failure.Permanent = strings.HasPrefix(failure.Code, "5") // nothing else says so
	failure.ResultType = ResultType(printable.Line(string(failure.ResultType)))
	failure.Code, failure.Reason, failure.Text = printable.Line(failure.Code), printable.Line(failure.Reason), printable.Line(failure.Text)
	return &recordedError{failure}
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
