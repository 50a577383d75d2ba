package validate_test

import (
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// Whatever comes as the reply to one question, to the keys and DS records it leads to included,
// it proves what is true, or nothing, within the budget.
func FuzzJudge(f *testing.F) {
	world := newWorld(f, judgedZones()...)
	questions := []string{
		"nsec.test. MX", "alias.nsec.test. A", "x.tree.nsec.test. A", "a.wild.nsec3.test. A",
		"no.nsec.test. A", "no.nsec3.test. A", "mail.nsec.test. TXT", "nsec.test. DS", "nsec.test. DNSKEY",
	}
	var asked []validate.Question
	for _, question := range questions {
		asked = append(asked, parseQuestion(f, question))
	}
	genuine := record(f, world, asked...)
	truth := make([]*validate.Verdict, len(asked))
	for i, q := range asked {
		truth[i] = newJudge(f, world, genuine).verdict(f.Context(), q)
		for _, other := range []validate.Question{q, {Name: parseName(f, "nsec.test."), Type: dns.TypeDNSKEY}} {
			wire, err := genuine[other].Pack()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), false, wire)
			f.Add(uint8(i), true, wire)
		}
	}
	f.Fuzz(func(t *testing.T, index uint8, forKeys bool, wire []byte) {
		i := int(index) % len(asked)
		msg, err := wireform.Unpack(wire)
		if err != nil {
			return
		}
		forged := asked[i]
		if forKeys {
			forged = validate.Question{Name: parseName(t, "nsec.test."), Type: dns.TypeDNSKEY}
		}
		j := newJudge(t, world, make(replies, len(genuine)))
		for q, reply := range genuine {
			j.replies[q] = reply
		}
		j.replies[forged] = msg
		j.Denials = new(validate.NSECCache)
		v := j.verdict(t.Context(), asked[i])
		if v.Status == validate.Insecure {
			t.Errorf("%s: a signed zone is insecure: %+v\nby %v", questions[i], v.Why(), msg)
		}
		if v.Status != validate.Secure {
			return
		}
		if !says(v, truth[i]) {
			t.Errorf("%s: secure, but %v %v instead of %v %v\nby %v", questions[i], v.Shape, v.Records, truth[i].Shape, truth[i].Records, msg)
		}
		if v.Expires.After(now.Add(validate.MaxDenialTTL)) && v.Shape != validate.Data && v.Shape != validate.Aliased {
			t.Errorf("%s: a denial until %s", questions[i], v.Expires)
		}
		j.Denials.Add(v, 0)
		if v := j.Deny(validate.Question{Name: canonical.Name("\x04mail") + parseName(t, "nsec.test."), Type: dns.TypeA}); v != nil {
			t.Errorf("%s: a name that exists is denied\nby %v", questions[i], msg)
		}
	})
}

// says reports whether a verdict has the shape, the target and the records of another.
func says(v, truth *validate.Verdict) bool {
	if v.Shape != truth.Shape || v.Target() != truth.Target() || len(v.Records) != len(truth.Records) {
		return false
	}
	for _, rr := range v.Records {
		if !slices.ContainsFunc(truth.Records, func(other dns.RR) bool { return dns.IsDuplicate(rr, other) }) {
			return false
		}
	}
	return true
}
