package validate_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A recorder keeps the first reply to each question of a Resolver.
type recorder struct {
	upstream.Exchanger
	t       *testing.T
	mu      sync.Mutex
	replies replies
}

func (r *recorder) Exchange(ctx context.Context, query *upstream.Query) (*upstream.Reply, error) {
	reply, err := r.Exchanger.Exchange(ctx, query)
	if err != nil {
		return nil, err
	}
	asked := query.Msg.Question[0]
	q := validate.Question{Name: parseName(r.t, asked.Name), Type: asked.Qtype}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.replies[q] == nil {
		r.replies[q] = reply.Msg.Copy()
	}
	return reply, nil
}

// steps follows the aliases as a lookup does, and returns the weakest status, the reason for it,
// and where it ends.
func (j *judge) steps(ctx context.Context, q validate.Question) string {
	status, reason, shape := validate.Secure, validate.Reason{}, validate.NoAnswer
	for range 12 {
		v := j.verdict(ctx, q)
		if v.Status < status {
			status, reason = v.Status, v.Why()
		}
		if shape = v.Shape; v.Failed() {
			return fmt.Sprintf("%d: %s %s", status, reason.Code, reason.Text)
		}
		if shape != validate.Aliased {
			break
		}
		q.Name = v.Target()
	}
	return fmt.Sprintf("%d: %s %s; %s denied: %t", status, reason.Code, reason.Text, q.Name, shape == validate.NameError)
}

// What a Resolver concludes from a DNS, with all its caches and its parallel queries, the judge
// concludes from the recorded replies, in a map: whatever is wrong with a zone.
func TestRecordedReplies(t *testing.T) {
	t.Parallel()
	faults := map[string]map[string]dnssectest.Fault{
		"nothing is wrong": nil,
		"expired":          {dnssectest.WholeZone: dnssectest.Expired},
		"not yet valid":    {dnssectest.WholeZone: dnssectest.NotYetValid},
		"bad signatures":   {dnssectest.WholeZone: dnssectest.BadSignature},
		"no signatures":    {dnssectest.WholeZone: dnssectest.NoSignature},
		"another DS":       {dnssectest.WholeZone: dnssectest.WrongDS},
		"no keys":          {dnssectest.WholeZone: dnssectest.NoKeys},
		"SERVFAIL":         {"mail A": dnssectest.ServFail},
		"one bad set":      {"mail A": dnssectest.BadSignature},
		"one bad alias":    {"alias CNAME": dnssectest.Expired},
		"bad keys":         {"@ DNSKEY": dnssectest.BadSignature},
	}
	questions := []string{
		"zone.test. MX", "mail.zone.test. A", "mail.zone.test. TXT", "no.zone.test. A", "alias.zone.test. A",
		"x.tree.zone.test. A", "a.wild.zone.test. A", "b.empty.zone.test. A", "a.b.empty.zone.test. A",
		"host.child.zone.test. A", "no.child.zone.test. A",
	}
	for denial, name := range map[dnssectest.Denial]string{dnssectest.NSEC: "NSEC", dnssectest.NSEC3: "NSEC3", dnssectest.NSEC3OptOut: "opt-out"} {
		for fault, of := range faults {
			t.Run(name+", "+fault, func(t *testing.T) {
				t.Parallel()
				world := newWorld(t,
					dnssectest.Zone{Name: "test."},
					dnssectest.Zone{Name: "zone.test.", Records: judgedRecords, Denial: denial, Faults: of},
					dnssectest.Zone{Name: "child.zone.test.", Records: "host A 192.0.2.4", Unsigned: true})
				for _, question := range questions {
					q := parseQuestion(t, question)
					recorded := &recorder{Exchanger: world, t: t, replies: make(replies)}
					resolver := world.Resolver()
					resolver.Exchanger = recorded
					resolver.NoAggressiveUse = true // of what denied the DS records of a chain
					answer, err := resolver.Lookup(t.Context(), question[:len(q.Name.String())], q.Type)
					if answer == nil {
						t.Fatal(err)
					}
					got := newJudge(t, world, recorded.replies).steps(t.Context(), q)
					if want := concluded(t, answer, err); got != want {
						t.Errorf("%s: the judge says %q, the Resolver %q", question, got, want)
					}
				}
			})
		}
	}
}

// concluded says what a lookup came to, as steps does.
func concluded(t *testing.T, answer *dnssec.Answer, err error) string {
	status := map[dnssec.Status]validate.Status{
		dnssec.Indeterminate: validate.Indeterminate, dnssec.Bogus: validate.Bogus,
		dnssec.Insecure: validate.Insecure, dnssec.Secure: validate.Secure,
	}[answer.Status]
	text := fmt.Sprintf("%d: %s %s", status, validate.Code(answer.Reason.Code), answer.Reason.Text)
	if err != nil {
		return text
	}
	end, parseErr := canonical.ParseName(answer.Name)
	if parseErr != nil {
		t.Fatal(parseErr)
	}
	return fmt.Sprintf("%s; %s denied: %t", text, end, answer.RCode == dns.RcodeNameError)
}
