package dnssec

import (
	"context"
	"errors"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// query is the message for a question.
func (l *lookup) query(q validate.Question, avoid []string) *upstream.Query {
	zone, anchored := l.trusted.Enclosing(q.Name)
	if !anchored {
		return newQuery(q, "", avoid)
	}
	return newQuery(q, zone.String(), avoid)
}

// newQuery is the message for a question below the zone of an anchor, "" for none.
func newQuery(q validate.Question, anchorZone string, avoid []string) *upstream.Query {
	msg := new(dns.Msg)
	msg.SetQuestion(q.Name.String(), q.Type)
	msg.CheckingDisabled = true // RFC 6840 §5.9: the validation is ours
	// Where no anchor leads to, signatures prove nothing, and the capability of a
	// server makes no difference.
	msg.SetEdns0(ednsSize, anchorZone != "")
	return &upstream.Query{Msg: msg, Avoid: avoid, Anchor: anchorZone}
}

// ednsSize is the largest UDP reply that is asked for (dnsflagday.net/2020).
const ednsSize = 1232

// exchange is e.Exchange for an Exchanger that may be broken.
func exchange(ctx context.Context, e upstream.Exchanger, q *upstream.Query) (*upstream.Reply, error) {
	reply, err := e.Exchange(ctx, q)
	if err == nil && (reply == nil || reply.Msg == nil) {
		err = errNoReply
	}
	return reply, err
}

var errNoReply = errors.New("exchanger gave neither a reply nor an error")

func exchangeOf(name string, qtype uint16, reply *upstream.Reply, err error, elapsed time.Duration) Exchange {
	exchange := Exchange{Name: name, Type: qtype, RCode: -1, Elapsed: elapsed, Err: err}
	if err == nil {
		exchange.Server, exchange.Network, exchange.RCode = reply.Server, reply.Network, reply.Msg.Rcode
		exchange.PassedOver = reply.PassedOver
	}
	return exchange
}

// unanswered is the verdict on a question without a reply.
func unanswered(q validate.Question, err error) *validate.Verdict {
	reason := q.Reason(validate.CodeNetworkError, "no answer")
	switch _, incapable := errors.AsType[*upstream.CapabilityError](err); {
	case incapable:
		reason.Code, reason.Text = validate.CodeIndeterminate, "no DNS server that is capable of DNSSEC"
	case errors.Is(err, ErrBudget):
		return validate.OverBudget(q, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		reason.Code, reason.Text = validate.CodeNoReachableAuthority, "no answer in time"
	}
	return validate.Undecided(reason, err)
}
