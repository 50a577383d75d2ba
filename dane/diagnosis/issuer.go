package diagnosis

import (
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/tlsa"
)

// An issuer is an intermediate CA; see issuers. Several certificates may be of its key, as by
// several roots.
type issuer struct {
	organization, name string
	key                string   // SHA-256 of it, as in 2 1 1
	certificates       []string // SHA-256 of each, as in 2 0 1
}

func (i *issuer) String() string { return i.name + " of " + i.organization }

// issuerOf returns the intermediate that a record is of; nil if it is not known.
func issuerOf(r tlsa.Record) *issuer {
	if r.Usage != tlsa.DANETA || r.Matching != tlsa.SHA256 {
		return nil
	}
	data := hex.EncodeToString(r.Data)
	for at := range issuers {
		i := &issuers[at]
		if r.Selector == tlsa.SPKI && data == i.key || r.Selector == tlsa.Cert && slices.Contains(i.certificates, data) {
			return i
		}
	}
	return nil
}

// issued reports whether a certificate says that it was issued by the intermediate.
func (i *issuer) issued(cert *x509.Certificate) bool {
	return cert.Issuer.CommonName == i.name && slices.Contains(cert.Issuer.Organization, i.organization)
}

// series are the intermediates that the CA uses for keys of the same kind, this one among them:
// their names differ in the number.
func (i *issuer) series() (all []*issuer) {
	letters := func(name string) string { return strings.TrimRight(name, "0123456789") }
	for at := range issuers {
		if other := &issuers[at]; other.organization == i.organization && letters(other.name) == letters(i.name) {
			all = append(all, other)
		}
	}
	return all
}

// record is the one of the intermediate's key.
func (i *issuer) record() tlsa.Record {
	data, _ := hex.DecodeString(i.key)
	return tlsa.Record{Usage: tlsa.DANETA, Selector: tlsa.SPKI, Matching: tlsa.SHA256, Data: data}
}

// missing are the intermediates of a series that no record of the host is of.
func missing(h *dane.HostResult, series []*issuer) (all []*issuer) {
	for _, i := range series {
		if !slices.ContainsFunc(h.Records, func(r tlsa.Record) bool { return issuerOf(r) == i }) {
			all = append(all, i)
		}
	}
	return all
}

func issuerNames(all []*issuer) string {
	names := make([]string, len(all))
	for at, i := range all {
		names[at] = i.name
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// knownIssuer is about records of an intermediate that is known, from which the certificate is
// not any more.
func (d *diagnosis) knownIssuer(h *dane.HostResult, chain []*x509.Certificate, f *Finding) bool {
	at := slices.IndexFunc(h.Records, func(r tlsa.Record) bool { return issuerOf(r) != nil })
	if at < 0 {
		return false
	}
	was := issuerOf(h.Records[at])
	if was.issued(chain[0]) {
		f.Code = CodeAnchorNotSent
		f.Text = "The TLSA record of " + h.Name + " is of " + was.String() + ", which has issued the certificate, and which the server does not send: senders cannot know a CA by a digest alone (RFC 7672)."
		f.Fix = "Let the server send the certificate of " + was.name + " after its own (fullchain.pem, not cert.pem)."
		return true
	}
	now := nameOr(chain[0].Issuer.CommonName, chain[0].Issuer.String())
	f.Code, f.Remove = CodeIssuerChanged, d.removable(h)
	f.Text = "The certificate of " + h.Name + " is issued by " + quoted(now) + " now, and its TLSA record is of " + was.String() + ", from which an earlier one was."
	f.Fix = "Publish one of these records now" + removeWords(f.Remove) + " in the same change." + caches(h) + " That of the server's own key depends on no CA: with one of the next key two TTLs before each renewal, or with a renewal that keeps the key, this does not come again."
	series := was.series()
	if slices.ContainsFunc(chain[0].Issuer.Organization, func(o string) bool { return o == was.organization }) {
		f.Fix += " Who stays with records of the CA needs one of each intermediate that a renewal may come from: " + was.organization + " has had " + issuerNames(series) + " (their records are below)."
		for _, i := range series {
			f.Evidence = append(f.Evidence, "the record of "+i.String()+": "+owned(h, i.record()))
		}
	}
	return true
}

// mayMove warns of records that are of some of a CA's intermediates, and of nothing else.
func (d *diagnosis) mayMove(h *dane.HostResult) {
	at := slices.IndexFunc(h.Attempts, func(a dane.Attempt) bool { return a.Authenticated && issuerOf(a.Match.Record) != nil })
	other := slices.ContainsFunc(h.Records, func(r tlsa.Record) bool { return r.Usable(tlsa.SMTP) == nil && issuerOf(r) == nil })
	if at < 0 || other {
		return
	}
	a := &h.Attempts[at]
	now := issuerOf(a.Match.Record)
	lacks := missing(h, now.series())
	if len(lacks) == 0 {
		return
	}
	f := Finding{Code: CodeIssuerMayChange, Host: h.Name, Addresses: addrs(a),
		Text: "The TLSA records of " + h.Name + " are of " + now.String() + ", and not of " + issuerNames(lacks) + ", from which the CA may issue the next certificate: then senders do not deliver.",
		Fix: "Before the renewal, publish a record of the server's own key and one of the next key, or keep the key at renewals and publish its record alone. Or publish one of each intermediate: " +
			"those that are missing are given here. The records of those that the CA does not use any more may go once no certificate of them is installed."}
	for _, i := range lacks {
		f.Publish = append(f.Publish, owned(h, i.record()))
	}
	if chain := a.Chain(); len(chain) > 0 {
		f.Evidence = certificateEvidence(chain)
	}
	d.find(f)
}
