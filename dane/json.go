package dane

import (
	"fmt"
	"slices"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/printable"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// jsonVersion changes when a field changes its meaning or goes.
const jsonVersion = 1

// The form of a Result in JSON. Durations are in milliseconds, instants in RFC
// 3339, names without the final dot.
type (
	jsonResult struct {
		jsonHead
		Lookups []jsonLookup `json:"lookups"`
		jsonTail
	}
	jsonHead struct {
		Version    int        `json:"version"`
		Domain     string     `json:"domain"`
		Outcome    Outcome    `json:"outcome"`
		Profile    Profile    `json:"profile"`
		MTASTS     bool       `json:"mta_sts"`
		Mandatory  bool       `json:"mandatory,omitempty"`
		Unresolved bool       `json:"unresolved,omitempty"`
		Local      bool       `json:"local_lack,omitempty"`
		Plan       *Action    `json:"plan,omitempty"`
		Permanent  bool       `json:"permanent,omitempty"`
		Code       string     `json:"code,omitempty"`
		ResultType ResultType `json:"failure,omitempty"`
		Reason     string     `json:"failure_reason,omitempty"`
		Error      string     `json:"error,omitempty"`
		Decision   string     `json:"decision,omitempty"`
		Place      *jsonPlace `json:"destination,omitempty"`
		Omitted    int        `json:"omitted_hosts,omitempty"`
		Hosts      []jsonHost `json:"hosts,omitempty"`
	}
	jsonTail struct {
		Expires *time.Time `json:"expires,omitempty"`
		Started time.Time  `json:"started"`
		Elapsed float64    `json:"elapsed_ms"`
	}
	jsonPlace struct {
		Expanded string        `json:"expanded"`
		Status   dnssec.Status `json:"status"`
		Implicit bool          `json:"implicit,omitempty"`
		Routed   bool          `json:"routed,omitempty"`
		Port     uint16        `json:"port,omitempty"`
		MX       []jsonMX      `json:"mx,omitempty"`
	}
	jsonMX struct {
		Preference uint16 `json:"preference"`
		Host       string `json:"host"`
	}
	jsonHost struct {
		Host       string        `json:"host"`
		Port       uint16        `json:"port"`
		Action     Action        `json:"action"`
		Error      string        `json:"error,omitempty"`
		Code       string        `json:"code,omitempty"`
		ResultType ResultType    `json:"failure,omitempty"`
		Reason     string        `json:"failure_reason,omitempty"`
		MXSecure   bool          `json:"mx_secure"`
		Routed     bool          `json:"routed,omitempty"`
		MTASTS     bool          `json:"mta_sts"`
		PKIX       string        `json:"pkix,omitempty"`
		Base       string        `json:"base,omitempty"`
		Names      []string      `json:"names,omitempty"`
		Addresses  []jsonAddress `json:"addresses,omitempty"`
		TLSA       []string      `json:"tlsa,omitempty"`
		Report     ReportPolicy  `json:"report_policy"`
		Local      bool          `json:"local_lack,omitempty"`
		Omitted    int           `json:"omitted_records,omitempty"`
		Lookups    int           `json:"lookup_count"` // of the result's lookups, in order
		Probes     []jsonProbe   `json:"probes,omitempty"`
	}
	jsonAddress struct {
		Address string        `json:"address"`
		Status  dnssec.Status `json:"status"`
		Refused bool          `json:"refused,omitempty"`
	}
	jsonProbe struct {
		Address       string     `json:"address"`
		Local         string     `json:"local,omitempty"`
		Authenticated bool       `json:"authenticated"`
		Fallback      bool       `json:"fallback,omitempty"`
		Protocol      string     `json:"protocol,omitempty"`
		Cipher        string     `json:"cipher,omitempty"`
		Incomplete    bool       `json:"handshake_incomplete,omitempty"`
		Match         *jsonMatch `json:"match,omitempty"`
		Error         string     `json:"error,omitempty"`
		Code          string     `json:"code,omitempty"`
		ResultType    ResultType `json:"failure,omitempty"`
		Reason        string     `json:"failure_reason,omitempty"`
		Stage         string     `json:"stage,omitempty"`
		LocalLack     bool       `json:"local_lack,omitempty"`
		Steps         []jsonStep `json:"steps,omitempty"`
		Elapsed       float64    `json:"elapsed_ms"`

		Certificates []jsonCertificate `json:"certificates,omitempty"`
		Other        []jsonCertificate `json:"other_certificates,omitempty"`
		Third        []jsonCertificate `json:"third_certificates,omitempty"`
		OthersSought bool              `json:"others_sought,omitempty"`
		OnlyTLS13    bool              `json:"only_tls13,omitempty"`
		Report       *jsonReport       `json:"report,omitempty"`
	}
	jsonStep struct {
		Stage   string   `json:"stage"`
		Command string   `json:"command,omitempty"`
		Code    int      `json:"code,omitempty"`
		Reply   []string `json:"reply,omitempty"`
		Start   float64  `json:"start_ms"`
		Elapsed float64  `json:"elapsed_ms"`
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
		Local   bool          `json:"local_lack,omitempty"`
		Elapsed float64       `json:"elapsed_ms"`
		Queries []jsonQuery   `json:"queries,omitempty"`
		Cause   *jsonCause    `json:"cause,omitempty"`
		Chain   []jsonLink    `json:"chain,omitempty"`
	}
	jsonQuery struct {
		Name       string   `json:"name"`
		Type       string   `json:"type"`
		Server     string   `json:"server,omitempty"`
		Network    string   `json:"network,omitempty"`
		RCode      string   `json:"rcode,omitempty"`
		Error      string   `json:"error,omitempty"`
		PassedOver []string `json:"passed_over,omitempty"`
		Elapsed    float64  `json:"elapsed_ms"`
	}
	jsonAlias struct {
		Name   string        `json:"name"`
		Target string        `json:"target"`
		Type   string        `json:"type"`
		Status dnssec.Status `json:"status"`
	}
)

// MarshalJSON gives all facts of the result as one JSON object. "version" changes
// when a field changes its meaning or goes; others may be added. "domain",
// "outcome" ("success", "failure", "none") and "lookups" are always there; each
// lookup has "name", "type" and "status" ("secure", "insecure", "bogus",
// "indeterminate"), and where it is not secure "reason" and "ede" (RFC 8914). The
// "steps" of a probe, which is an [Attempt], are what was said, and when; of a reply there are at most 32 lines
// of 256 characters each. A result of [Checker.Plan] has "plan", the action for the host that
// decides, and its "outcome" is what the DNS allows at best. The schema is schema.json in
// this package's directory.
func (r *Result) MarshalJSON() ([]byte, error) { return r.AppendJSON(nil) }

// AppendJSON appends to b what MarshalJSON returns. After an error it appends nothing.
func (r *Result) AppendJSON(b []byte) ([]byte, error) {
	t := jsonText{octets: slices.Grow(b, r.usualSize())}
	t.result(r)
	if t.err != nil {
		return b, t.err
	}
	return t.octets, nil
}

// usualSize is room for a result in JSON, with what most have.
func (r *Result) usualSize() int {
	lookups := 1
	for i := range r.Hosts {
		lookups += len(r.Hosts[i].Lookups)
	}
	return usualHost*(1+len(r.Hosts)) + usualLookup*lookups
}

// usualHost is room for a host without connections in JSON, and for what is said of the domain; usualLookup is
// room for a lookup, with the chain of a domain two labels below the root.
const (
	usualHost   = 768
	usualLookup = 1792
)

// probeJSON is what came of a connection. It is left to package encoding/json: whoever has made one has spent
// more on that.
func probeJSON(h *HostResult, a *Attempt) jsonProbe {
	failure := h.Classify(a.Err)
	out := jsonProbe{
		Address: a.Addr.String(), Authenticated: a.Authenticated, Fallback: a.Fallback,
		Error: failure.Text, Code: failure.Code, ResultType: failure.ResultType, Reason: failure.Reason, Elapsed: milliseconds(a.Elapsed),
		LocalLack: failure.Local, Certificates: certificatesJSON(a.Chain()), OthersSought: a.OthersSought, OnlyTLS13: a.OnlyTLS13, Report: reportJSON(a.Report),
	}
	if len(a.Others) > 0 {
		out.Other = certificatesJSON(a.Others[0])
	}
	if len(a.Others) > 1 {
		out.Third = certificatesJSON(a.Others[1])
	}
	if stage, ok := a.FailedAt(); ok {
		out.Stage = stage.String()
	}
	if s := a.Session; s != nil {
		out.Steps = stepsJSON(s.Steps)
		if s.LocalAddr.IsValid() {
			out.Local = s.LocalAddr.String()
		}
		if s.TLS != nil {
			out.Incomplete = !s.TLS.HandshakeComplete
			out.Protocol, out.Cipher = smtpprobe.ProtocolName(s.TLS.Version), smtpprobe.CipherName(s.TLS.CipherSuite)
		}
	}
	if a.Authenticated {
		out.Match = &jsonMatch{a.Match.Record.String(), a.Match.Depth, a.Match.Name}
	}
	return out
}

// stepsJSON is what was said on a connection, and when.
func stepsJSON(steps []smtpprobe.Step) (out []jsonStep) {
	for _, s := range steps {
		out = append(out, jsonStep{
			Stage: s.Stage.String(), Command: printable.Line(s.Command), Code: s.Reply.Code, Reply: shownLines(s.Reply),
			Start: milliseconds(s.Start), Elapsed: milliseconds(s.Duration),
		})
	}
	return out
}

// shownLines returns the lines of a reply in printable ASCII, within limits. What it
// returns it leaves as it is.
func shownLines(reply smtpprobe.Reply) (lines []string) {
	for i, line := range reply.Lines {
		if i == maxShownLines-1 && len(reply.Lines) > maxShownLines {
			return append(lines, fmt.Sprintf("... (%d more lines)", len(reply.Lines)-i))
		}
		if line = printable.Line(line); len(line) > maxShownOctets {
			line = line[:maxShownOctets-len("...")] + "..."
		}
		lines = append(lines, line)
	}
	return lines
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return printable.Line(err.Error())
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
