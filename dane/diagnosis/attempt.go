package diagnosis

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// attempt says why mail cannot be delivered at an address. Those that it can be delivered
// at may differ from it: see mismatch.
func (d *diagnosis) attempt(h *dane.HostResult, a *dane.Attempt) {
	d.unseen(h, a)
	if d.oneOfSeveral(h, a) || a.Err == nil {
		return
	}
	failure := h.Classify(a.Err)
	stage, staged := a.FailedAt()
	f := Finding{Host: h.Name, Addresses: addrs(a), Evidence: []string{a.Addr.String() + ": " + failure.Text}}
	switch {
	case failure.Local:
		d.localLack(h, &f, stage == smtpprobe.StageDial && noRoute(failure.Text))
	case a.Report != nil && unmatched(a.Report, 0) && (!staged || stage == smtpprobe.StageHandshake):
		d.mismatch(h, a, &f)
	case !staged:
		f.Code = CodeTLSFails
		f.Text = "TLS with " + h.Name + " fails: " + failure.Text + "."
		f.Fix = "See what the server's log says of the handshake."
	default:
		d.failedStage(h, a, stage, failure, &f)
	}
	// Without a route for IPv6 it is this machine that cannot say more, also of a private address.
	if isPrivate(a.Addr.Addr()) && (f.Code == CodeUnreachable || f.Code == CodeNoRoute && a.Addr.Addr().Unmap().Is4()) {
		f.Severity = kindOf(f.Code).severity
		privateAddress(h, &f)
	}
	d.find(f)
}

func (d *diagnosis) localLack(h *dane.HostResult, f *Finding, route bool) {
	f.Code = CodeLocalLack
	f.Text = "This machine could not connect to " + h.Name + ", for a lack of its own" + lackIn(strings.Join(f.Evidence, " ")) + "."
	f.Fix = "Give it what it lacks, such as file descriptors, and ask again. It says nothing about the domain."
	if route {
		f.Code = CodeNoRoute
		family := "IPv4"
		if f.Addresses[0].Is6() {
			family = "IPv6"
		}
		f.Text = "This machine has no route to an " + family + " address of " + h.Name + ", so that nothing is known of the server there."
		f.Fix = "Ask from a machine with " + family + ". If that has no route either, nobody has the address: then remove its record, since senders try it first or last, and wait."
	}
}

// lackIn returns what an error says that this machine lacks, if it does.
func lackIn(text string) string {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT} {
		if strings.Contains(text, errno.Error()) {
			return ": " + errno.Error()
		}
	}
	if strings.Contains(text, context.Canceled.Error()) {
		return ": it was told to stop"
	}
	return ""
}

func noRoute(text string) bool { return strings.Contains(text, "unreachable") }

