package diagnosis

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/tlsa"
)

// mismatch says why the certificates and the TLSA records do not agree, what would be right,
// and what is to be removed.
func (d *diagnosis) mismatch(h *dane.HostResult, a *dane.Attempt, f *Finding) {
	chain := a.Chain()
	f.Evidence = append(f.Evidence, recordEvidence(a.Report)...)
	f.Evidence = append(f.Evidence, certificateEvidence(chain)...)
	if len(chain) == 0 {
		f.Code, f.Text, f.Fix = CodeTLSFails, h.Name+" has shown no certificate that could be read.", "See the server's log."
		return
	}
	if d.mistaken(h, a.Report, chain, f) || d.invalid(h, a.Report, chain, f) || d.otherIssuer(h, a.Report, chain, f) {
		return
	}
	f.Code = CodeTLSAMismatch
	renewed := "Next time publish the new record first, or let the renewal keep its key."
	f.Text = h.Name + " presents a certificate with another key than its TLSA records are of."
	if whole(h.Records) {
		f.Text = h.Name + " presents another certificate than its TLSA records are of. They are of a certificate as a whole (selector 0), which each renewal changes, even one that keeps the key."
		renewed = "The record of the key (3 1 1) stays right with a renewal that keeps the key."
	}
	if other := d.ownerOfKey(h); other != "" {
		f.Text += " One of the records is of the key of " + other + ": have they been mixed up?"
	}
	f.Publish, f.Remove = []string{rightRecord(h, chain)}, d.removable(h)
	if good := goodAddresses(h); good != "" {
		f.Fix = "At " + good + " the right certificate is presented: install the same one here. If both are to stay, publish this record in addition."
		f.Remove = nil
		return
	}
	f.Fix = "Publish the record of the key that the server has now" + removeWords(f.Remove) + "." + caches(h) +
		" If the new record is in DNS already, some name server still has the old zone. If the certificate should not have changed, install the old one instead. " + renewed
}

// whole reports whether all records for the server's own certificate are of that and not of its
// key, so that it is not known whose key they are of.
func whole(records []tlsa.Record) bool {
	found := false
	for _, r := range records {
		if r.Usable(tlsa.SMTP) != nil || r.Usage != tlsa.DANEEE {
			continue
		}
		if r.Selector != tlsa.Cert {
			return false
		}
		found = true
	}
	return found
}

// ownerOfKey is another host of the domain that a record of this one is of.
func (d *diagnosis) ownerOfKey(h *dane.HostResult) string {
	for i := range d.result.Hosts {
		other := &d.result.Hosts[i]
		if other.Name == h.Name || owner(other) == owner(h) || len(other.Attempts) == 0 || len(other.Attempts[0].Chain()) == 0 {
			continue
		}
		for _, record := range h.Records {
			theirs, err := tlsa.New(record.Usage, record.Selector, record.Matching, other.Attempts[0].Chain()[0])
			if err == nil && theirs.Equal(record) {
				return other.Name
			}
		}
	}
	return ""
}

// mistakes are what tlsa.Check recognizes in the data of a record.
var mistakes = map[tlsa.Problem]struct {
	code Code
	text string
}{
	tlsa.ProblemPEM:      {CodePEMDigest, "is the digest of a file in PEM form, and not of the certificate or key itself"},
	tlsa.ProblemSelector: {CodeWrongSelector, "has the selector of the other kind of data"},
	tlsa.ProblemMatching: {CodeWrongMatching, "has the right data in another form than its matching type says"},
	tlsa.ProblemUsage:    {CodeWrongUsage, "has the usage of the other kind of certificate"},
	tlsa.ProblemEmpty:    {CodeEmptyDigest, "is the digest of nothing: the program that made it could not read the certificate or key"},
}

// mistaken finds a record that is of a certificate in the chain, and written wrongly.
func (d *diagnosis) mistaken(h *dane.HostResult, r *tlsa.Report, chain []*x509.Certificate, f *Finding) bool {
	for _, found := range r.Findings {
		mistake, known := mistakes[found.Problem]
		if !known || found.Record < 0 || found.Record >= len(h.Records) || found.Chain > 0 {
			continue
		}
		record := h.Records[found.Record]
		f.Code = mistake.code
		right := intended(record, chain, found.Certificate)
		f.Text = "The TLSA record " + short(record) + " of " + h.Name + " " + mistakeIn(record, right, found.Problem) + "."
		f.Fix = "Publish it as it should be, and remove the wrong one." + caches(h)
		f.Publish, f.Remove = []string{owned(h, right)}, []string{owned(h, record)}
		return true
	}
	return false
}

