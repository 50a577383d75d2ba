package validate_test

import (
	"context"
	"errors"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
)

// A verdict rests on those that its source gives: as they are, so it is.
func TestVerdictRestsOnOthers(t *testing.T) {
	t.Parallel()
	world := newWorld(t, judgedZones()...)
	q := parseQuestion(t, "nsec.test. MX")
	cause := errors.New("out of reach")
	reason := validate.Reason{Code: validate.CodeOther, Text: "as Ask says"}
	caused := reason
	caused.Err = cause
	for _, tt := range []struct {
		name  string
		asked string
		given validate.Verdict
		want  validate.Status
	}{
		{"bogus keys", "nsec.test. DNSKEY", validate.Verdict{Status: validate.Bogus, Reason: &reason}, validate.Bogus},
		{"keys that nobody gives", "nsec.test. DNSKEY", validate.Verdict{Status: validate.Indeterminate, Reason: &caused}, validate.Indeterminate},
		{"an insecure delegation", "nsec.test. DS", validate.Verdict{Status: validate.Insecure, Reason: &reason, Expires: now}, validate.Insecure},
		{"a bogus delegation", "nsec.test. DS", validate.Verdict{Status: validate.Bogus, Reason: &reason}, validate.Bogus},
		{"a delegation that nobody gives", "nsec.test. DS", validate.Verdict{Status: validate.Indeterminate, Reason: &caused}, validate.Indeterminate},
		{"a zone without keys, against its DS record", "nsec.test. DNSKEY", validate.Verdict{Status: validate.Secure, Shape: validate.NoData}, validate.Bogus},
		{"no delegation, so that the signer is no zone", "nsec.test. DS", validate.Verdict{Status: validate.Secure, Shape: validate.NoData}, validate.Bogus},
		{"more DS records than are looked at", "nsec.test. DS", validate.Verdict{Status: validate.Secure, Shape: validate.Data, Records: make([]dns.RR, 65)}, validate.Bogus},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			j := newJudge(t, world, record(t, world, q))
			j.verdicts[parseQuestion(t, tt.asked)] = &tt.given
			v := j.verdict(t.Context(), q)
			if v.Status != tt.want || tt.want == validate.Secure {
				t.Errorf("status %d, %+v; want %d", v.Status, v.Why(), tt.want)
			}
			if tt.given.Err() != nil && (!errors.Is(v.Err(), cause) || v.Why() != caused) {
				t.Errorf("the cause is lost: %+v, %v", v.Why(), v.Err())
			}
			if v.Status == validate.Insecure && v.Expires.After(now) {
				t.Error("it lives longer than what it rests on")
			}
		})
	}
}

// Keys above a nested anchor that nobody gives make an answer Bogus, as all that is not secure there. It is the
// zone's fault then, and is remembered as such: not as what kept one lookup from finding out.
func TestBogusHasNoCause(t *testing.T) {
	t.Parallel()
	world := newWorld(t, judgedZones()...)
	q := parseQuestion(t, "mail.nsec.test. A")
	j := newJudge(t, world, record(t, world, q))
	j.Anchors = validate.NewAnchors(0, validate.Anchor{Zone: canonical.Root, DS: world.Anchors()[0].DS},
		validate.Anchor{Zone: q.Name, DS: world.Anchors()[0].DS})
	j.verdicts[parseQuestion(t, "nsec.test. DNSKEY")] = validate.Undecided(validate.Reason{Text: "as Ask says"}, context.Canceled)
	v := j.verdict(t.Context(), q)
	if v.Status != validate.Bogus || v.Why().Text != "as Ask says" || v.Err() != nil {
		t.Errorf("status %d, %+v, caused by %v", v.Status, v.Why(), v.Err())
	}
}

// A zone whose chain of trust leads back to the question proves nothing, and ends.
func TestChainInACircle(t *testing.T) {
	t.Parallel()
	world := newWorld(t, judgedZones()...)
	q := parseQuestion(t, "nsec.test. MX")
	all := record(t, world, q)
	// As if the DS records were signed by the zone itself.
	ds := parseQuestion(t, "nsec.test. DS")
	for _, rr := range all[ds].Answer {
		if sig, ok := rr.(*dns.RRSIG); ok {
			sig.SignerName = "nsec.test."
		}
	}
	if v := newJudge(t, world, all).verdict(t.Context(), q); v.Status != validate.Bogus {
		t.Errorf("status %d, %+v", v.Status, v.Why())
	}
}

// knowing is a source that knows one verdict.
type knowing struct {
	validate.Source
	question validate.Question
	verdict  *validate.Verdict
}

func (k knowing) Ask(ctx context.Context, q validate.Question) *validate.Verdict {
	if q == k.question {
		return k.verdict
	}
	return k.Source.Ask(ctx, q)
}

