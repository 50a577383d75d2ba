package dane

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
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

	// Exchanges are the queries sent for it; none if all was cached.
	Exchanges []dnssec.Exchange
}

// lookup asks the resolver and keeps a record of it. The answer is never nil; the
// error is nil exactly when its status is Secure or Insecure.
func (v *Verifier) lookup(ctx context.Context, name string, qtype uint16) (*dnssec.Answer, Lookup, error) {
	start := time.Now()
	answer, err := v.resolver().Lookup(ctx, name+".", qtype)
	if answer == nil {
		answer = &dnssec.Answer{Name: name + ".", Type: qtype, RCode: dns.RcodeServerFailure}
		if e, ok := errors.AsType[*dnssec.Error](err); ok {
			answer.Status, answer.Reason = e.Status, e.Reason
		}
	}
	own := *answer // a simple fake may share its answers
	answer = &own
	if answer.Name == "" {
		answer.Name = name + "." // and leave this out
	}
	proven := answer.Status == dnssec.Secure || answer.Status == dnssec.Insecure
	switch {
	case err == nil && !proven:
		err = &dnssec.Error{Name: name + ".", Type: qtype, Status: answer.Status, Reason: answer.Reason, Err: ErrLookup}
	case err != nil && proven:
		answer.Status = dnssec.Indeterminate // nothing of a failed lookup is believed
	}
	l := Lookup{
		Name: name, Type: qtype, Status: answer.Status, RCode: answer.RCode, Aliases: answer.Aliases, Reason: answer.Reason,
		Err: err, Expires: answer.Expires, Elapsed: time.Since(start), Exchanges: answer.Exchanges(),
	}
	for _, rr := range answer.Records {
		l.Records = append(l.Records, rdata(rr.String()))
	}
	return answer, l, err
}

// rdata returns what follows owner, TTL, class and type in a record's presentation form,
// which tabs separate; in names they are escaped (RFC 1035 §5.1).
func rdata(record string) string {
	for range 4 {
		_, record, _ = strings.Cut(record, "\t")
	}
	return record
}
