package rollover

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/internal/printable"
	"github.com/danesmtp/danesmtp/tlsa"
)

// A Judgement says whether senders accept a chain by what the servers say now. It knows
// nothing of caches: for those, see [State.Ready].
type Judgement struct {
	Survey *Survey
	Views  []JudgedView // in the order of the survey

	Refused  []string // servers by whose records senders refuse the chain, or deliver nothing, and why
	Unknown  []string // what could not be found out
	Notes    []string // what makes no difference
	Insecure bool     // nobody uses the records, since DNSSEC does not protect them

	// Signatures is when the first of the records' signatures expires: before that the zone
	// has to be signed again. Certificates is the same of the certificates of the chain that
	// count for senders, zero if none does, as with usage 3 (RFC 7671 §5.1).
	Signatures, Certificates time.Time
}

// A JudgedView is a view and what a sender makes of it.
type JudgedView struct {
	*View
	Accepted bool
	Match    tlsa.Match // if it is
	Problem  error      // if it is not
}

// OK reports whether senders accept the chain, whichever server is asked.
func (j *Judgement) OK() bool {
	return len(j.Refused) == 0 && len(j.Unknown) == 0 && !j.Insecure
}

// Judge judges a chain, which begins with the server's own certificate, as a sender does whose
// resolver asks each of the servers. It asks nobody.
func (s *Survey) Judge(chain []*x509.Certificate) *Judgement {
	j := &Judgement{Survey: s}
	answered := false
	for i := range s.Views {
		v := &s.Views[i]
		jv := JudgedView{View: v, Problem: v.Err}
		switch {
		case v.Err != nil && v.Status == dnssec.Bogus:
			j.Refused = append(j.Refused, v.invalid().Error())
		case v.Err != nil && s.isElsewhere(v):
			j.Notes = append(j.Notes, fmt.Sprintf("%s cannot be reached from this machine; the same server was asked at another address", v.Name()))
		case v.Err != nil:
			j.Unknown = append(j.Unknown, printable.Line(fmt.Sprintf("%s: %v", v.Name(), v.Err)))
		case v.Status != dnssec.Secure:
			answered, j.Insecure = true, true
		default:
			answered = true
			jv.Match, jv.Problem = s.verify(v, chain)
			if jv.Accepted = jv.Problem == nil; jv.Accepted {
				j.limit(&jv, chain)
			} else {
				text := fmt.Sprintf("%s: %s", v.Name(), v.refusal(jv.Problem))
				if len(v.Records) == 0 {
					text += " at " + s.Owner // they may be at that of another port
				}
				j.Refused = append(j.Refused, printable.Line(text))
			}
		}
		j.Views = append(j.Views, jv)
	}
	j.Unknown = append(j.Unknown, s.Unasked...)
	j.addNotes()
	if !answered && len(j.Refused) == 0 && len(j.Unknown) == 0 {
		j.Unknown = append(j.Unknown, errNobody.Error())
	}
	return j
}

// verify does as a sender does. Which of two digests counts is for senders to say (RFC 7671
// §9), and so those who prefer the other one have to accept the chain, too.
func (s *Survey) verify(v *View, chain []*x509.Certificate) (match tlsa.Match, err error) {
	for i, order := range [][]tlsa.Matching{nil, {tlsa.SHA256, tlsa.SHA512}, {tlsa.SHA512, tlsa.SHA256}} {
		verifier := &tlsa.Verifier{Records: v.Records, Names: []string{s.Host}, Time: func() time.Time { return s.Time }, DigestOrder: order}
		m, err := verifier.Verify(chain)
		if err != nil {
			return tlsa.Match{}, err
		}
		if i == 0 {
			match = m
		}
	}
	return match, nil
}

// limit notes until when a view is accepted.
func (j *Judgement) limit(v *JudgedView, chain []*x509.Certificate) {
	j.Signatures = earlier(j.Signatures, v.Expires)
	if v.Match.Record.Usage != tlsa.DANETA {
		return
	}
	for _, cert := range chain {
		j.Certificates = earlier(j.Certificates, cert.NotAfter)
	}
}

// earlier returns the earlier of two instants, of which the first may be zero.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// longTTL is from where on a TTL makes a change of keys slow.
const longTTL = 24 * time.Hour

// addNotes adds what is worth knowing whatever the verdict.
func (j *Judgement) addNotes() {
	for _, z := range j.Survey.Zones {
		for _, server := range z.Servers {
			if len(server.Addresses) == 0 && server.Err == nil {
				j.Notes = append(j.Notes, fmt.Sprintf("%s has no address, so that nobody asks it", server.Name))
			}
		}
	}
	for _, v := range j.Survey.Views {
		if v.Above {
			j.Notes = append(j.Notes, fmt.Sprintf("%s is named by the zone above %s alone, and not by that zone itself", v.Name(), v.Zone))
		}
	}
	if ttl := j.Survey.TTL(); ttl > longTTL {
		j.Notes = append(j.Notes, fmt.Sprintf("the TTL of the records is %s, so that each change takes that long: lower it, for the next one", ttl))
	}
	for _, zone := range j.Survey.DifferentVersions() {
		j.Notes = append(j.Notes, fmt.Sprintf("the servers of zone %s have different versions of it (SOA serials)", zone))
	}
}

// Verdict is what a sender makes of a view, in a few words.
func (v *JudgedView) Verdict() string {
	switch {
	case v.Accepted:
		return "accepts: " + short(v.Match.Record)
	case v.Err != nil:
		return printable.Line(v.Err.Error())
	case v.Status != dnssec.Secure:
		return "nobody uses its records"
	}
	return printable.Line("refuses: " + v.refusal(v.Problem))
}

// refusal says why senders refuse a chain by a view.
func (v *View) refusal(problem error) string {
	if len(v.Records) == 0 {
		return "has no TLSA record"
	}
	e, ok := errors.AsType[*tlsa.Error](problem)
	if ok && e.Reason == tlsa.ReasonMismatch {
		var have []string
		for _, r := range v.Records[:min(len(v.Records), 4)] {
			have = append(have, short(r))
		}
		return fmt.Sprintf("no record of this certificate, but %s", strings.Join(have, ", "))
	}
	return problem.Error()
}

// short is a record with the beginning of its data.
func short(r tlsa.Record) string {
	text := r.String()
	const most = 24
	if len(text) > most {
		text = text[:most] + "..."
	}
	return text
}