// failedStage says what is wrong where the certificates are not to blame.
func (d *diagnosis) failedStage(h *dane.HostResult, a *dane.Attempt, stage smtpprobe.Stage, failure dane.Failure, f *Finding) {
	code, said := lastReply(a, stage)
	until := " Until then senders that use DANE do not deliver here."
	switch {
	case stage == smtpprobe.StageDial && strings.Contains(failure.Text, dane.ErrBusy.Error()):
		f.Code = CodeServerBusy
		f.Text = h.Name + " was left alone, as it has put this client off or refused it before, so that its certificate is not known."
		f.Fix = "Ask again later, or from another address."
	case stage == smtpprobe.StageDial:
		f.Code = CodeUnreachable
		f.Text = fmt.Sprintf("No connection to port %d of %s: %s.", a.Addr.Port(), h.Name, shortDial(failure.Text))
		f.Fix = "See that the server runs and listens at this address, and that the firewall lets it be reached; if nobody has the address any more, remove its record." +
			family(h, a)
	case code == 421 || code >= 400 && code < 500 && stage < smtpprobe.StageStartTLS:
		f.Code = CodeServerBusy
		f.Text = h.Name + " puts this client off (" + said + "), so that its certificate is not known."
		f.Fix = "Ask again later, or from another address. If it goes on, the server is overloaded, or limits and greylists clients before STARTTLS: senders wait as well."
	case stage == smtpprobe.StageHello && (code == 500 || code == 502):
		f.Code = CodeNoStartTLS
		f.Text = h.Name + " has TLSA records, which promise TLS, and does not know EHLO (" + said + "), without which there is no STARTTLS."
		f.Fix = "Replace software that is so old, or stop a firewall from inspecting SMTP, which hides EHLO (Cisco: fixup or inspect). Otherwise remove the TLSA records." + until
	case code >= 500 && stage < smtpprobe.StageStartTLS:
		f.Code = CodeClientRefused
		f.Text = h.Name + " refuses this client (" + said + "), so that its certificate is not known."
		f.Fix = "Ask from an address with a name in DNS (PTR) that is on no blocklist. If it refuses all clients, it is no mail server."
		if stage == smtpprobe.StageHello { // it is the name that it does not like, as a rule
			f.Fix = "Give in EHLO a name of this machine that is in DNS (daneverify -helo), from an address whose name in DNS (PTR) it is. If all clients are refused, it is no mail server."
		}
	case stage < smtpprobe.StageStartTLS:
		f.Code = CodeSMTPBroken
		f.Text = h.Name + " does not answer as a mail server: " + trimPrefixes(failure.Text) + "."
		f.Fix = "See what listens there, and what its log says: a proxy without a server behind it, a service of another protocol, or a server that is too slow." + until
		if strings.Contains(failure.Text, "speaks TLS at once") {
			f.Fix = "Port 25 begins without TLS, and changes to it by STARTTLS: switch TLS from the first byte on (Postfix: smtpd_tls_wrappermode) off for this port, also in a proxy before the server." + until
		}
	case stage == smtpprobe.StageStartTLS:
		startTLS(h, code, said, failure, f)
		f.Fix += until
	case stage == smtpprobe.StageHandshake:
		if d.failedHandshake(h, failure, f); !strings.Contains(f.Text, noCommonTLS) {
			f.Fix += until
		}
	default:
		f.Code = CodeSMTPBroken
		f.Text = "After STARTTLS " + h.Name + " does not go on: " + nameOr(said, trimPrefixes(failure.Text)) + "."
		f.Fix = "See the server's log for what it has against a client that is encrypted." + until
	}
}

// startTLS says what is wrong with the command, or that there is none.
func startTLS(h *dane.HostResult, code int, said string, failure dane.Failure, f *Finding) {
	f.Code = CodeStartTLSFails
	f.Text = h.Name + " offers STARTTLS, and the command fails: " + nameOr(said, trimPrefixes(failure.Text)) + "."
	switch {
	case strings.Contains(failure.Text, smtpprobe.ErrInjection.Error()):
		f.Text = h.Name + " says something more in clear after it has agreed to STARTTLS, as an attacker would: senders take no notice of what is not encrypted, and end the session."
		f.Fix = "Update the mail server (CVE-2011-0411), or have a proxy or firewall before it leave SMTP alone."
	case code == 0 && failure.ResultType == dane.STARTTLSNotSupported:
		f.Code = CodeNoStartTLS
		f.Text = h.Name + " has TLSA records, which promise TLS, and does not offer STARTTLS."
		f.Fix = "Switch STARTTLS on (Postfix: smtpd_tls_security_level = may, with a certificate), or stop a middlebox from hiding it. Otherwise remove the TLSA records."
	case code == 530 || code == 538:
		f.Fix = "Do not demand a login before STARTTLS, nor on port 25 at all, where other mail servers have none. A server for users' own mail belongs on port 587; the MX record must lead to one that takes mail from everybody."
	case code == 500 || code == 502 || code == 503:
		f.Fix = "The server, or what stands before it, announces a command that it does not have: update it, or have a proxy or firewall leave SMTP alone."
	default:
		f.Fix = "See the server's log: its certificate or key file cannot be read, as a rule, or a middlebox interferes."
	}
}

// noCommonTLS is the alert of a server that finds nothing in common with a client.
const noCommonTLS = "TLS alert 40"

