package dnssec

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// TrustAD looks names up without validating: it believes the AD bit of the servers
// behind its Exchanger. That is for people who run a validating resolver on the
// same machine. Anybody on the path to another one can forge answers, which are
// Secure then (RFC 4035 §4.9.3, RFC 7672 §2.1.3).
//
// It keeps the contract of [Answer]. It cannot tell the status of single aliases,
// which is Indeterminate unless that of the whole is Secure, and has no cache. It
// is safe for concurrent use.
type TrustAD struct {
	// Exchanger asks the validating resolver. It must be set.
	Exchanger upstream.Exchanger
}

var errNoExchanger = errors.New("no Exchanger is set")

// Lookup asks for the RRset of a name and type. Errors are of type *[Error].
func (r TrustAD) Lookup(ctx context.Context, name string, qtype uint16) (*Answer, error) {
	owner, err := canonical.ParseName(name)
	if err == nil {
		err = answerable(qtype)
	}
	if err == nil && r.Exchanger == nil {
		err = errNoExchanger
	}
	if err != nil {
		return nil, unasked(name, qtype, err)
	}
	q := validate.Question{Name: owner, Type: qtype}
	msg := new(dns.Msg)
	msg.SetQuestion(owner.String(), qtype)
	// Resolvers set AD for clients that set AD or DO (RFC 6840 §5.7); some only for
	// the latter.
	msg.AuthenticatedData = true
	msg.SetEdns0(ednsSize, true)
	start := time.Now()
	reply, err := exchange(ctx, r.Exchanger, &upstream.Query{Msg: msg, KeepCase: true})
	answer := &Answer{Name: owner.String(), Type: qtype, RCode: dns.RcodeServerFailure}
	answer.exchanges = []Exchange{exchangeOf(answer.Name, qtype, reply, err, time.Since(start))}
	failed := func(v *validate.Verdict) (*Answer, error) {
		answer.Status, answer.Reason = Indeterminate, reasonOf(v.Reason)
		answer.RCode, answer.Records = dns.RcodeServerFailure, nil
		return answer, &Error{Name: owner.String(), Type: qtype, Reason: answer.Reason, Server: answer.exchanges[0].Server, Err: v.Err()}
	}
	if err != nil {
		return failed(unanswered(q, err))
	}
	if validate.Refuses(reply.Msg) {
		return failed(validate.Refusal(q, reply.Msg))
	}
	answer.RCode, answer.Status = reply.Msg.Rcode, Insecure
	answer.Reason = Reason{Name: owner.String(), Type: qtype, Text: "the resolver did not set the AD bit"}
	aliases := Indeterminate
	if reply.Msg.AuthenticatedData {
		answer.Status, answer.Reason, aliases = Secure, Reason{}, Secure
	}
	answers, authority := validate.Collect(owner, reply.Msg)
	if err := answer.follow(answers, owner, aliases, start); err != nil {
		return failed(unanswered(q, err))
	}
	if answer.RCode == dns.RcodeNameError {
		answer.Records = nil
	}
	if len(answer.Records) == 0 {
		last, err := canonical.ParseName(answer.Name)
		if err != nil {
			return failed(unanswered(q, err))
		}
		answer.expireBy(validate.DenialExpiry(start, validate.Question{Name: last, Type: qtype}, authority))
	}
	return answer, nil
}

// follow takes the aliases and the records from the answer section.
func (a *Answer) follow(sets []*validate.RRset, name canonical.Name, status Status, now time.Time) error {
	a.Expires = now.Add(validate.MaxDenialTTL)
	for range maxAliases + 1 {
		if set := validate.Find(sets, validate.Question{Name: name, Type: a.Type}); set != nil {
			if err := set.Malformed(); err != nil {
				return err
			}
			a.Records = slices.Clone(set.Records)
			a.expireBy(validate.TTLEnd(now, set.Records))
			return nil
		}
		set := validate.Find(sets, validate.Question{Name: name, Type: dns.TypeCNAME})
		if set == nil {
			return nil // the end of the aliases has no such RRset
		}
		record, ok := set.Records[0].(*dns.CNAME)
		if !ok {
			return errNoReply
		}
		target, err := canonical.ParseName(record.Target)
		if err != nil {
			return err
		}
		a.Aliases = append(a.Aliases, Alias{Name: name.String(), Target: target.String(), Type: dns.TypeCNAME, Status: status})
		a.expireBy(validate.TTLEnd(now, set.Records))
		name, a.Name = target, target.String()
	}
	a.Status, a.Records = Indeterminate, nil
	return errAliases
}
