package dane

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/printable"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// WriteTranscript writes the result as mail gateways show a DANE check: a line for
// each step, and the verdict. It ends with the first connection that is good for a
// message. Without a verdict, that is where Unresolved or Local is set, the line says why.
func (r *Result) WriteTranscript(w io.Writer) error { return r.write(w, false) }

// WriteLongTranscript writes all hosts and addresses that there was an attempt at, and after
// each connection what was said on it, and how long each step took. The lines are
// otherwise those of [Result.WriteTranscript]. Replies are cut as in JSON.
func (r *Result) WriteLongTranscript(w io.Writer) error { return r.write(w, true) }

func (r *Result) write(w io.Writer, long bool) error {
	t := transcript{domain: r.Name, long: long}
	if r.Domain != nil {
		t.domain = r.Domain.Name
	}
	t.result(r)
	_, err := w.Write(t.text.Bytes())
	return err
}

// String returns the transcript.
func (r *Result) String() string {
	var b strings.Builder
	r.WriteTranscript(&b) // a Builder takes everything
	return b.String()
}

type transcript struct {
	text   bytes.Buffer
	domain string
	long   bool // with all attempts, and the evidence of each
}

// line writes a line. Strangers have a say in what is in it, and must not begin a line of
// their own.
func (t *transcript) line(format string, args ...any) {
	t.text.WriteString(printable.Line(fmt.Sprintf(format, args...)) + "\n")
}

func (t *transcript) result(r *Result) {
	switch {
	case r.Domain == nil:
		t.line("No lookup for %s: %s", t.domain, cause(r.Err))
	case r.Domain.Routed:
		t.line("No MX lookup for %s: its hosts are given.", t.domain)
	case r.Domain.Lookup.Err != nil:
		t.failedLookup(r.Domain.Lookup, "MX", "for "+t.domain)
		if r.Unresolved {
			return
		}
	case errors.Is(r.Err, ErrNullMX):
		t.line("%s null MX record found for %s. The domain does not accept mail.", upper(r.Domain.Status), t.domain)
	case errors.Is(r.Err, ErrNoDomain):
		t.line("%s denial of %s: the domain does not exist.", upper(r.Domain.Status), t.domain)
	case r.Domain.Implicit:
		t.line("%s denial of MX records for %s. The domain itself is the host.", upper(r.Domain.Status), t.domain)
	}
	for i := range r.Hosts {
		h := &r.Hosts[i]
		if i > 0 {
			t.line("Trying next MX record in %s", t.domain)
		}
		t.host(r.Domain, h)
		if !t.long && r.Outcome != OutcomeFailure && h == r.decider() && len(h.Attempts) > 0 {
			break
		}
	}
	if r.Domain != nil && r.Domain.Omitted > 0 {
		t.line("%d more MX records in %s are left out.", r.Domain.Omitted, t.domain)
	}
	if r.Local {
		t.line("No verdict for %s, for a lack of this machine: %s", t.domain, cause(r.Err))
		return
	}
	if r.Planned {
		t.line("DANE PLAN for %s: %s", t.domain, r.action())
		return
	}
	if r.Outcome == OutcomeSuccess {
		t.line("DANE SUCCESS for %s", t.domain)
	} else {
		t.line("DANE FAILED for %s", t.domain)
	}
	t.line("DANE verification completed.")
}

func (t *transcript) host(d *Domain, h *HostResult) {
	if !d.Implicit && !d.Routed {
		t.line("%s MX record(%s) found for %s", upper(d.Status), h.Name, t.domain)
		if d.Status != dnssec.Secure {
			t.line("%s MX record(%s) found. The command will still proceed.", upper(d.Status), h.Name)
		}
	}
	of := fmt.Sprintf("for MX(%s) in %s", h.Name, t.domain)
	t.addresses(h, of)
	if len(h.Attempts) == 0 && h.TLSA != nil {
		t.tlsa(h, of)
	}
	if errors.Is(h.Err, ErrNotDANE) {
		t.line("Not delivering to MX(%s) in %s: %s.", h.Name, t.domain, ErrNotDANE)
	}
	if h.Omitted > 0 {
		t.line("%d more records %s are left out.", h.Omitted, of)
	}
}

// addresses writes the addresses and the attempts at them.
func (t *transcript) addresses(h *HostResult, of string) {
	for _, l := range h.Lookups {
		if l.Err != nil && (l.Type == dns.TypeA || l.Type == dns.TypeAAAA) {
			t.failedLookup(l, dns.TypeToString[l.Type], of)
		}
	}
	if len(h.Addresses) == 0 && h.Err != nil {
		switch {
		case errors.Is(h.Err, ErrNoAddress):
			t.line("No A or AAAA record found %s", of)
		case errors.Is(h.Err, ErrName):
			t.line("No lookup %s: %s", of, cause(h.Err))
		}
		return
	}
	tried := 0
	for i, a := range h.Addresses {
		family := "A"
		if a.Addr.Is6() {
			family = "AAAA"
		}
		if i > 0 {
			t.line("Trying next %s record (%s) %s", family, a.Addr, of)
		}
		t.line("%s %s record (%s) found %s", upper(a.Status), family, a.Addr, of)
		if a.Refused {
			t.line("Not connecting to %s: %s.", a.Addr, ErrRefusedAddress)
		}
		for _, made := range h.Attempts {
			if made.Addr.Addr() != a.Addr {
				continue
			}
			t.attempt(h, made, tried == 0, of)
			if tried++; t.long {
				t.steps(made)
			} else if made.Err == nil {
				return
			}
		}
	}
}

