package dane

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/danesmtp/danesmtp/internal/printable"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// What is shown of the certificates of one probe: more than servers present, and no more
// than a report can carry.
const (
	maxShownCertificates = 8
	maxShownNames        = 32
	maxShownDER          = 8 << 10 // octets of one certificate
)

type (
	jsonCertificate struct {
		Subject   string    `json:"subject"`
		Issuer    string    `json:"issuer"`
		Names     []string  `json:"names,omitempty"`
		NotBefore time.Time `json:"not_before"`
		NotAfter  time.Time `json:"not_after"`
		SHA256    string    `json:"sha256"`
		SPKI      string    `json:"spki_sha256"`
		DER       []byte    `json:"der,omitempty"`
	}
	jsonReport struct {
		Scheme    string        `json:"scheme"`
		Verdicts  []jsonVerdict `json:"verdicts,omitempty"`
		Unmatched []int         `json:"unmatched,omitempty"`
		Findings  []jsonProblem `json:"findings,omitempty"`
	}
	jsonVerdict struct {
		Record string `json:"record"`
		Match  bool   `json:"match"`
		Depth  int    `json:"depth"`
		Name   string `json:"name,omitempty"`
		Reason string `json:"reason,omitempty"`
		Error  string `json:"error,omitempty"`
	}
	jsonProblem struct {
		Problem     string `json:"problem"`
		Record      int    `json:"record"`
		Certificate int    `json:"certificate"`
		Chain       int    `json:"chain,omitempty"`
	}
)

// certificatesJSON shows the certificates as far as the limits go: first the server's own.
func certificatesJSON(chain []*x509.Certificate) (out []jsonCertificate) {
	for _, cert := range chain[:min(len(chain), maxShownCertificates)] {
		if cert == nil || len(cert.Raw) > maxShownDER {
			break
		}
		whole, key := sha256.Sum256(cert.Raw), sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		shown := jsonCertificate{
			Subject: printable.Line(cert.Subject.String()), Issuer: printable.Line(cert.Issuer.String()),
			NotBefore: writable(cert.NotBefore), NotAfter: writable(cert.NotAfter),
			SHA256: hex.EncodeToString(whole[:]), SPKI: hex.EncodeToString(key[:]), DER: cert.Raw,
		}
		for _, name := range cert.DNSNames[:min(len(cert.DNSNames), maxShownNames)] {
			shown.Names = append(shown.Names, printable.Line(name))
		}
		out = append(out, shown)
	}
	return out
}

// writable is a time of a certificate as RFC 3339 can have it. Those who made the certificate may have
// chosen a zone that is a day away, and a year that has not four digits elsewhere.
func writable(t time.Time) time.Time {
	t = t.UTC()
	switch year := t.Year(); {
	case year < 0:
		return time.Date(0, time.January, 1, 0, 0, 0, 0, time.UTC)
	case year > 9999:
		return time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)
	}
	return t
}

func reportJSON(r *tlsa.Report) *jsonReport {
	if r == nil {
		return nil
	}
	out := &jsonReport{Scheme: r.Scheme.String(), Unmatched: r.Unmatched}
	for _, v := range r.Verdicts {
		verdict := jsonVerdict{Record: v.Record.String(), Match: v.Err == nil, Depth: v.Match.Depth, Name: printable.Line(v.Match.Name)}
		if e, ok := errors.AsType[*tlsa.Error](v.Err); ok {
			verdict.Reason = e.Reason.String()
			if e.Err != nil {
				verdict.Error = printable.Line(e.Err.Error())
			}
		}
		out.Verdicts = append(out.Verdicts, verdict)
	}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, jsonProblem{f.Problem.String(), f.Record, f.Certificate, f.Chain})
	}
	return out
}

