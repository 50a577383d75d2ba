package dnssec

import (
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// A shape is what a reply says to a question, before aliases are followed.
type shape uint8

const (
	noAnswer  shape = iota // nothing: the status is a failure
	data                   // the RRset asked for
	alias                  // another name to ask
	noData                 // the name has no such RRset
	nameError              // the name does not exist
)

// A verdict is what one question got, and how far that is proven. It is shared
// through the cache and never changed, but for what the cache counts.
type verdict struct {
	status Status
	shape  shape
	reason Reason // why not Secure
	err    error  // the cause of Indeterminate, if it is an error
	server string

	records    []dns.RR       // data: the RRset; alias: the CNAME or DNAME
	target     canonical.Name // alias: the name to ask instead
	keys       []*rrsig.Key   // data for DNSKEY: the records, read once
	delegation bool           // noData for DS: a delegation without DS is proven

	proof []signedSet // what was verified for it
	on    *verdict    // what that rests on: a zone's keys, or DS records; nil at an anchor

	made, expires time.Time

	// Of the cache, which changes them atomically: how many entries and verdicts in it keep
	// this one, and what it weighs.
	holders int32
	weight  int32
}

func (v *verdict) failed() bool { return v.status != Secure && v.status != Insecure }

// unlessAnchor returns the verdict, but nil for that on a trust anchor, which nothing
// proves.
func (v *verdict) unlessAnchor() *verdict {
	if v == nil || len(v.proof) == 0 && v.on == nil {
		return nil
	}
	return v
}

// undecided returns a failed verdict that is not remembered beyond the lookup.
func undecided(reason Reason, err error) *verdict {
	return &verdict{status: Indeterminate, reason: reason, err: err}
}

// overBudget is the verdict on a question for which there is not enough of the budget; err is
// ErrBudget.
func overBudget(q question, err error) *verdict {
	return undecided(q.reason(EDEOther, "validation costs too much"), err)
}

// failure gives a question the failed verdict of another one on which it rests.
func failure(of *verdict) *verdict {
	return &verdict{status: of.status, reason: of.reason, err: of.err, server: of.server, on: of.on, made: of.made, expires: of.expires}
}

// A signedSet is an RRset and the signature of it that was verified.
type signedSet struct {
	records []dns.RR
	sig     *dns.RRSIG
}