// attempt writes one connection. The TLSA line stands in the first one.
func (t *transcript) attempt(h *HostResult, a Attempt, first bool, of string) {
	failed, _ := errors.AsType[*smtpprobe.Error](a.Err)
	t.line("Connecting to %s on port %d.", a.Addr.Addr(), a.Addr.Port())
	connected := a.Session != nil && a.Session.LocalAddr.IsValid()
	if connected {
		t.line("Connected to %s from interface %s.", a.Addr.Addr(), a.Session.LocalAddr.Addr())
	}
	if first {
		t.tlsa(h, of)
	}
	if !connected || failed != nil && failed.Stage < smtpprobe.StageStartTLS {
		t.line("Connection to %s failed: %s", a.Addr.Addr(), cause(a.Err))
		return
	}
	t.line("Checking TLS connection.")
	if state := a.Session.TLS; state != nil {
		how := "TLS connection established"
		if !state.HandshakeComplete {
			how = "TLS handshake not completed"
		}
		t.line("%s: protocol %s, cipher %s.", how, smtpprobe.ProtocolName(state.Version), smtpprobe.CipherName(state.CipherSuite))
	}
	_, mismatch := errors.AsType[*tlsa.Error](a.Err)
	switch {
	case a.Authenticated:
		t.line("Certificate verification successful")
	case mismatch:
		t.line("Certificate verification failed: %s", cause(a.Err))
		t.line("TLS connection failed %s.", t.domain)
		return
	}
	if a.Err != nil {
		t.line("TLS connection failed %s: %s", t.domain, cause(a.Err))
		return
	}
	t.line("TLS connection succeeded %s.", t.domain)
}

// steps writes what was said, and how long it took.
func (t *transcript) steps(a Attempt) {
	if a.Session == nil {
		return
	}
	for _, step := range a.Session.Steps {
		took := shownTime(step.Duration)
		if step.Command == "" {
			t.line("  %s (%s)", step.Stage, took)
		} else {
			t.line("  C: %s (%s)", step.Command, took)
		}
		for _, text := range shownLines(step.Reply) {
			t.line("  S: %s", smtpprobe.Reply{Code: step.Reply.Code, Lines: []string{text}})
		}
	}
}

// shownTime returns a duration in ASCII, which microseconds as such are not.
func shownTime(d time.Duration) string {
	if d < time.Millisecond {
		return fmt.Sprintf("%.1fms", milliseconds(d))
	}
	return d.Round(100 * time.Microsecond).String()
}

// tlsa writes what the TLSA lookup gave.
func (t *transcript) tlsa(h *HostResult, of string) {
	l := h.TLSA
	switch {
	case l == nil: // it is by the policy that the host was connected to
	case l.Err != nil:
		t.failedLookup(*l, "TLSA", of)
	case len(l.Records) == 0:
		t.line("No TLSA record found %s", of)
	default:
		t.line("%s TLSA record found %s", upper(l.Status), of)
		switch some := slices.ContainsFunc(h.Records, usable); {
		case h.Action == MustEncrypt && len(h.Records) > 0:
			t.line("No usable TLSA record found %s. The certificate will not be verified.", of)
		case len(h.Records) > 0 && !some:
			t.line("No usable TLSA record found %s.", of)
		}
	}
}

// failedLookup writes a BOGUS line for broken data, and INDETERMINATE with the
// cause for everything that is not the domain's doing.
func (t *transcript) failedLookup(l Lookup, rrtype, of string) {
	if l.Status == dnssec.Bogus {
		t.line("BOGUS %s record found %s", rrtype, of)
		return
	}
	t.line("INDETERMINATE %s record %s: %s", rrtype, of, lookupCause(l))
}

// lookupCause is why a lookup failed, in words.
func lookupCause(l Lookup) string {
	e, ok := errors.AsType[*dnssec.Error](l.Err)
	switch {
	case ok && e.Err != nil && e.Reason.Text != "":
		return e.Reason.Text + ": " + e.Err.Error()
	case ok && e.Reason.Text != "":
		return e.Reason.Text
	}
	return l.Err.Error()
}

// cause is an error without the parts that the line above has said.
func cause(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Err != nil {
		err = e.Err
	}
	if e, ok := errors.AsType[*smtpprobe.Error](err); ok && e.Err != nil {
		if err = e.Err; e.Reply != nil {
			return refusedAt[e.Stage] + ": " + e.Reply.String()
		}
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// refusedAt says what a server refused.
var refusedAt = map[smtpprobe.Stage]string{
	smtpprobe.StageGreeting: "greeting", smtpprobe.StageHello: "EHLO", smtpprobe.StageStartTLS: "STARTTLS",
	smtpprobe.StageHelloTLS: "EHLO over TLS", smtpprobe.StageQuit: "QUIT",
}

func upper(s dnssec.Status) string { return strings.ToUpper(s.String()) }
