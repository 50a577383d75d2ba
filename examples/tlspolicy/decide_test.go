package main

import (
	"fmt"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
)

const mixedLevel = level("mixed") // which no row has

func TestDecide(t *testing.T) {
	required := dane.Profile{TLS: dane.TLSRequired}
	for _, tt := range []struct {
		why     string
		verdict verdict
		profile dane.Profile
		want    string
	}{
		{why: "nothing is known", want: "TEMP the MX lookup failed"},
		{why: "the MX lookup failed", verdict: verdict{mx: mxFailed, reason: "bogus"}, want: "TEMP the MX lookup failed: bogus"},
		{why: "no such domain", verdict: verdict{mx: mxNowhere}, want: "NOTFOUND "},
		{why: "not signed", verdict: verdict{mx: mxInsecure}, want: "NOTFOUND "},
		{why: "one host under DANE", verdict: verdict{mx: mxSecure, authenticated: 1}, want: "OK dane-only"},
		{why: "all hosts under DANE", verdict: verdict{mx: mxSecure, authenticated: 3}, want: "OK dane-only"},
		{why: "and one without address, which nobody can use", verdict: verdict{mx: mxSecure, authenticated: 1, absent: 1}, want: "OK dane-only"},
		{why: "more hosts than are looked up", verdict: verdict{mx: mxSecure, authenticated: 16, omitted: 1}, want: "OK mixed"},
		{why: "one of two hosts under DANE", verdict: verdict{mx: mxSecure, authenticated: 1, clear: 1}, want: "OK mixed"},
		{why: "the other has no usable record", verdict: verdict{mx: mxSecure, authenticated: 1, unusable: 1}, want: "OK mixed"},
		{why: "only unusable records", verdict: verdict{mx: mxSecure, unusable: 2}, want: "OK dane"},
		{why: "unusable records, and none", verdict: verdict{mx: mxSecure, unusable: 1, clear: 1}, want: "OK dane"},
		{why: "no TLSA records", verdict: verdict{mx: mxSecure, clear: 2}, want: "NOTFOUND "},
		{why: "lookups for all hosts failed", verdict: verdict{mx: mxSecure, failed: 2}, want: "TEMP no host is left: the lookups failed"},
		{why: "the same with the reason, for Postfix's log", verdict: verdict{mx: mxSecure, failed: 1, reason: "host a: bogus"}, want: "TEMP no host is left: the lookups failed: host a: bogus"},
		{why: "one failed, the other is under DANE", verdict: verdict{mx: mxSecure, failed: 1, authenticated: 1}, want: "OK dane"},
		{why: "one failed, the other may be sent to in clear", verdict: verdict{mx: mxSecure, failed: 1, clear: 1}, want: "TEMP lookups for one host failed, and another may be sent to in clear"},
		{why: "one failed, one is under DANE, one may be sent to in clear", verdict: verdict{mx: mxSecure, failed: 1, authenticated: 1, clear: 1}, want: "TEMP lookups for one host failed, and another may be sent to in clear"},
		{why: "one failed, the other has no usable record", verdict: verdict{mx: mxSecure, failed: 1, unusable: 1}, want: "OK dane"},
		{why: "no host has an address", verdict: verdict{mx: mxSecure, absent: 1}, want: "NOTFOUND "},

		{why: "no DANE by policy", verdict: verdict{mx: mxSecure, authenticated: 1}, profile: dane.Profile{DANE: dane.DANENone}, want: "NOTFOUND "},
		{why: "no TLS by policy", verdict: verdict{mx: mxSecure, authenticated: 1}, profile: dane.Profile{DANE: dane.DANENone, TLS: dane.TLSNone}, want: "OK none"},
		{why: "to be watched only", verdict: verdict{mx: mxSecure, failed: 1}, profile: dane.Profile{Audit: true}, want: "NOTFOUND "},
		{why: "mandatory, and nothing is signed", verdict: verdict{mx: mxInsecure}, profile: dane.Profile{DANE: dane.DANEMandatory}, want: "OK dane-only"},
		{why: "mandatory, and one host has no records", verdict: verdict{mx: mxSecure, authenticated: 1, clear: 1}, profile: dane.Profile{DANE: dane.DANEMandatory}, want: "OK dane-only"},
		{why: "mandatory, and the lookup failed", profile: dane.Profile{DANE: dane.DANEMandatory}, want: "TEMP the MX lookup failed"},
		{why: "required TLS, under DANE", verdict: verdict{mx: mxSecure, authenticated: 1}, profile: required, want: "OK dane-only"},
		{why: "required TLS, not signed", verdict: verdict{mx: mxInsecure}, profile: required, want: "OK encrypt"},
		{why: "a required certificate, not signed", verdict: verdict{mx: mxInsecure}, profile: dane.Profile{TLS: dane.TLSRequiredVerify}, want: "OK verify"},
		{why: "one for the domain", verdict: verdict{mx: mxInsecure}, profile: dane.Profile{TLS: dane.TLSRequiredVerifyHosted}, want: "OK secure"},
		{why: "required TLS, unusable records and none", verdict: verdict{mx: mxSecure, unusable: 1, clear: 1}, profile: required, want: "OK encrypt"},
	} {
		if got, why := decide(tt.verdict, tt.profile, mixedLevel); got.String() != tt.want {
			t.Errorf("%s: %q (%s), want %q", tt.why, got, why, tt.want)
		}
	}
	// With required TLS, "dane" would send to the hosts without records in clear.
	if got, _ := decide(verdict{mx: mxSecure, authenticated: 1, clear: 1}, required, levelDANE); got.text != "dane-only" {
		t.Errorf("required TLS, one of two hosts under DANE: %q", got)
	}
}

// TestDecideAll goes through all that there can be, and sees that no answer is weaker than
// RFC 7672 has it.
func TestDecideAll(t *testing.T) {
	used := make([]bool, len(rows))
	for i := range 4 * 64 {
		bit := func(n int) int { return i >> (2 + n) & 1 }
		v := verdict{mx: mxState(i & 3), authenticated: bit(0), unusable: bit(1), clear: bit(2), failed: bit(3), absent: bit(4), omitted: bit(5)}
		for j := range rows {
			if rows[j].fits(&v) {
				used[j] = true
				break
			}
		}
		got, _ := decide(v, dane.Profile{}, mixedLevel)
		under := v.mx == mxSecure && v.authenticated+v.unusable > 0
		at := fmt.Sprintf("%+v: %q", v, got)
		switch {
		case v.mx == mxFailed && got.status != temp:
			t.Errorf("%s: nothing is to be delivered", at)
		case (v.mx == mxNowhere || v.mx == mxInsecure) && got.status != notFound:
			t.Errorf("%s: DANE does not apply", at)
		case under && got.status == notFound:
			t.Errorf("%s: a host is under DANE, and another table may say less", at)
		case v.mx == mxSecure && v.failed > 0 && got.status == notFound:
			t.Errorf("%s: a host might be under DANE", at)
		case v.mx == mxSecure && v.failed > 0 && v.clear > 0 && got.status != temp:
			t.Errorf("%s: who makes a lookup fail gets clear text", at)
		case got.text == "dane-only" && (v.authenticated == 0 || v.unusable+v.clear+v.failed+v.omitted > 0):
			t.Errorf("%s: a host that may be used would not be", at)
		}
	}
	for i, u := range used {
		if !u {
			t.Errorf("row %d (%s) is for nothing", i, rows[i].why)
		}
	}
}
