package upstream

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// A Recording answers queries from what a [Recorder] has kept, without a network. It can be
// stored as JSON. A Resolver whose Time returns that of the Recording comes to the same
// verdicts as then.
//
// A Recording is safe for concurrent use while it is not changed.
type Recording struct {
	// Exchanges in the order in which they ended.
	Exchanges []Recorded `json:"exchanges"`

	// Truncated says that there were more exchanges than a Recorder keeps.
	Truncated bool `json:"truncated,omitempty"`
}

// Recorded is one exchange: a question, and the reply or the error.
type Recorded struct {
	At     time.Time `json:"at"` // when the reply or the error came
	Name   string    `json:"name"`
	Type   uint16    `json:"type"`
	DNSSEC bool      `json:"dnssec"`          // DNSSEC records were asked for
	Avoid  []string  `json:"avoid,omitempty"` // Query.Avoid

	// Checked says that the server was to validate what it sends: the query had no CD
	// bit (RFC 4035 §3.2.2).
	Checked bool `json:"checked,omitempty"`

	Server  string        `json:"server,omitempty"`
	Network string        `json:"network,omitempty"`
	Elapsed time.Duration `json:"elapsed_ns,omitempty"`
	Message []byte        `json:"message,omitempty"` // in wire form (RFC 1035 §4.1)

	Err       string `json:"error,omitempty"` // in place of a message
	Incapable bool   `json:"incapable,omitempty"`
	Exhausted bool   `json:"exhausted,omitempty"`
}

// errNotRecorded says that a question was not asked when the recording was made.
var errNotRecorded = errors.New("not in the recording")

// Time returns the instant of the first exchange, or the zero time if there are no
// exchanges.
func (r *Recording) Time() time.Time {
	if len(r.Exchanges) == 0 {
		return time.Time{}
	}
	return r.Exchanges[0].At
}

// Exchange returns the reply to the same question by a server that is not in q.Avoid, or
// the error that was recorded. If the question was not asked then, the error is an
// [*Error].
func (r *Recording) Exchange(ctx context.Context, q *Query) (*Reply, error) {
	if err := ctx.Err(); err != nil {
		return nil, newError("", "", q, err)
	}
	if q.Msg == nil || len(q.Msg.Question) != 1 {
		return nil, newError("", "", q, errNoQuestion)
	}
	recorded := r.find(q)
	switch {
	case recorded == nil:
		return nil, newError("", "", q, errNotRecorded)
	case recorded.Exhausted:
		return nil, ErrExhausted
	case recorded.Incapable:
		return nil, &CapabilityError{Servers: []Capability{{Err: newError("", "", q, errors.New(recorded.Err))}}}
	case recorded.Message == nil:
		return nil, newError("", "", q, errors.New(recorded.Err))
	}
	msg, err := wireform.Unpack(recorded.Message)
	if err != nil {
		return nil, newError(recorded.Server, recorded.Network, q, err)
	}
	return &Reply{Msg: msg, Server: recorded.Server, Network: recorded.Network, Elapsed: recorded.Elapsed}, nil
}

// find returns the exchange that best fits a query: one with the same servers to avoid, and
// the same CD bit if there is one. Otherwise it is any reply of a server that is not to be
// avoided.
func (r *Recording) find(q *Query) *Recorded {
	question := q.Msg.Question[0]
	var similar, other *Recorded
	for i := range r.Exchanges {
		recorded := &r.Exchanges[i]
		if recorded.Type != question.Qtype || !strings.EqualFold(recorded.Name, dns.CanonicalName(question.Name)) || recorded.DNSSEC != isValidating(q) {
			continue
		}
		switch {
		case slices.Equal(recorded.Avoid, q.Avoid):
			if recorded.Checked != q.Msg.CheckingDisabled {
				return recorded
			}
			similar = cmp.Or(similar, recorded)
		case recorded.Message != nil && !slices.Contains(q.Avoid, recorded.Server):
			other = cmp.Or(other, recorded)
		}
	}
	return cmp.Or(similar, other)
}
