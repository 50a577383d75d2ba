package validate_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// now is the instant of these tests: the judge reads no clock.
var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// newWorld signs zones at that instant.
func newWorld(t testing.TB, zones ...dnssectest.Zone) *dnssectest.Internet {
	t.Helper()
	world := dnssectest.New(t, zones...)
	world.Time = func() time.Time { return now }
	return world
}

func parseName(t testing.TB, text string) canonical.Name {
	t.Helper()
	name, err := canonical.ParseName(text)
	if err != nil {
		t.Fatal(text, err)
	}
	return name
}

// parseQuestion reads "name TYPE".
func parseQuestion(t testing.TB, text string) validate.Question {
	t.Helper()
	name, qtype, _ := strings.Cut(text, " ")
	if dns.StringToType[qtype] == 0 {
		t.Fatalf("%q is not a question", text)
	}
	return validate.Question{Name: parseName(t, name), Type: dns.StringToType[qtype]}
}

func parseRR(t testing.TB, text string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(text, err)
	}
	return rr
}

// replies are all that was recorded of a DNS: there is no network behind it.
type replies map[validate.Question]*dns.Msg

// record asks the questions, and for the keys and DS records of all names above, also of those
// that aliases lead to.
func record(t testing.TB, world *dnssectest.Internet, questions ...validate.Question) replies {
	t.Helper()
	all := make(replies)
	for len(questions) > 0 {
		q := questions[0]
		questions = questions[1:]
		if all[q] != nil {
			continue
		}
		query := new(dns.Msg).SetQuestion(q.Name.String(), q.Type)
		query.SetEdns0(1232, true)
		reply, err := world.Exchange(t.Context(), &upstream.Query{Msg: query})
		if err != nil {
			t.Fatal(q.Name, err)
		}
		all[q] = reply.Msg
		above := []canonical.Name{q.Name}
		for _, rr := range reply.Msg.Answer {
			if cname, ok := rr.(*dns.CNAME); ok && q.Type != dns.TypeDS && q.Type != dns.TypeDNSKEY {
				target := parseName(t, cname.Target)
				questions, above = append(questions, validate.Question{Name: target, Type: q.Type}), append(above, target)
			}
		}
		for _, name := range above {
			for ; !name.IsRoot(); name = name.Parent() {
				questions = append(questions, validate.Question{Name: name, Type: dns.TypeDS}, validate.Question{Name: name, Type: dns.TypeDNSKEY})
			}
		}
		questions = append(questions, validate.Question{Name: canonical.Root, Type: dns.TypeDNSKEY})
	}
	return all
}

// A judge judges replies in a map, and answers its own questions from it.
type judge struct {
	*validate.Validator
	replies  replies
	verdicts map[validate.Question]*validate.Verdict
	asked    []validate.Question
}

// newJudge returns a judge that starts from the anchors of a world.
func newJudge(t testing.TB, world *dnssectest.Internet, replies replies) *judge {
	t.Helper()
	var anchors []validate.Anchor
	for _, a := range world.Anchors() {
		anchors = append(anchors, validate.Anchor{Zone: parseName(t, a.Zone), DS: a.DS, Key: a.Key})
	}
	j := &judge{replies: replies, verdicts: make(map[validate.Question]*validate.Verdict)}
	j.Validator = &validate.Validator{Now: now, Anchors: validate.NewAnchors(0, anchors...), Budget: validate.NewBudget(1)}
	j.Source = j
	return j
}

// Ask implements validate.Source.
func (j *judge) Ask(ctx context.Context, q validate.Question) *validate.Verdict {
	j.asked = append(j.asked, q)
	return j.verdict(ctx, q)
}

// Recall implements validate.Source. It knows nothing.
func (j *judge) Recall(context.Context, validate.Question, validate.Question) *validate.Verdict {
	return nil
}

// verdict judges what the map has for a question, once. What leads back to itself proves
// nothing, nor does what was not recorded.
func (j *judge) verdict(ctx context.Context, q validate.Question) *validate.Verdict {
	if v := j.verdicts[q]; v != nil {
		return v
	}
	reply := j.replies[q]
	if reply == nil {
		return validate.Undecided(q.Reason(validate.CodeNetworkError, "not recorded"), nil)
	}
	j.verdicts[q] = j.Circle(q)
	j.verdicts[q] = j.Judge(ctx, q, reply, "server")
	return j.verdicts[q]
}
