package dane

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/printable"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// LogTrace returns hooks that log: at level info each connection that succeeds or fails, and
// whether DANE would have failed it where the policy is to watch only; each host that is
// skipped, and each result; at level debug each query with its server, and each answer with
// status and TTL. The keys are domain, mx, addr, name, type, server, status, ttl, cached,
// action, outcome, code and err. Names and errors, in which strangers have a say, are each one
// line of printable ASCII.
func LogTrace(logger *slog.Logger) *Trace {
	log := printableLog{logger}
	return &Trace{
		Lookup: func(l Lookup) { logLookup(log, l) },
		Domain: func(d *Domain, err error) {
			if err != nil {
				log.info("no delivery", "domain", d.Report(err).Policy.Domain, "code", Classify(err).Code, "err", err)
				return
			}
			log.debug("domain", "domain", d.Name, "status", d.Status, "hosts", len(d.MX))
		},
		Host: func(h *Host) {
			if h.Err != nil {
				log.info("host skipped", "domain", h.Domain, "mx", h.Name, "code", h.Classify(h.Err).Code, "err", h.Err)
				return
			}
			log.debug("host", "domain", h.Domain, "mx", h.Name, "action", h.Action, "addrs", len(h.Addrs))
		},
		Attempt: func(h *Host, a Attempt) { logAttempt(log, h, a) },
		Result: func(r *Result) {
			log.info("DANE "+r.Outcome.String(), "domain", r.Name, "outcome", r.Outcome, "code", r.Failure().Code)
		},
	}
}

func logAttempt(log printableLog, h *Host, a Attempt) {
	attrs := []any{"domain", h.Domain, "mx", h.Name, "addr", a.Addr}
	failed := func(message string, err error) {
		log.info(message, append(slices.Clone(attrs), "code", classify(err, h, a.verified(h)).Code, "err", err)...)
	}
	for _, err := range []error{a.FallbackErr, a.Err} {
		switch {
		case err == nil:
		case h.Classify(err).ResultType != "":
			failed("TLS failed", err)
		default:
			failed("connection failed", err)
		}
	}
	if a.Err != nil {
		return
	}
	var state tls.ConnectionState
	if a.Session != nil && a.Session.TLS != nil {
		state = *a.Session.TLS
		log.info(TLSSuccess(h, state), slices.Clone(attrs)...)
	} else {
		log.info("connection in clear", slices.Clone(attrs)...)
	}
	if h.Audited != nil {
		if err := cmp.Or(h.Audited.Err, h.Audited.VerifyConnection(state)); err != nil {
			failed("DANE would have failed", err)
		}
	}
}

// TLSSuccess returns the line that mail gateways log for a TLS connection, for a
// sender's own log: "TLS success protocol TLSv1.3 cipher TLS_AES_128_GCM_SHA256",
// and where DANE has authenticated the host " for " and the domain. Behind an
// insecure MX record it is the host's name, since the domain is not proven (RFC 7672
// §2.2.1).
func TLSSuccess(h *Host, state tls.ConnectionState) string {
	line := "TLS success protocol " + smtpprobe.ProtocolName(state.Version) + " cipher " + smtpprobe.CipherName(state.CipherSuite)
	switch {
	case h.byDANE() && h.MXSecure:
		line += " for " + h.Domain
	case h.byDANE():
		line += " for " + h.Name
	}
	return printable.Line(line)
}

func logLookup(log printableLog, l Lookup) {
	for _, e := range l.Exchanges {
		log.debug("DNS query", "name", e.Name, "type", dns.Type(e.Type).String(), "server", e.Server, "network", e.Network,
			"rcode", dns.RcodeToString[e.RCode], "elapsed", e.Elapsed, "err", e.Err)
		for _, err := range e.PassedOver {
			log.debug("DNS server passed over", "err", err)
		}
	}
	attrs := []any{"name", l.Name, "type", dns.Type(l.Type).String(), "status", l.Status, "cached", len(l.Exchanges) == 0}
	switch {
	case l.Err != nil:
		log.debug("DNS failure", append(attrs, "err", l.Err)...)
		return
	case l.Status != dnssec.Secure:
		attrs = append(attrs, "reason", l.Reason.String())
	}
	if !l.Expires.IsZero() {
		attrs = append(attrs, "ttl", max(0, time.Until(l.Expires).Round(time.Second)))
	}
	switch {
	case l.RCode == dns.RcodeNameError:
		log.debug("DNS NXDOMAIN", attrs...)
	case len(l.Records) == 0:
		log.debug("DNS NODATA", attrs...)
	default:
		log.debug("DNS answer", append(attrs, "records", l.Records)...)
	}
}

// A printableLog writes texts and errors by printable.Line, for not every slog.Handler
// quotes them.
type printableLog struct{ to *slog.Logger }

func (l printableLog) info(message string, args ...any) { l.log(slog.LevelInfo, message, args) }

func (l printableLog) debug(message string, args ...any) { l.log(slog.LevelDebug, message, args) }

func (l printableLog) log(level slog.Level, message string, args []any) {
	ctx := context.Background()
	if !l.to.Enabled(ctx, level) {
		return
	}
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			args[i] = printable.Line(arg)
		case []string:
			lines := make([]string, len(arg))
			for i, text := range arg {
				lines[i] = printable.Line(text)
			}
			args[i] = lines
		case error:
			args[i] = printableError{arg}
		case netip.AddrPort: // a zone may be any text
			args[i] = printable.Line(arg.String())
		}
	}
	l.to.Log(ctx, level, message, args...)
}

// A printableError is an error for a log, with its causes.
type printableError struct{ error }

func (e printableError) Error() string { return printable.Line(e.error.Error()) }

func (e printableError) Unwrap() error { return e.error }
