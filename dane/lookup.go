package dane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A Lookup is one question that was asked, and what came of it.
type Lookup struct {
	Name    string        // asked for, without the final dot
	Type    uint16        // asked for
	Status  dnssec.Status // of the weakest step
	RCode   int           // when Err is nil
	Records []string      // in presentation form, without owner and TTL
	Aliases []dnssec.Alias
	Reason  dnssec.Reason // why not Secure
	Err     error         // the lookup failed
	Expires time.Time     // when the answer must be forgotten
	Elapsed time.Duration

	// Exchanges are the queries sent for it; empty if all was cached.
	Exchanges []dnssec.Exchange

	// Chain is the evidence for the answer, from the trust anchor down: whose keys have
	// signed what, and how long each signature is valid; see [dnssec.Answer.Chain]. Of a
	// Checker only, at most 64 links, and without their records, questions and denials unless
	// Checker.ChainRecords is set. Other resolvers than those of package dnssec give none.
	Chain []dnssec.Link
}

// keepsContract reports whether an answer can be one that came with a nil error, by the
// contract of dnssec.Answer. A resolver that claims a status for what no server has answered,
// or a better one than that of a step, is not believed: to take its failure for "no such
// record" would switch DANE off.
func keepsContract(a *dnssec.Answer) bool {
	proven := a.Status == dnssec.Secure || a.Status == dnssec.Insecure
	answered := a.RCode == dns.RcodeSuccess || a.RCode == dns.RcodeNameError && len(a.Records) == 0
	if !proven || !answered || slices.Contains(a.Records, nil) {
		return false
	}
	// RFC 7672 §2.1.3: no better than the weakest step. TrustAD cannot tell single steps of
	// an insecure answer but a first one by DNAME: the others are Indeterminate then.
	return !slices.ContainsFunc(a.Aliases, func(step dnssec.Alias) bool {
		return step.Status == dnssec.Bogus || a.Status == dnssec.Secure && step.Status != dnssec.Secure
	})
}

// failed is the status of a lookup that has failed, whatever is claimed.
func failed(claimed dnssec.Status) dnssec.Status {
	if claimed == dnssec.Bogus {
		return dnssec.Bogus
	}
	return dnssec.Indeterminate
}

// notAnswered is the error of an answer that breaks the contract. It names the response
// code, which a resolver that gave no error would otherwise hide.
func notAnswered(a *dnssec.Answer) error {
	if a.RCode == dns.RcodeSuccess {
		return ErrLookup
	}
	return fmt.Errorf("%w: %s", ErrLookup, cmp.Or(dns.RcodeToString[a.RCode], fmt.Sprint("response code ", a.RCode)))
}

// lookup asks the resolver and keeps a record of it. The answer is never nil; the
// error is nil exactly when its status is Secure or Insecure.
func (v *Verifier) lookup(ctx context.Context, name string, qtype uint16) (*dnssec.Answer, Lookup, error) {
	start := time.Now()
	var answer *dnssec.Answer
	err := ctx.Err()
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrLookup, err) // nobody is asked, and no server is to blame
	} else {
		answer, err = v.resolver().Lookup(ctx, name+".", qtype)
	}
	if answer == nil {
		answer = &dnssec.Answer{Name: name + ".", Type: qtype, RCode: dns.RcodeServerFailure}
		if e, ok := errors.AsType[*dnssec.Error](err); ok {
			answer.Status, answer.Reason = e.Status, e.Reason
		}
	}
	if broken := err != nil || !keepsContract(answer); broken || answer.Name == "" {
		own := *answer // a simple fake may share its answers
		answer = &own
		if answer.Name == "" {
			answer.Name = name + "." // and leave this out
		}
		if broken {
			answer.Status = failed(answer.Status)
		}
	}
	if err == nil && answer.Status < dnssec.Insecure {
		err = &dnssec.Error{Name: name + ".", Type: qtype, Status: answer.Status, Reason: answer.Reason, Err: notAnswered(answer)}
	}
	l := Lookup{
		Name: name, Type: qtype, Status: answer.Status, RCode: answer.RCode, Aliases: answer.Aliases, Reason: answer.Reason,
		Err: err, Expires: answer.Expires, Elapsed: time.Since(start), Exchanges: answer.Exchanges(), Chain: evidence(ctx, answer),
	}
	if len(answer.Records) > 0 {
		l.Records = make([]string, 0, len(answer.Records))
	}
	for _, rr := range answer.Records {
		if rr == nil {
			continue
		}
		l.Records = append(l.Records, rdata(rr))
	}
	return answer, l, err
}

// An expiry is when the first of some answers must be forgotten.
type expiry struct {
	first   time.Time
	unknown bool // one has failed, or does not tell
}

func (e *expiry) add(l *Lookup) {
	if l.Err != nil || l.Expires.IsZero() {
		e.unknown = true
	}
	if e.first.IsZero() || l.Expires.Before(e.first) {
		e.first = l.Expires
	}
}

func (e *expiry) addAll(lookups []Lookup) {
	for i := range lookups {
		e.add(&lookups[i])
	}
}

// time is zero if that is not known, or nothing was asked.
func (e *expiry) time() time.Time {
	if e.unknown {
		return time.Time{}
	}
	return e.first
}

// rdata returns a record in presentation form, without owner, TTL, class and type. The usual
// records are written without them.
func rdata(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.A:
		if rr.A.To4() != nil {
			return rr.A.String()
		}
	case *dns.MX:
		if hasHostOctets(rr.Mx) { // so that nothing has to be escaped
			return strconv.Itoa(int(rr.Preference)) + " " + rr.Mx
		}
	case *dns.TLSA:
		usage, selector, matching := strconv.Itoa(int(rr.Usage)), strconv.Itoa(int(rr.Selector)), strconv.Itoa(int(rr.MatchingType))
		return usage + " " + selector + " " + matching + " " + rr.Certificate
	}
	record := rr.String()
	for range 4 { // tabs separate the fields; in names they are escaped (RFC 1035 §5.1)
		_, record, _ = strings.Cut(record, "\t")
	}
	return record
}

func incapable(err error) bool {
	_, ok := errors.AsType[*upstream.CapabilityError](err)
	return ok
}

// unanswered reports whether a lookup failed since a query was not answered, or not by the end of the
// time: it may be on its way for others then, and not among the Exchanges.
func unanswered(l Lookup) bool {
	late := errors.Is(l.Err, context.DeadlineExceeded) && !errors.Is(l.Err, ErrLookup) // it was asked
	return l.Status == dnssec.Indeterminate && (late || slices.ContainsFunc(l.Exchanges, func(e dnssec.Exchange) bool { return e.Err != nil }))
}
