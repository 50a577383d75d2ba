package dnssec

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// newQuery is the message for a question below the zone of an anchor; an empty anchorZone
// says that there is no anchor above.
func newQuery(q validate.Question, anchorZone string, avoid []string) *upstream.Query {
	own := &struct { // all in one piece
		upstream.Query
		msg      dns.Msg
		question [1]dns.Question
		extra    [1]dns.RR
		opt      dns.OPT
	}{Query: upstream.Query{Avoid: avoid, Anchor: anchorZone}}
	own.Msg = &own.msg
	own.msg.Id, own.msg.RecursionDesired = newID(), true
	own.msg.CheckingDisabled = true // RFC 6840 §5.9: the validation is ours
	own.question[0] = dns.Question{Name: q.Name.String(), Qtype: q.Type, Qclass: dns.ClassINET}
	own.opt.Hdr.Name, own.opt.Hdr.Rrtype = ".", dns.TypeOPT
	own.opt.SetUDPSize(ednsSize)
	if anchorZone != "" {
		// Where no anchor leads to, signatures prove nothing, and the capability of a
		// server makes no difference.
		own.opt.SetDo()
	}
	own.extra[0] = &own.opt
	own.msg.Question, own.msg.Extra = own.question[:], own.extra[:]
	return &own.Query
}

// newID returns an id that nobody can foresee (RFC 5452 §9.2), as dns.Id does.
func newID() uint16 {
	var octets [2]byte
	rand.Read(octets[:]) // never fails
	return binary.BigEndian.Uint16(octets[:])
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

// exchangeOf tells what came of a query.
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

// unasked is the error of a question that was not asked.
func unasked(name string, qtype uint16, err error) *Error {
	return &Error{Name: name, Type: qtype, Reason: Reason{Code: EDEOther, Name: name, Type: qtype, Text: "not asked"}, Err: err}
}

var errMetaType = errors.New("the type is not one of data")

// answerable refuses the types that are no data (RFC 6895 §3.1), or, like RRSIG,
// no RRset that a signature could cover.
func answerable(qtype uint16) error {
	if qtype == dns.TypeNone || qtype == dns.TypeOPT || qtype == dns.TypeRRSIG || qtype >= 128 && qtype <= 255 {
		return errMetaType
	}
	return nil
}