// mistakeIn says what is wrong with a record, by the one that was meant.
func mistakeIn(record, right tlsa.Record, problem tlsa.Problem) string {
	const own, ca = "the server's own certificate", "the certificate of a CA above it"
	whose, meant := own, ca
	if right.Usage == tlsa.DANETA {
		whose, meant = ca, own
	}
	switch {
	case problem == tlsa.ProblemUsage && record.Usage != right.Usage:
		return fmt.Sprintf("has the data of %s, and usage %d, which is for %s", whose, record.Usage, meant)
	case problem == tlsa.ProblemSelector && right.Selector == tlsa.SPKI:
		return fmt.Sprintf("has the digest of the key alone, and selector %d, which is for the whole certificate", record.Selector)
	case problem == tlsa.ProblemSelector && right.Selector == tlsa.Cert:
		return fmt.Sprintf("has the digest of the whole certificate, and selector %d, which is for its key alone", record.Selector)
	}
	return mistakes[problem].text
}

// intended is the record that was meant: of the same certificate, with what its data is.
func intended(r tlsa.Record, chain []*x509.Certificate, place int) tlsa.Record {
	usage := tlsa.DANETA
	if place <= 0 || place >= len(chain) {
		place, usage = 0, tlsa.DANEEE
	}
	for _, selector := range []tlsa.Selector{tlsa.SPKI, tlsa.Cert} {
		for _, matching := range []tlsa.Matching{tlsa.SHA256, tlsa.SHA512} {
			if right, err := tlsa.New(usage, selector, matching, chain[place]); err == nil && bytes.Equal(right.Data, r.Data) {
				return right
			}
		}
	}
	right, _ := tlsa.New(usage, tlsa.SPKI, tlsa.SHA256, chain[place])
	return right
}

// invalid finds a record that is of the chain, which is not valid for it.
func (d *diagnosis) invalid(h *dane.HostResult, r *tlsa.Report, chain []*x509.Certificate, f *Finding) bool {
	var nearest *tlsa.Error
	for _, v := range r.Verdicts {
		if e, ok := errors.AsType[*tlsa.Error](v.Err); ok && (nearest == nil || e.Reason > nearest.Reason) {
			nearest = e
		}
	}
	if nearest == nil {
		return false
	}
	cause := ""
	if nearest.Err != nil {
		cause = ": " + nearest.Err.Error()
	}
	own := "Or, instead of that, publish the record of the server's own key (3 1 1), which does not depend on it."
	f.Publish = []string{rightRecord(h, chain)}
	switch nearest.Reason {
	case tlsa.ReasonExpired:
		f.Code = CodeCertExpired
		d.expired(h, chain, cause, f)
		f.Fix += own
	case tlsa.ReasonNotYetValid:
		f.Code = CodeCertNotYetValid
		f.Text = "A certificate of " + h.Name + " is not valid yet" + cause + ". With a TLSA record of usage 2 it must be."
		f.Fix = "Install the one that is valid now, and set the clocks right. " + own
	case tlsa.ReasonName, tlsa.ReasonBadName:
		f.Code = CodeCertName
		f.Text = "The certificate of " + h.Name + " is for " + names(chain[0]) + ", and with a TLSA record of usage 2 it must be for " + strings.Join(h.Names, " or ") + "."
		f.Fix = "Have a certificate issued for " + h.Base + ", or let the server present it for that name in SNI. Or, instead of that, publish the record of the server's own key (3 1 1), which needs no name."
	case tlsa.ReasonConstraint, tlsa.ReasonNoPath, tlsa.ReasonParse:
		f.Code = CodeCertPath
		noPath(h, nearest.Reason, cause, f)
		f.Fix += own
	default:
		f.Publish = nil
		return false
	}
	return true
}

