package tlsrpt

import (
	"bytes"
	"encoding/json"
	"net/netip"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// What strangers have a say in is bounded: hosts, records, and the words of servers.
const (
	// Reports of one delivery: 16 hosts with 4 addresses each, and as much again.
	maxReports = 128
	// Octets of a datagram with several policies. BSD systems take 8 KB as a rule, Linux 200.
	// A policy that has more is alone in its datagram, and the system decides.
	maxDatagram = 8192
	// Strings of a policy, and octets of each: a TLSA record with a digest has 140.
	maxStrings, maxString = 32, printable.Max
	// Octets of names and reasons, as many as a domain name has at most.
	maxText = 255
)

// protocolVersion is the version of the collector's protocol.
const protocolVersion = "1"

// A datagram is what the collector reads, with its keys.
type datagram struct {
	Version  string            `json:"dpv"`
	Domain   string            `json:"d"`
	Record   string            `json:"pr"`
	Policies []json.RawMessage `json:"policies"`
}

type policy struct {
	Type     int       `json:"policy-type"`
	Domain   string    `json:"policy-domain,omitempty"`
	Strings  []string  `json:"policy-string,omitempty"`
	MXHosts  []string  `json:"mx-host,omitempty"`
	Failures []failure `json:"failure-details,omitempty"`
	Count    int       `json:"t"` // of Failures
	Final    int       `json:"f"` // 0 success, 1 failure
}

type failure struct {
	Code      int    `json:"c"`
	Reason    string `json:"f,omitempty"`
	MXHello   string `json:"h,omitempty"`
	MXHost    string `json:"n,omitempty"`
	Addr      string `json:"r,omitempty"`
	LocalAddr string `json:"s,omitempty"`
}

// policyType is the collector's number for a policy type of RFC 8460 §4.4.
func policyType(name string) int {
	switch name {
	case "tlsa":
		return 1
	case "sts":
		return 2
	}
	return 9 // no-policy-found
}

// resultCode is the collector's number for a result type of RFC 8460 §4.3.
func resultCode(t dane.ResultType) int {
	switch t {
	case dane.STARTTLSNotSupported:
		return 201
	case dane.CertificateHostMismatch:
		return 202
	case dane.CertificateNotTrusted:
		return 203
	case dane.CertificateExpired:
		return 204
	case dane.STSPolicyFetchError:
		return 301
	case dane.STSPolicyInvalid:
		return 302
	case dane.STSWebPKIInvalid:
		return 303
	case dane.TLSAInvalid:
		return 304
	case dane.DNSSECInvalid:
		return 305
	case dane.DANERequired:
		return 306
	}
	return 205 // validation-failure: a failure that has no other type (RFC 8460 §4.3.1)
}

// counts reports whether a session is one of those that a report counts: TLS has failed, or
// has not.
func counts(r dane.Report) bool { return r.Failure.ResultType != "" || r.Passed && r.Encrypted }

// newPolicy is one session.
func newPolicy(r dane.Report) policy {
	p := policy{
		Type: policyType(r.Policy.Type), Domain: text(r.Policy.Domain, maxText),
		Strings: texts(r.Policy.Strings), MXHosts: texts(r.Policy.MXHosts),
	}
	if r.Failure.ResultType != "" {
		p.Count, p.Final = 1, 1
		p.Failures = []failure{{
			Code: resultCode(r.Failure.ResultType), Reason: text(r.Failure.Reason, maxText),
			MXHello: text(r.MXHello, maxText), MXHost: text(r.MXHost, maxText), Addr: address(r.Addr), LocalAddr: address(r.LocalAddr),
		}}
	}
	return p
}

// datagrams returns what to send about the sessions of a delivery: one datagram, or more where
// it would be too long.
func datagrams(domain, record string, reports []dane.Report) (payloads [][]byte) {
	d := datagram{Version: protocolVersion, Domain: text(domain, maxText), Record: record}
	fixed := len(encode(d))
	size := fixed
	for _, r := range reports {
		p := encode(newPolicy(r))
		if len(d.Policies) > 0 && size+len(p) > maxDatagram {
			payloads = append(payloads, encode(d))
			d.Policies, size = nil, fixed
		}
		d.Policies = append(d.Policies, p)
		size += len(p) + len(",")
	}
	return append(payloads, encode(d))
}

// encode returns JSON on one line, without the line end.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // a record may have URLs with &
	if err := e.Encode(v); err != nil {
		panic(err) // structs of strings and numbers have no errors
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// text returns a stranger's words as printable ASCII.
func text(s string, limit int) string {
	const ellipsis = "..."
	line := printable.Line(s[:min(len(s), limit+1)]) // it does not get shorter
	if len(line) > limit {
		line = line[:limit-len(ellipsis)] + ellipsis
	}
	return line
}

func texts(all []string) (out []string) {
	for _, s := range all[:min(len(all), maxStrings)] {
		out = append(out, text(s, maxString))
	}
	return out
}

func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.WithZone("").String()
}
