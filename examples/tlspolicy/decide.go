package main

import (
	"fmt"

	"github.com/danesmtp/danesmtp/dane"
)

// mxState is how the lookup of the domain's MX records went.
type mxState uint8

const (
	mxFailed   mxState = iota // bogus, SERVFAIL, no answer. The zero mxState.
	mxNowhere                 // the domain does not exist, or takes no mail (RFC 7505)
	mxInsecure                // not signed
	mxSecure                  // signed; or the host was in brackets, and there is no such lookup
)

// A verdict is what was found out about a target. The zero verdict is a failure.
type verdict struct {
	mx mxState
	// Hosts by what is to be done with them.
	authenticated int // TLSA records, of which some are usable
	unusable      int // TLSA records, of which none is: to be encrypted (RFC 7672 §2.2)
	clear         int // no TLSA records: may be sent to in clear
	failed        int // a lookup failed
	absent        int // no address, or no host name
	omitted       int // more than are looked up

	reason string // why the MX lookup failed, or the first host did, or DANE does not apply
}

// A level is a policy that Postfix knows.
type level string

const (
	levelDANE     level = "dane"
	levelDANEOnly level = "dane-only"
)

// A need says whether there are hosts of a kind.
type need uint8

const (
	either need = iota
	no
	some
)

func (n need) fits(hosts int) bool { return n == either || (n == some) == (hosts > 0) }

// A row of the table says what to answer for a verdict. Of the level, "" is that of -mixed.
type row struct {
	mx                                   mxState
	authenticated, unusable, clear, fail need
	status                               status
	level                                level
	why                                  string
}

// rows is the table; the first row that fits counts, and one always does. Hosts beyond the limit
// count as unusable: nobody knows whether they have TLSA records.
//
// Postfix looks everything up again, and with dane it treats each host as RFC 7672 has it: it
// skips those whose lookups fail. That is lost where the answer is not dane, so a failed host is
// never answered by NOTFOUND; nor by dane where others may be sent to in clear, since making
// a lookup fail would be all that it takes to get there.
var rows = []row{
	{mx: mxFailed, status: temp, why: "the MX lookup failed"},
	{mx: mxNowhere, status: notFound, why: "the domain takes no mail"},
	{mx: mxInsecure, status: notFound, why: "the MX records are not signed"},

	{mx: mxSecure, authenticated: no, unusable: no, clear: no, fail: some, status: temp, why: "no host is left: the lookups failed"},
	{mx: mxSecure, authenticated: no, unusable: no, clear: no, fail: no, status: notFound, why: "no host has an address"},
	{mx: mxSecure, clear: some, fail: some, status: temp, why: "lookups for one host failed, and another may be sent to in clear"},
	{mx: mxSecure, clear: no, fail: some, status: ok, level: levelDANE, why: "lookups for one host failed, which Postfix skips; the others have TLSA records"},

	{mx: mxSecure, authenticated: some, unusable: no, clear: no, fail: no, status: ok, level: levelDANEOnly, why: "every host has TLSA records"},
	{mx: mxSecure, authenticated: some, fail: no, status: ok, why: "some hosts have usable TLSA records, and others have not"},
	{mx: mxSecure, authenticated: no, unusable: some, fail: no, status: ok, level: levelDANE, why: "there are TLSA records, and none is usable: encrypted, and not authenticated"},
	{mx: mxSecure, authenticated: no, unusable: no, clear: some, fail: no, status: notFound, why: "no host has TLSA records"},
}

func (r *row) fits(v *verdict) bool {
	return r.mx == v.mx && r.authenticated.fits(v.authenticated) && r.unusable.fits(v.unusable+v.omitted) &&
		r.clear.fits(v.clear) && r.fail.fits(v.failed)
}

// decide returns what Postfix gets, and why.
func decide(v verdict, profile dane.Profile, mixed level) (reply, string) {
	for i := range rows {
		if r := &rows[i]; r.fits(&v) {
			answer, why := r.answer(&v, mixed), r.why
			if v.reason != "" {
				why += ": " + v.reason
			}
			return heed(profile, &v, answer, why)
		}
	}
	return reply{temp, "no row of the table fits"}, "a mistake in the table"
}

func (r *row) answer(v *verdict, mixed level) reply {
	switch {
	case r.status == temp && v.reason != "":
		return reply{temp, r.why + ": " + v.reason}
	case r.status == temp:
		return reply{temp, r.why}
	case r.status == ok && r.level == "":
		return reply{ok, string(mixed)}
	}
	return reply{r.status, string(r.level)}
}

// levels of Postfix for those of a profile, where DANE does not apply. For TLSPreferred the next
// table is asked.
var levels = map[dane.TLSLevel]string{
	dane.TLSNone:                 "none",
	dane.TLSRequired:             "encrypt",
	dane.TLSRequiredVerify:       "verify",
	dane.TLSRequiredVerifyHosted: "secure",
}

// withoutDANE is the answer for a destination where DANE does not apply.
func withoutDANE(profile dane.Profile) reply {
	if word, set := levels[profile.TLS]; set {
		return reply{ok, word}
	}
	return reply{status: notFound}
}

// heed changes an answer as a policy wants it.
func heed(profile dane.Profile, v *verdict, answer reply, why string) (reply, string) {
	required := profile.TLS != dane.TLSPreferred && profile.TLS != dane.TLSNone
	switch {
	case profile.DANE == dane.DANENone:
		return withoutDANE(profile), "the policy is not to use DANE"
	case profile.Audit:
		return withoutDANE(profile), fmt.Sprintf("the policy is to watch only; without it: %s (%s)", answer, why)
	case answer.status == temp:
		return answer, why
	case profile.DANE == dane.DANEMandatory:
		return reply{ok, string(levelDANEOnly)}, why + "; the policy is mandatory DANE"
	case answer.status == notFound:
		return withoutDANE(profile), why
	case required && answer.text == string(levelDANE) && v.clear > 0:
		// dane would send to some of the hosts in clear.
		if v.authenticated == 0 {
			return withoutDANE(profile), why + "; the policy is required TLS"
		}
		return reply{ok, string(levelDANEOnly)}, why + "; the policy is required TLS"
	}
	return answer, why
}