// noPath says why no valid path leads to the certificate that a record is of. Only where there is
// none at all can certificates be missing.
func noPath(h *dane.HostResult, reason tlsa.Reason, cause string, f *Finding) {
	weak, anew := weakSignature(cause)
	switch {
	case weak != "":
		f.Text = "The certificate of " + h.Name + ", or one above it, is signed with " + weak + ", which does not count any more, so that no valid path leads to the one that its TLSA record is of."
		f.Fix = "Have the certificate issued anew " + anew + ", and install it. "
	case reason == tlsa.ReasonConstraint:
		f.Text = "The certificates of " + h.Name + " lead to the one that its TLSA record is of, but one of them forbids it" + cause + "."
		f.Fix = "Have a certificate issued that is for servers (extended key usage serverAuth, key usage digitalSignature), by a CA whose own certificate may sign others (basic constraints, key usage, path length) and for these names (name constraints). "
	case reason == tlsa.ReasonParse:
		f.Text = "The certificate or key in a TLSA record of " + h.Name + " is one that not all senders can read" + cause + "."
		f.Fix = "Publish a record with its SHA-256 digest (2 1 1) instead, and let the server send the certificate of that CA. "
	default:
		f.Text = "From the certificate of " + h.Name + " no valid path leads to the one that its TLSA record is of" + cause + "."
		f.Fix = "Let the server send the certificate with all its issuers, in order, up to that of the record. "
	}
}

// otherIssuer is about records of a CA alone, none of which is in the chain.
func (d *diagnosis) otherIssuer(h *dane.HostResult, r *tlsa.Report, chain []*x509.Certificate, f *Finding) bool {
	for _, record := range h.Records {
		if record.Usage != tlsa.DANETA && record.Usable(tlsa.SMTP) == nil {
			return false
		}
	}
	issuer := nameOr(chain[0].Issuer.CommonName, chain[0].Issuer.String())
	f.Publish = []string{rightRecord(h, chain)}
	if len(chain) > 1 {
		if record, err := tlsa.New(tlsa.DANETA, tlsa.SPKI, tlsa.SHA256, chain[1]); err == nil {
			f.Publish = append(f.Publish, owned(h, record))
		}
	}
	for _, record := range h.Records {
		if root := rootOf(record); root != "" {
			f.Code = CodeAnchorNotSent
			f.Text = "The TLSA record of " + h.Name + " is of " + root + ", which the server does not send: senders cannot know a CA by a digest alone (RFC 7672)."
			f.Fix = "Append the certificate of " + root + " to the file of the chain that the server sends, or publish records of what it sends."
			return true
		}
	}
	if d.knownIssuer(h, chain, f) {
		return true
	}
	f.Remove = d.removable(h)
	advice := issuerAdvice(chain[0])
	if slices.ContainsFunc(r.Findings, func(found tlsa.Finding) bool { return found.Problem == tlsa.ProblemAnchorAbsent }) {
		f.Code = CodeAnchorNotSent
		last := chain[len(chain)-1]
		f.Text = "The TLSA record of " + h.Name + " is of a CA whose certificate the server does not send. Senders cannot know a CA by a digest alone (RFC 7672)."
		f.Fix = "If the record is of " + quoted(nameOr(last.Issuer.CommonName, last.Issuer.String())) + ", which the server leaves out, append that certificate to the file of the chain. " +
			"If it is of an issuer before " + quoted(issuer) + ", publish a record of what the server sends now, and remove the old one." + caches(h) + advice
		return true
	}
	f.Code = CodeIssuerChanged
	f.Text = "The certificate of " + h.Name + " is issued by " + quoted(issuer) + " now, and its TLSA records are of no certificate that the server sends: the CA has changed its intermediate."
	f.Fix = "Publish one of these records" + removeWords(f.Remove) + ". That of the server's own key depends on no CA." + caches(h) + advice
	return true
}

func removeWords(remove []string) string {
	if len(remove) == 0 {
		return ""
	}
	return ", and remove " + plural(len(remove), "the one that matches", "those that match") + " nothing"
}

func goodAddresses(h *dane.HostResult) string {
	var good []string
	for _, a := range h.Attempts {
		if a.Authenticated && a.Err == nil {
			good = append(good, a.Addr.Addr().String())
		}
	}
	return strings.Join(good, ", ")
}

