package dnssec_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/replay"
)

// An outcome is what one query came to.
type outcome struct {
	query  *replay.Entry
	step   int
	done   chan struct{}
	answer *dnssec.Answer
	err    error
	missed []string // queries that the script does not know
	silent []string // that it leaves without a reply
}

// add makes one outcome of several lookups.
func (o *outcome) add(answer *dnssec.Answer, err error) {
	o.err = errors.Join(o.err, err)
	if o.answer == nil || answer == nil {
		o.answer = answer
		return
	}
	if answer.Status < o.answer.Status {
		o.answer.Status, o.answer.Reason = answer.Status, answer.Reason
	}
	o.answer.Records = append(o.answer.Records, answer.Records...)
}

// compare says how the outcome differs from what is expected; "" if it does not.
func (o *outcome) compare(want *replay.Entry) string {
	status, rcode := statusOf(o.query, want), want.Msg.Rcode
	switch {
	case o.query.Msg.Question[0].Qtype == dns.TypeRRSIG:
		// Nothing covers signatures: a Resolver refuses to look for them.
		if o.err == nil || o.answer != nil {
			return "want a refusal"
		}
		return ""
	case rcode == dns.RcodeSuccess || rcode == dns.RcodeNameError:
		if o.err != nil || o.answer == nil || o.answer.RCode != rcode {
			return "want " + dns.RcodeToString[rcode]
		}
	case o.err == nil:
		return "want a failure"
	case o.answer == nil:
		return "want an answer for diagnosis"
	case rcode != dns.RcodeServerFailure:
		// No answer, since the rcode says nothing about the name, nor bogus.
		if !strings.Contains(o.err.Error(), dns.RcodeToString[rcode]) || o.answer.Status != dnssec.Indeterminate {
			return "want Indeterminate for " + dns.RcodeToString[rcode]
		}
		return ""
	case o.serversFail(want):
		status = dnssec.Indeterminate
	}
	if status != dnssec.Indeterminate && o.answer.Status != status {
		return "want " + status.String()
	}
	if code, ok := want.EDE(); ok && !o.hasCode(code) {
		return "want the extended error " + code
	}
	if o.err == nil && slices.ContainsFunc([]string{"all", "all_noedns", "answer"}, want.Matches) {
		return cmp.Diff(o.expected(want), o.records())
	}
	return ""
}

// serversFail reports whether it is by the script that no server gave an answer: with an
// rcode in a reply of its own, with silence, or, where it wants the extended error 0,
// with a malformed one.
func (o *outcome) serversFail(want *replay.Entry) bool {
	reason, exchanges := o.answer.Reason, o.answer.Exchanges()
	question := fmt.Sprintf("%s %s", reason.Name, dns.Type(reason.Type))
	invented := slices.ContainsFunc(o.missed, func(query string) bool { return strings.HasPrefix(query, question+" ") })
	replied := len(exchanges) > 0 && exchanges[len(exchanges)-1].Err == nil
	code, _ := want.EDE()
	return !invented && (replied || code == "0" || slices.Contains(o.silent, question))
}

// hasCode reports whether the reason has the extended error, or one like it. Any reason
// will do for "any".
func (o *outcome) hasCode(code string) bool {
	reason := o.answer.Reason
	return code == "any" && reason.Text != "" || code == strconv.Itoa(int(reason.Code)) || slices.Contains(equalCodes[code], reason.Code)
}

// equalCodes are the extended errors that count as the one that a script wants. Unbound
// says Bogus (RFC 8914 §4.7) where others say what is, and Other for malformed replies and
// for RRsets from which it dropped a malformed record, where we verify what came.
var equalCodes = map[string][]dnssec.EDE{
	"0":  {dnssec.EDENoReachableAuthority, dnssec.EDENetworkError, dnssec.EDEBogus},
	"6":  {dnssec.EDENSECMissing, dnssec.EDERRSIGsMissing},
	"22": {dnssec.EDENetworkError},
	"23": {dnssec.EDENoReachableAuthority},
}

// expected is the answer section without signatures, and without DNAME records on the
// way to the name: an Answer has the aliases that they make.
func (o *outcome) expected(want *replay.Entry) []string {
	var texts []string
	for _, rr := range want.Msg.Answer {
		switch rrtype := rr.Header().Rrtype; {
		case rrtype == dns.TypeRRSIG:
		case rrtype == dns.TypeDNAME && dns.CanonicalName(rr.Header().Name) != o.answer.Name:
		default:
			texts = append(texts, recordText(rr))
		}
	}
	return sortedOnce(texts)
}

// records is the same of the outcome.
func (o *outcome) records() []string {
	var texts []string
	for _, alias := range o.answer.Aliases {
		texts = append(texts, recordText(&dns.CNAME{Hdr: dns.RR_Header{Name: alias.Name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET}, Target: alias.Target}))
	}
	for _, rr := range o.answer.Records {
		texts = append(texts, recordText(rr))
	}
	return sortedOnce(texts)
}

func sortedOnce(texts []string) []string {
	slices.Sort(texts)
	return slices.Compact(texts)
}

// recordText is a record without the case of names and the TTL.
func recordText(rr dns.RR) string {
	rdata, err := canonical.AppendRData(nil, rr)
	if err != nil {
		return rr.String()
	}
	return fmt.Sprintf("%s %s %x", dns.CanonicalName(rr.Header().Name), dns.Type(rr.Header().Rrtype), rdata)
}

// statusOf is the security status that a script asserts by the AD bit; Indeterminate
// where it asserts none.
func statusOf(query, want *replay.Entry) dnssec.Status {
	switch {
	case want.Msg.Rcode == dns.RcodeServerFailure:
		return dnssec.Bogus
	case query.Msg.CheckingDisabled, !want.Matches("all") && !want.Matches("all_noedns") && !want.Matches("flags"):
		return dnssec.Indeterminate
	case want.Msg.AuthenticatedData:
		return dnssec.Secure
	case query.DO || query.Msg.AuthenticatedData:
		return dnssec.Insecure
	}
	return dnssec.Indeterminate
}

func (o *outcome) String() string {
	var b strings.Builder
	if o.answer != nil {
		fmt.Fprintf(&b, "%s %s %s %v %v\n", o.answer.Status, dns.RcodeToString[o.answer.RCode], o.answer.Reason, o.answer.Aliases, o.answer.Records)
		for _, e := range o.answer.Exchanges() {
			fmt.Fprintf(&b, "%s %s at %s: %s %v\n", e.Name, dns.Type(e.Type), e.Server, dns.RcodeToString[e.RCode], e.Err)
		}
	}
	if o.err != nil {
		fmt.Fprintln(&b, o.err)
	}
	return b.String() + fmt.Sprintf("not in the script: %q", o.missed)
}
