package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

const (
	// ednsSize is the largest UDP reply that is sent, and asked for in turn
	// (dnsflagday.net/2020).
	ednsSize = 1232
	// maxExtraText bounds the text of an extended error, so that it fits beside an answer.
	maxExtraText = 200
)

// A lookuper is a dnssec.Resolver.
type lookuper interface {
	Lookup(ctx context.Context, name string, qtype uint16) (*dnssec.Answer, error)
}

// A responder makes the replies to queries. How they get here and back is the server's
// business.
type responder struct {
	resolver  lookuper
	exchanger upstream.Exchanger // for those who want what is not valid (CD)
	timeout   time.Duration      // of one query
	inFlight  chan struct{}      // as long as the queries that may be at a time
	log       *slog.Logger

	period atomic.Pointer[period] // that it is now; all queries have the same parent context
}

// respond returns the reply to a query. It has the answer, and AD if it is secure and the
// client understands that; or SERVFAIL and the reason, if it is bogus. An answer is true until it
// expires; any other reply may be another one for the next who asks.
func (r *responder) respond(ctx context.Context, query *dns.Msg) (reply *dns.Msg, until time.Time) {
	reply = new(dns.Msg).SetReply(query)
	reply.RecursionAvailable = true
	opt := query.IsEdns0()
	if opt != nil {
		reply.SetEdns0(ednsSize, opt.Do())
	}
	if rcode, bad := refusal(query, opt); bad {
		reply.Rcode = rcode
		return reply, until
	}
	select {
	case r.inFlight <- struct{}{}:
		defer func() { <-r.inFlight }()
	default:
		reply.Rcode = dns.RcodeServerFailure
		extend(reply, dnssec.EDEOther, "too many queries at a time")
		return reply, until
	}
	ctx = r.deadline(ctx)
	q := query.Question[0]
	answer, err := r.resolver.Lookup(ctx, q.Name, q.Qtype)
	if err != nil {
		r.fail(ctx, reply, err)
		return reply, until
	}
	reply.Rcode = answer.RCode
	reply.Answer = records(q, answer)
	// Who sets neither AD nor DO may not know what AD means (RFC 6840 §5.7).
	understands := query.AuthenticatedData || opt != nil && opt.Do()
	reply.AuthenticatedData = answer.Status == dnssec.Secure && understands
	if answer.Status == dnssec.Insecure && worthTelling(answer.Reason.Code) {
		extend(reply, answer.Reason.Code, answer.Reason.String())
	}
	return reply, answer.Expires
}

// A period is a time in which queries begin that share a deadline: a timer for each would take a
// tenth of the time that it takes to answer from the cache.
type period struct {
	ctx context.Context
	end time.Time // no more queries begin
}

// deadline returns a context that ends after the timeout of a query, give or take a little.
func (r *responder) deadline(ctx context.Context) context.Context {
	now := time.Now()
	if p := r.period.Load(); p != nil && now.Before(p.end) {
		return p.ctx
	}
	length := r.timeout / 64
	shared, cancel := context.WithTimeout(ctx, r.timeout+length)
	context.AfterFunc(shared, cancel)
	r.period.Store(&period{shared, now.Add(length)})
	return shared
}

// refusal returns the response code for queries that are not answered.
func refusal(query *dns.Msg, opt *dns.OPT) (rcode int, bad bool) {
	if query.Opcode != dns.OpcodeQuery {
		return dns.RcodeNotImplemented, true
	}
	if len(query.Question) != 1 || countOPT(query) > 1 { // RFC 6891 §6.1.1
		return dns.RcodeFormatError, true
	}
	if opt != nil && opt.Version() != 0 {
		return dns.RcodeBadVers, true // RFC 6891 §6.1.3
	}
	q := query.Question[0]
	if q.Qclass != dns.ClassINET {
		return dns.RcodeRefused, true
	}
	// A client that wants no recursion looks into what others have asked.
	if !query.RecursionDesired {
		return dns.RcodeRefused, true
	}
	switch q.Qtype {
	case dns.TypeAXFR, dns.TypeIXFR, dns.TypeMAILA, dns.TypeMAILB:
		return dns.RcodeRefused, true
	case dns.TypeANY, dns.TypeRRSIG: // what there is would be no RRset to validate
		return dns.RcodeNotImplemented, true
	case dns.TypeNone, dns.TypeOPT, dns.TypeTSIG, dns.TypeTKEY:
		return dns.RcodeFormatError, true
	}
	return 0, false
}

func countOPT(query *dns.Msg) (n int) {
	for _, rr := range query.Extra {
		if rr.Header().Rrtype == dns.TypeOPT {
			n++
		}
	}
	return n
}

// fail makes the reply one of failure; or, for a client that checks for itself, of the data
// that did not validate (RFC 4035 §3.2.2).
func (r *responder) fail(ctx context.Context, reply *dns.Msg, err error) {
	q := reply.Question[0]
	failed, _ := errors.AsType[*dnssec.Error](err)
	if failed != nil && reply.CheckingDisabled {
		if rcode, records, ok := r.unchecked(ctx, q); ok {
			reply.Rcode, reply.Answer = rcode, records
			extend(reply, failed.Reason.Code, failed.Reason.String())
			return
		}
	}
	reply.Rcode = dns.RcodeServerFailure
	code, text := dnssec.EDEOther, "the lookup failed"
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		code, text = dnssec.EDENoReachableAuthority, "no answer in time"
	case failed != nil:
		code, text = failed.Reason.Code, failed.Reason.String()
	}
	extend(reply, code, text)
	r.log.Info("lookup failed", "name", q.Name, "type", dns.Type(q.Qtype).String(), "err", err)
}

// records returns the answer section: the aliases, then the records. That of a DNAME is the
// CNAME that follows from it (RFC 6672 §3.1), for a stub needs no more.
func records(q dns.Question, answer *dnssec.Answer) []dns.RR {
	if len(answer.Aliases) == 0 {
		for _, rr := range answer.Records {
			rr.Header().Name = q.Name // as the client wrote it
		}
		return answer.Records
	}
	ttl := uint32(max(time.Until(answer.Expires), 0) / time.Second)
	all := make([]dns.RR, 0, len(answer.Aliases)+len(answer.Records))
	for i, alias := range answer.Aliases {
		name := alias.Name
		if i == 0 {
			name = q.Name
		}
		all = append(all, &dns.CNAME{
			Hdr:    dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: ttl},
			Target: alias.Target,
		})
	}
	return append(all, answer.Records...)
}

// worthTelling are the reasons why an answer is insecure that somebody could do something
// about. That a zone is not signed is not told.
func worthTelling(code dnssec.EDE) bool {
	switch code {
	case dnssec.EDEUnsupportedAlgorithm, dnssec.EDEUnsupportedDigest, dnssec.EDENSEC3IterationsTooBig:
		return true
	}
	return false
}

// extend adds an extended error (RFC 8914 §2), for clients that have sent an OPT record.
func extend(reply *dns.Msg, code dnssec.EDE, text string) {
	if opt := reply.IsEdns0(); opt != nil {
		text = strings.ToValidUTF8(text[:min(len(text), maxExtraText)], "")
		opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: uint16(code), ExtraText: text})
	}
}