// failedHandshake says what is wrong with TLS itself.
func (d *diagnosis) failedHandshake(h *dane.HostResult, failure dane.Failure, f *Finding) {
	reason := nameOr(failure.Reason, trimPrefixes(failure.Text))
	switch {
	case strings.Contains(reason, "no version of TLS in common"), strings.Contains(reason, "older version of TLS"), strings.Contains(failure.Text, dane.ErrWeakTLS.Error()):
		f.Code = CodeTLSVersion
		f.Text = h.Name + " has no version of TLS that is safe: TLS 1.2 at least is demanded (" + reason + ")."
		f.Fix = "Switch TLS 1.2 and 1.3 on, by an update of the TLS library if it has none (Postfix: smtpd_tls_protocols = >=TLSv1.2)."
	case strings.Contains(reason, "a client certificate is demanded"), strings.Contains(failure.Text, smtpprobe.ErrClientCertificate.Error()):
		f.Code = CodeClientCertificate
		f.Text = h.Name + " ends the handshake since the sender has no certificate of its own; other senders have none either."
		f.Fix = "Do not demand certificates of clients on port 25."
	case strings.HasPrefix(reason, tlsa.ReasonRefused.String()):
		f.Code = CodeCertRefused
		f.Text = "TLS libraries refuse the certificate of " + h.Name + ", whatever its TLSA records say: " + strings.TrimPrefix(reason, tlsa.ReasonRefused.String()+": ") + "."
		f.Fix = "Install a new certificate, and publish its TLSA record first."
	case strings.Contains(reason, noCommonTLS):
		f.Code = CodeTLSFails
		f.Text = "The TLS handshake with " + h.Name + " fails: " + reason + ". Offered were TLS 1.2 and 1.3 with ECDHE and AES-GCM or ChaCha20, for keys of RSA, ECDSA on the curves of NIST, and Ed25519. " +
			"Senders that offer the same do not deliver; those that offer more, as many with OpenSSL do, may."
		f.Fix = "Let the server have these, by its lists of ciphers, curves of the key exchange, and protocols (Postfix: tls_medium_cipherlist and smtpd_tls_exclude_ciphers as they are by default), and a certificate with an RSA or ECDSA P-256 key, " +
			"beside one of ML-DSA or a Brainpool curve. What the server has, openssl s_client -starttls smtp shows."
	default:
		f.Code = CodeTLSFails
		f.Text = "The TLS handshake with " + h.Name + " fails: " + reason + "."
		f.Fix = "See what the server's log says of the handshake: ciphers, key exchange, the certificate's key (most senders do not know ML-DSA), the name in SNI. Another client shows more: openssl s_client -starttls smtp."
	}
}

// family says what else there is, where one of two families cannot be reached.
func family(h *dane.HostResult, a *dane.Attempt) string {
	is6 := func(addr netip.Addr) bool { return addr.Is6() }
	for i := range h.Attempts {
		if other := &h.Attempts[i]; other.Err == nil && is6(other.Addr.Addr()) != is6(a.Addr.Addr()) {
			if is6(a.Addr.Addr()) {
				return " Over IPv4 the host is good, so that senders get there, after a wait."
			}
			return " Over IPv6 the host is good; senders without that do not get there."
		}
	}
	return ""
}

// lastReply returns what the server said at a stage, if it said no.
func lastReply(a *dane.Attempt, stage smtpprobe.Stage) (code int, said string) {
	if a.Session == nil {
		return 0, ""
	}
	for _, step := range a.Session.Steps {
		if step.Stage == stage && step.Reply.Code >= 400 {
			code, said = step.Reply.Code, step.Reply.String()
		}
	}
	return code, said
}

func shortDial(text string) string {
	if i := strings.LastIndex(text, "connect: "); i >= 0 {
		return text[i+len("connect: "):]
	}
	return trimPrefixes(text)
}

// trimPrefixes leaves out where an error comes from.
func trimPrefixes(text string) string {
	if rest, ok := strings.CutPrefix(text, "smtpprobe: "); ok {
		if _, cause, found := strings.Cut(rest, ": "); found {
			text = cause
		}
	}
	const late = "nothing came in time"
	return strings.NewReplacer(context.DeadlineExceeded.Error(), late, os.ErrDeadlineExceeded.Error(), late).Replace(text)
}

// unmatched reports whether no record is satisfied by one of the chains that a report is about.
func unmatched(r *tlsa.Report, chain int) bool {
	return slices.ContainsFunc(r.Findings, func(f tlsa.Finding) bool { return f.Problem == tlsa.ProblemNoMatch && f.Chain == chain }) ||
		!slices.ContainsFunc(r.Verdicts, func(v tlsa.Verdict) bool { return v.Err == nil })
}