// rightRecord is the record that senders need for the server's own key.
func rightRecord(h *dane.HostResult, chain []*x509.Certificate) string {
	record, err := tlsa.New(tlsa.DANEEE, tlsa.SPKI, tlsa.SHA256, chain[0])
	if err != nil {
		return ""
	}
	return owned(h, record)
}

func recordsOf(h *dane.HostResult) (lines []string) {
	for _, r := range h.Records {
		lines = append(lines, owned(h, r))
	}
	return lines
}

func short(r tlsa.Record) string {
	if text := r.String(); len(text) > 24 {
		return text[:22] + "..."
	}
	return r.String()
}

func names(cert *x509.Certificate) string {
	if len(cert.DNSNames) == 0 {
		return quoted(cert.Subject.String())
	}
	shown := strings.Join(cert.DNSNames[:min(len(cert.DNSNames), 4)], ", ")
	if more := len(cert.DNSNames) - 4; more > 0 {
		shown += fmt.Sprintf(" and %d others", more)
	}
	return shown
}

// expired says which certificate of a chain has ended, and when.
func (d *diagnosis) expired(h *dane.HostResult, chain []*x509.Certificate, cause string, f *Finding) {
	place := -1
	for i, cert := range chain {
		if cert.NotAfter.Before(d.now) && (place < 0 || strings.Contains(cause, quoted(cert.Subject.String()))) {
			place = i
		}
	}
	const must = " With a TLSA record of usage 2 it must be valid."
	switch {
	case place > 0:
		cert := chain[place]
		f.Text = "The certificate of the CA " + quoted(nameOr(cert.Subject.CommonName, cert.Subject.String())) + ", which " + h.Name + " sends above its own, has expired on " + shownTime(cert.NotAfter) + "." + must
		f.Fix = "Let the server send the certificate that the CA has now, or have one issued by another CA; then the TLSA record must be of a CA in the new chain. "
	case place == 0:
		f.Text = "The certificate of " + h.Name + " has expired on " + shownTime(chain[0].NotAfter) + "." + must
		f.Fix = "Renew the certificate, install it, and have the server load it. "
	default:
		f.Text = "A certificate of " + h.Name + " has expired" + cause + "." + must
		f.Fix = "Renew it, install it, and have the server load it. "
	}
}

// shortRSA is what crypto/rsa says of keys with fewer than 1024 bits; it has no type for that.
const shortRSA = "-bit keys are insecure"

// weakSignature is what was signed with, in an error of crypto/x509 or crypto/rsa that has it that a
// signature does not count, and how a certificate is issued anew that has a better one.
func weakSignature(text string) (weak, anew string) {
	if strings.Contains(text, shortRSA) {
		return "an RSA key of fewer than 1024 bits", "by a CA whose key has 2048 bits or more"
	}
	_, rest, found := strings.Cut(text, "insecure algorithm ")
	if !found {
		return "", ""
	}
	algorithm := strings.TrimRight(strings.FieldsFunc(rest+" ", func(r rune) bool { return r == ' ' || r == '"' })[0], ".,:")
	return algorithm, "with SHA-256, by another CA if need be"
}

func recordEvidence(r *tlsa.Report) (lines []string) {
	for _, v := range r.Verdicts {
		verdict := "matches"
		if e, ok := errors.AsType[*tlsa.Error](v.Err); ok {
			verdict = e.Reason.String()
		}
		lines = append(lines, "published: "+v.Record.String()+": "+verdict)
	}
	return lines
}

func certificateEvidence(chain []*x509.Certificate) (lines []string) {
	for i, cert := range chain {
		whole, key := sha256.Sum256(cert.Raw), sha256.Sum256(cert.RawSubjectPublicKeyInfo)
		lines = append(lines, fmt.Sprintf("certificate %d: %s, issued by %s, valid from %s to %s, SHA-256 %x, of its key %x", i,
			quoted(cert.Subject.String()), quoted(cert.Issuer.String()), shownTime(cert.NotBefore), shownTime(cert.NotAfter), whole, key))
	}
	return lines
}
