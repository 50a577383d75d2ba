package dane

import (
	"encoding/json"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// jsonVersion changes when a field changes its meaning or goes.
const jsonVersion = 1

// The form of a Result in JSON. Durations are in milliseconds, instants in RFC
// 3339, names without the final dot.
type (
	jsonResult struct {
		Version    int          `json:"version"`
		Domain     string       `json:"domain"`
		Outcome    Outcome      `json:"outcome"`
		Mandatory  bool         `json:"mandatory,omitempty"`
		Unresolved bool         `json:"unresolved,omitempty"`
		Permanent  bool         `json:"permanent,omitempty"`
		Code       string       `json:"code,omitempty"`
		Failure    FailureType  `json:"failure,omitempty"`
		Error      string       `json:"error,omitempty"`
		Omitted    int          `json:"omitted_hosts,omitempty"`
		Hosts      []jsonHost   `json:"hosts,omitempty"`
		Lookups    []jsonLookup `json:"lookups"`
		Started    time.Time    `json:"started"`
		Elapsed    float64      `json:"elapsed_ms"`
	}
	jsonHost struct {
		Host      string        `json:"host"`
		Action    Action        `json:"action"`
		Error     string        `json:"error,omitempty"`
		MXSecure  bool          `json:"mx_secure"`
		Base      string        `json:"base,omitempty"`
		Names     []string      `json:"names,omitempty"`
		Addresses []jsonAddress `json:"addresses,omitempty"`
		TLSA      []string      `json:"tlsa,omitempty"`
		Omitted   int           `json:"omitted_records,omitempty"`
		Probes    []jsonProbe   `json:"probes,omitempty"`
	}
	jsonAddress struct {
		Address string        `json:"address"`
		Status  dnssec.Status `json:"status"`
		Refused bool          `json:"refused,omitempty"`
	}
	jsonProbe struct {
		Address       string      `json:"address"`
		Local         string      `json:"local,omitempty"`
		Authenticated bool        `json:"authenticated"`
		Protocol      string      `json:"protocol,omitempty"`
		Cipher        string      `json:"cipher,omitempty"`
		Match         *jsonMatch  `json:"match,omitempty"`
		Error         string      `json:"error,omitempty"`
		Code          string      `json:"code,omitempty"`
		Failure       FailureType `json:"failure,omitempty"`
	}
	jsonMatch struct {
		Record string `json:"record"`
		Depth  int    `json:"depth"`
		Name   string `json:"name,omitempty"`
	}
	jsonLookup struct {
		Name    string        `json:"name"`
		Type    string        `json:"type"`
		Status  dnssec.Status `json:"status"`
		RCode   string        `json:"rcode,omitempty"`
		Records []string      `json:"records,omitempty"`
		Aliases []jsonAlias   `json:"aliases,omitempty"`
		Reason  string        `json:"reason,omitempty"`
		EDE     *dnssec.EDE   `json:"ede,omitempty"`
		Error   string        `json:"error,omitempty"`
		Expires *time.Time    `json:"expires,omitempty"`
		Elapsed float64       `json:"elapsed_ms"`
	}
	jsonAlias struct {
		Name   string        `json:"name"`
		Target string        `json:"target"`
		Type   string        `json:"type"`
		Status dnssec.Status `json:"status"`
	}
)

// MarshalJSON gives all facts of the result as one JSON object. "domain",
// "outcome" ("success", "failure", "none") and "lookups" are always there; each
// lookup has "name", "type" and "status" ("secure", "insecure", "bogus",
// "indeterminate"), and where it is not secure "reason" and "ede" (RFC 8914).
func (r *Result) MarshalJSON() ([]byte, error) {
	failure := r.Failure()
	out := jsonResult{
		Version: jsonVersion, Domain: r.Name, Outcome: r.Outcome, Mandatory: r.Mandatory, Unresolved: r.Unresolved,
		Permanent: r.Permanent(), Code: failure.Code, Failure: failure.Type, Error: failure.Text,
		Lookups: []jsonLookup{}, Started: r.Started, Elapsed: milliseconds(r.Elapsed),
	}
	if r.Domain != nil {
		out.Domain, out.Omitted = r.Domain.Name, r.Domain.Omitted
	}
	for _, h := range r.Hosts {
		out.Hosts = append(out.Hosts, hostJSON(&h))
	}
	for _, l := range r.Lookups() {
		out.Lookups = append(out.Lookups, lookupJSON(l))
	}
	return json.Marshal(out)
}

func hostJSON(h *HostResult) jsonHost {
	out := jsonHost{
		Host: h.Name, Action: h.Action, Error: text(h.Err), MXSecure: h.MXSecure, Base: h.Base, Names: h.Names, Omitted: h.Omitted,
	}
	for _, a := range h.Addresses {
		out.Addresses = append(out.Addresses, jsonAddress{a.Addr.String(), a.Status, a.Refused})
	}
	for _, record := range h.Records {
		out.TLSA = append(out.TLSA, record.String())
	}
	for _, p := range h.Probes {
		failure := h.Failure(p.Err)
		probe := jsonProbe{Address: p.Addr.String(), Authenticated: p.Authenticated, Error: failure.Text, Code: failure.Code, Failure: failure.Type}
		if s := p.Session; s != nil {
			if s.LocalAddr.IsValid() {
				probe.Local = s.LocalAddr.String()
			}
			if s.TLS != nil {
				probe.Protocol, probe.Cipher = smtpprobe.ProtocolName(s.TLS.Version), smtpprobe.CipherName(s.TLS.CipherSuite)
			}
		}
		if p.Authenticated {
			probe.Match = &jsonMatch{p.Match.Record.String(), p.Match.Depth, p.Match.Name}
		}
		out.Probes = append(out.Probes, probe)
	}
	return out
}

func lookupJSON(l Lookup) jsonLookup {
	out := jsonLookup{
		Name: l.Name, Type: dns.Type(l.Type).String(), Status: l.Status, Records: l.Records, Error: text(l.Err), Elapsed: milliseconds(l.Elapsed),
	}
	if l.Err == nil {
		out.RCode = dns.RcodeToString[l.RCode]
	}
	if l.Status != dnssec.Secure {
		out.Reason, out.EDE = l.Reason.String(), &l.Reason.Code
		if out.Reason == "" {
			out.Reason = "the resolver gave no reason"
		}
	}
	if !l.Expires.IsZero() {
		out.Expires = &l.Expires
	}
	for _, a := range l.Aliases {
		out.Aliases = append(out.Aliases, jsonAlias{fromDNS(a.Name), fromDNS(a.Target), dns.Type(a.Type).String(), a.Status})
	}
	return out
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