func (k knowing) Recall(_ context.Context, q, _ validate.Question) *validate.Verdict {
	if q == k.question {
		return k.verdict
	}
	return nil
}

// What is known of a delegation above decides before anything below it is asked for.
func TestRecallBeforeAsk(t *testing.T) {
	t.Parallel()
	world := newWorld(t, judgedZones()...)
	q, cut := parseQuestion(t, "mail.island.test. A"), parseQuestion(t, "island.test. DS")
	all := record(t, world, q)
	j := newJudge(t, world, all)
	known := j.verdict(t.Context(), cut)
	j.asked = nil
	delete(j.verdicts, cut)
	delete(j.replies, cut)
	j.Source = knowing{j, cut, known}
	if v := j.verdict(t.Context(), q); v.Status != validate.Insecure || len(j.asked) != 0 {
		t.Errorf("status %d, and %v was asked", v.Status, j.asked)
	}
}

// Without a Budget to pay it nothing is verified, and that is not the zone's fault.
func TestJudgeWithoutBudget(t *testing.T) {
	t.Parallel()
	world := newWorld(t, judgedZones()...)
	q := parseQuestion(t, "nsec.test. MX")
	j := newJudge(t, world, record(t, world, q))
	if v := j.verdict(t.Context(), validate.Question{Name: q.Name, Type: dns.TypeDNSKEY}); v.Status != validate.Secure {
		t.Fatalf("%+v", v.Why())
	}
	j.Budget.Exhaust()
	v := j.verdict(t.Context(), q)
	if v.Status != validate.Indeterminate || !errors.Is(v.Err(), validate.ErrBudget) {
		t.Errorf("status %d, %v", v.Status, v.Err())
	}
}

// A signature that is in the cache costs no check, and one that is not good is never in it.
func TestSignatureCacheSavesWork(t *testing.T) {
	t.Parallel()
	world := newWorld(t, judgedZones()...)
	q := parseQuestion(t, "nsec.test. MX")
	all := record(t, world, q)
	var cache validate.SignatureCache
	spent := func() int {
		j := newJudge(t, world, all)
		j.Signatures = &cache
		if v := j.verdict(t.Context(), q); v.Status != validate.Secure {
			t.Fatalf("%+v", v.Why())
		}
		return j.Budget.Spent().Signatures
	}
	if first, second := spent(), spent(); first == 0 || second != 0 {
		t.Errorf("%d checks, then %d", first, second)
	}
	all[q].Answer[0].(*dns.MX).Preference++
	j := newJudge(t, world, all)
	j.Signatures = &cache
	for range 2 {
		delete(j.verdicts, q)
		if v := j.verdict(t.Context(), q); v.Status != validate.Bogus {
			t.Errorf("forged data has status %d", v.Status)
		}
	}
}

// What denied one name denies others, where there is an NSECCache.
func TestDeny(t *testing.T) {
	t.Parallel()
	world := newWorld(t, judgedZones()...)
	q, other := parseQuestion(t, "no.nsec.test. A"), parseQuestion(t, "nobody.nsec.test. AAAA")
	j := newJudge(t, world, record(t, world, q))
	v := j.verdict(t.Context(), q)
	if j.Deny(other) != nil {
		t.Error("a denial without a cache")
	}
	j.Denials = new(validate.NSECCache)
	j.Denials.Add(v, 0)
	if v := j.Deny(other); v == nil || v.Status != validate.Secure || v.Shape != validate.NameError {
		t.Errorf("%+v", v)
	}
	for _, question := range []string{"mail.nsec.test. A", "nobody.nsec.test. DS", "no.nsec3.test. A", "no.test. A"} {
		if v := j.Deny(parseQuestion(t, question)); v != nil {
			t.Errorf("%s: denied by what was proven for another: %+v", question, v)
		}
	}
	j.Anchors = validate.NewAnchors(1, validate.Anchor{Zone: canonical.Root, DS: world.Anchors()[0].DS})
	if j.Deny(other) != nil {
		t.Error("a denial by what was proven from other anchors")
	}
}

// An alias without a signature is told as such, although the question for DS records at it, by
// which a zone cut there would show, gets the same alias.
func TestUnsignedAlias(t *testing.T) {
	t.Parallel()
	world := newWorld(t, judgedZones()...)
	q := parseQuestion(t, "alias.nsec.test. A")
	all := record(t, world, q)
	for _, question := range []string{"alias.nsec.test. A", "alias.nsec.test. DS"} {
		without(dns.TypeRRSIG)(t, all[parseQuestion(t, question)])
	}
	v := newJudge(t, world, all).verdict(t.Context(), q)
	if v.Status != validate.Bogus || v.Why().Code != validate.CodeRRSIGsMissing || v.Why().Name != "alias.nsec.test." {
		t.Errorf("status %d, %+v", v.Status, v.Why())
	}
}
