package dnssec

import (
	"context"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
)

// askDNAME is for an alias that was made of a DNAME record and came without it, so that nothing
// signs it. A server has to send both (RFC 6672 §3.1), but one that has once been asked for
// the CNAME record alone may have kept that alone: Knot Resolver 5.6, which validates and forwards,
// answers all further questions about the name so, with AD and with CD. The DNAME record it gives
// to whoever asks for that. It is asked for one label up: a name there that lies below the record
// itself is an alias as well, and what denies one there denies all above.
//
// The verdict is that on the reply with the DNAME record in it; nil if there is none, and the one before
// counts.
func (l *lookup) askDNAME(ctx context.Context, q validate.Question, reply *dns.Msg, server string) *validate.Verdict {
	if q.Name.IsRoot() || !isBareAlias(q, reply) {
		return nil
	}
	above := l.Ask(ctx, validate.Question{Name: q.Name.Parent(), Type: dns.TypeDNAME})
	if above.Status != validate.Secure || len(above.Records) == 0 || above.Records[0].Header().Rrtype != dns.TypeDNAME || len(above.Proof) == 0 {
		return nil
	}
	whole := *reply
	whole.Answer = append(deepCopies(above.Proof[0].Records), above.Proof[0].RRSIG())
	whole.Answer = append(whole.Answer, reply.Answer...)
	return l.judge.Judge(ctx, q, &whole, server)
}

// isBareAlias reports whether the answer to a question is a CNAME record without a signature and
// without a DNAME record that it could follow from. Any reply that is bogus comes here, so that
// its records are not sorted once more for that.
func isBareAlias(q validate.Question, reply *dns.Msg) bool {
	bare := false
	for _, rr := range reply.Answer {
		switch rr := rr.(type) {
		case *dns.DNAME:
			return false
		case *dns.CNAME:
			bare = bare || q.Name.Is(rr.Hdr.Name)
		case *dns.RRSIG:
			if rr.TypeCovered == dns.TypeCNAME && q.Name.Is(rr.Hdr.Name) {
				return false
			}
		}
	}
	return bare
}