// failure returns the error of the attempt, with the stage at which it came.
func (in *jsonProbe) failure() (error, error) {
	err := recorded(Failure{ResultType: in.ResultType, Code: in.Code, Reason: in.Reason, Text: in.Error, Local: in.LocalLack})
	kept, ok := err.(*recordedError)
	if !ok || in.Stage == "" {
		return err, nil
	}
	for kept.stage = smtpprobe.StageDial; kept.stage <= smtpprobe.StageQuit; kept.stage++ {
		if kept.stage.String() == in.Stage {
			kept.staged = true
			return err, nil
		}
	}
	return nil, fmt.Errorf("stage %q", in.Stage)
}

// evidence adds the certificates, and what they and the records make of each other.
func (in *jsonProbe) evidence(a *Attempt) error {
	chain, err := decodeCertificates(in.Certificates)
	if err != nil {
		return err
	}
	if len(chain) > 0 && a.Session.TLS == nil {
		a.Session.TLS = &tls.ConnectionState{HandshakeComplete: !in.Incomplete}
	}
	if len(chain) > 0 {
		a.Session.TLS.PeerCertificates = chain
	}
	a.OthersSought, a.OnlyTLS13 = in.OthersSought, in.OnlyTLS13
	for _, shown := range [...][]jsonCertificate{in.Other, in.Third} {
		other, err := decodeCertificates(shown)
		if err != nil {
			return err
		}
		if len(other) > 0 {
			a.Others = append(a.Others, other)
		}
	}
	if len(a.Others) > 0 {
		a.Other = a.Others[0]
	}
	if in.Report == nil {
		return nil
	}
	a.Report, err = in.Report.decode()
	return err
}

func decodeCertificates(in []jsonCertificate) (chain []*x509.Certificate, err error) {
	if len(in) > maxShownCertificates {
		return nil, fmt.Errorf("%d certificates, more than %d", len(in), maxShownCertificates)
	}
	for _, c := range in {
		if len(c.DER) > maxShownDER {
			return nil, fmt.Errorf("a certificate of %d octets, more than %d", len(c.DER), maxShownDER)
		}
		cert, err := x509.ParseCertificate(c.DER)
		if err != nil {
			return nil, err
		}
		chain = append(chain, cert)
	}
	return chain, nil
}

func (in *jsonReport) decode() (*tlsa.Report, error) {
	r := &tlsa.Report{Unmatched: in.Unmatched}
	for r.Scheme = tlsa.NoScheme; r.Scheme.String() != in.Scheme; r.Scheme++ {
		if r.Scheme == tlsa.IssuerOnly {
			return nil, fmt.Errorf("scheme %q", in.Scheme)
		}
	}
	for _, v := range in.Verdicts {
		verdict := tlsa.Verdict{}
		var err error
		if verdict.Record, err = tlsa.Parse(v.Record); err != nil {
			return nil, err
		}
		if v.Match {
			verdict.Match = tlsa.Match{Record: verdict.Record, Index: len(r.Verdicts), Depth: v.Depth, Name: v.Name}
		} else {
			verdict.Err = v.failure(verdict.Record)
		}
		r.Verdicts = append(r.Verdicts, verdict)
	}
	for _, p := range in.Findings {
		finding := tlsa.Finding{Record: p.Record, Certificate: p.Certificate, Chain: p.Chain}
		for finding.Problem = 1; finding.Problem.String() != p.Problem; finding.Problem++ {
			if finding.Problem == tlsa.ProblemRollover {
				return nil, fmt.Errorf("problem %q", p.Problem)
			}
		}
		r.Findings = append(r.Findings, finding)
	}
	return r, nil
}

// failure returns the error of a record that did not match.
func (in *jsonVerdict) failure(r tlsa.Record) error {
	e := &tlsa.Error{Record: &r, Depth: -1}
	for reason := tlsa.ReasonNoUsableRecord; reason <= tlsa.ReasonPlan; reason++ {
		if reason.String() == in.Reason {
			e.Reason = reason
		}
	}
	if in.Error != "" {
		e.Err = errors.New(in.Error)
	}
	return e
}
