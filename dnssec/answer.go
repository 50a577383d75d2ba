package dnssec

import (
	"slices"
	"time"

	"github.com/miekg/dns"
)

// An Answer is what the DNS says to one question, and how far it is proven.
//
// The contract of every Lookup method that returns one: the error is nil
// exactly when Status is Secure or Insecure and RCode is NOERROR or NXDOMAIN.
// In every other case, SERVFAIL from an unsigned zone included, Status is Bogus
// or Indeterminate and there is an error; the Answer may still come along for
// diagnosis. Non-existence is an answer, not an error. A nil error means that
// the answer is not known to be false: only Status Secure authenticates.
// The function TestLookup of package dnssectest checks the contract for any implementation.
//
// An Answer belongs to the caller, who may change it.
type Answer struct {
	// Name is the owner at the end of the aliases: lower case, with the final dot.
	Name string
	// Type is the type that was asked for.
	Type uint16
	// RCode is dns.RcodeSuccess or dns.RcodeNameError when the error is nil.
	RCode int
	// Status is that of the weakest step.
	Status Status
	// Records is the RRset asked for; empty for NODATA and NXDOMAIN. A record whose RDATA
	// is not what its type wants has the Go type for records of unknown form (RFC 3597
	// §5), with the octets as they came: it is there, and signed as the others are.
	Records []dns.RR
	// Aliases holds each CNAME and DNAME step in order, with its own status
	// (RFC 7672 §2.1.3).
	Aliases []Alias
	// Expires is when the answer must be forgotten: by its TTLs, capped by the
	// expiry of its signatures. It is a time of day, so that the time in which the machine
	// sleeps counts.
	Expires time.Time
	// Reason says why the status is not Secure; zero when it is.
	Reason Reason

	exchanges []Exchange
	findings  []finding
}

// Authenticated returns the records when the Status is Secure, otherwise nil.
// Whatever turns records into trust takes them from here.
func (a *Answer) Authenticated() []dns.RR {
	if a == nil || a.Status != Secure {
		return nil
	}
	return a.Records
}

// Exchanges returns which server was asked what for this answer, in order.
func (a *Answer) Exchanges() []Exchange {
	if a == nil {
		return nil
	}
	own := slices.Clone(a.exchanges)
	for i := range own {
		own[i].PassedOver = slices.Clone(own[i].PassedOver)
	}
	return own
}

// expireBy makes the answer expire at an instant, or when it does anyway if that is earlier.
func (a *Answer) expireBy(end time.Time) {
	if a.Expires.IsZero() || end.Before(a.Expires) {
		a.Expires = end
	}
}

// An Alias is one step from a name to another.
type Alias struct {
	Name   string // the name that was asked
	Target string // the name to ask instead
	Type   uint16 // dns.TypeCNAME or dns.TypeDNAME
	Status Status // of this step alone
}

// An Exchange is one query that a lookup sent.
type Exchange struct {
	Name    string
	Type    uint16
	Server  string        // who answered; empty without a reply
	Network string        // as in upstream.Reply
	RCode   int           // of the reply; -1 without one
	Elapsed time.Duration // until the reply or the error
	Err     error         // why there was no reply

	// PassedOver says of each server that was asked in vain before, or not asked for
	// a reason, what was wrong with it.
	PassedOver []error
}

// secondsLeft is the longest TTL of records that must be forgotten at an instant.
func secondsLeft(expires, now time.Time) uint32 {
	return uint32(max(expires.Sub(now), 0) / time.Second)
}

// copyRecords returns the records for the caller to keep, their TTLs no longer than that.
func copyRecords(records []dns.RR, ttl uint32) []dns.RR {
	return appendCopies(make([]dns.RR, 0, len(records)), records, ttl)
}

// appendCopies is copyRecords into what there is room for.
func appendCopies(own, records []dns.RR, ttl uint32) []dns.RR {
	for _, rr := range records {
		rr = dns.Copy(rr)
		rr.Header().Ttl = min(rr.Header().Ttl, ttl)
		own = append(own, rr)
	}
	return own
}

// deepCopies returns records that share nothing with those given.
func deepCopies(records []dns.RR) []dns.RR {
	own := make([]dns.RR, len(records))
	for i, rr := range records {
		own[i] = dns.Copy(rr)
	}
	return own
}
