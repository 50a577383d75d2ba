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
// It keeps the contract of [Answer]. It cannot tell the status of single aliases, which is
// Indeterminate unless that of the whole is Secure; except that of a first one that follows from a
// DNAME record, for which it asks. It has no cache, and is safe for concurrent use.
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
	start := time.Now()
	reply, err := r.ask(ctx, q)
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
	asked := start.Round(0) // as Resolver.now has it
	if err := answer.follow(answers, owner, aliases, asked); err != nil {
		return failed(unanswered(q, err))
	}
	if answer.Status == Insecure {
		r.tellFirst(ctx, answer, answers)
	}
	if answer.RCode == dns.RcodeNameError {
		answer.Records = nil
	}
	if len(answer.Records) == 0 {
		last, err := canonical.ParseName(answer.Name)
		if err != nil {
			return failed(unanswered(q, err))
		}
		answer.expireBy(validate.DenialExpiry(asked, validate.Question{Name: last, Type: qtype}, authority))
	}
	return answer, nil
}

// ask sends a question.
func (r TrustAD) ask(ctx context.Context, q validate.Question) (*upstream.Reply, error) {
	msg := new(dns.Msg)
	msg.SetQuestion(q.Name.String(), q.Type)
	// Resolvers set AD for clients that set AD or DO (RFC 6840 §5.7); some only for
	// the latter.
	msg.AuthenticatedData = true
	msg.SetEdns0(ednsSize, true)
	return exchange(ctx, r.Exchanger, &upstream.Query{Msg: msg, KeepCase: true})
}

// tellFirst finds out the status of a first alias that follows from a DNAME record, by which the
// status of the name is judged (RFC 7672 §2.1.3). Others ask for the CNAME record for that, but Unbound
// 1.17 answers SERVFAIL to that question for each name below a signed DNAME record.
func (r TrustAD) tellFirst(ctx context.Context, answer *Answer, answers []*validate.RRset) {
	if len(answer.Aliases) == 0 || answer.Aliases[0].Type != dns.TypeDNAME {
		return
	}
	first := &answer.Aliases[0]
	name, err := canonical.ParseName(first.Name)
	if err != nil {
		return
	}
	q := validate.Question{Name: redirection(answers, name, first.Target).Name, Type: dns.TypeDNAME}
	start := time.Now()
	reply, err := r.ask(ctx, q)
	answer.exchanges = append(answer.exchanges, exchangeOf(q.Name.String(), q.Type, reply, err, time.Since(start)))
	if err != nil || validate.Refuses(reply.Msg) {
		return
	}
	first.Status = Insecure
	if reply.Msg.AuthenticatedData {
		first.Status = Secure
	}
}

// redirection returns the DNAME record that an alias follows from (RFC 6672 §2.2); nil if there is none.
func redirection(sets []*validate.RRset, name canonical.Name, target string) *validate.RRset {
	for _, set := range sets {
		if set.Type != dns.TypeDNAME || name == set.Name || !name.Below(set.Name) || len(set.Records) == 0 {
			continue
		}
		record, ok := set.Records[0].(*dns.DNAME)
		if !ok {
			continue
		}
		to, err := canonical.ParseName(record.Target)
		if err == nil {
			to, err = name.Substitute(set.Name, to)
		}
		if err == nil && to.String() == target {
			return set
		}
	}
	return nil
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
		alias := Alias{Name: name.String(), Target: target.String(), Type: dns.TypeCNAME, Status: status}
		if redirection(sets, name, alias.Target) != nil {
			alias.Type = dns.TypeDNAME
		}
		a.Aliases = append(a.Aliases, alias)
		a.expireBy(validate.TTLEnd(now, set.Records))
		name, a.Name = target, target.String()
	}
	a.Status, a.Records = Indeterminate, nil
	return errAliases
}
