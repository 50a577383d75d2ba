package validate

import (
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
	"github.com/danesmtp/danesmtp/dnssec/internal/weight"
)

// A Shape is what a reply says to a question, before aliases are followed.
type Shape uint8

// What a reply can say.
const (
	NoAnswer  Shape = iota // nothing: the status is a failure
	Data                   // the RRset asked for
	Aliased                // another name to ask
	NoData                 // the name has no such RRset
	NameError              // the name does not exist
)

// A Verdict is what one question got, and how far that is proven. Many share it, and nobody
// changes it once it is made.
type Verdict struct {
	Status Status
	Shape  Shape

	unsigned bool // NoData for DS: a delegation without DS records is proven
	circle   bool // of Circle

	// For a cache, which changes them atomically: how many entries and verdicts in it keep
	// this one, and what it takes.
	holders int32
	weight  int32

	Reason *Reason // why the Status is not Secure; may be shared
	Server string  // who gave the reply, if it counts

	Records []dns.RR // Data: the RRset; Aliased: the CNAME or DNAME
	Read    *Read    // nil for most

	Proof   []SignedSet // what was verified for it
	RestsOn *Verdict    // what that rests on: a zone's keys, or DS records; nil at an anchor

	Made    time.Time // the Now of the Validator
	Expires time.Time // when it must be forgotten
}

// A Read is what is read once from the Records of a verdict.
type Read struct {
	Target canonical.Name // Aliased: the name to ask instead
	Keys   []*rrsig.Key   // Data for DNSKEY: all of them
}

// Target returns that of Read.
func (v *Verdict) Target() canonical.Name {
	if v.Read == nil {
		return ""
	}
	return v.Read.Target
}

// Keys returns those of Read.
func (v *Verdict) Keys() []*rrsig.Key {
	if v.Read == nil {
		return nil
	}
	return v.Read.Keys
}

// Why returns the Reason, which is zero where there is none.
func (v *Verdict) Why() Reason {
	if v.Reason == nil {
		return Reason{}
	}
	return *v.Reason
}

// Err returns that of the Reason.
func (v *Verdict) Err() error { return v.Why().Err }

// Failed reports whether the Status is neither Secure nor Insecure.
func (v *Verdict) Failed() bool { return v.Status != Secure && v.Status != Insecure }

// unlessAnchor returns the verdict, but nil for that on a trust anchor, which nothing
// proves.
func (v *Verdict) unlessAnchor() *Verdict {
	if v == nil || len(v.Proof) == 0 && v.RestsOn == nil {
		return nil
	}
	return v
}

// Undecided returns a failed verdict that is not remembered beyond the lookup.
func Undecided(reason Reason, err error) *Verdict {
	reason.Err = err
	return &Verdict{Status: Indeterminate, Reason: &reason}
}

// OverBudget is the verdict on a question for which there is not enough of the budget; err is
// ErrBudget.
func OverBudget(q Question, err error) *Verdict {
	return Undecided(q.Reason(CodeOther, "validation costs too much"), err)
}

// failure gives a question the failed verdict of another one on which it rests.
func failure(of *Verdict) *Verdict {
	return &Verdict{Status: of.Status, Reason: of.Reason, Server: of.Server, RestsOn: of.RestsOn, Made: of.Made, Expires: of.Expires}
}

// A SignedSet is an RRset and the signature of it that was verified.
type SignedSet struct {
	Records []dns.RR
	Sig     rrsig.Signature
}

// RRSIG returns the signature as a record.
func (s SignedSet) RRSIG() *dns.RRSIG { return s.Sig.Record(s.Records[0].Header()) }

// signed returns what is kept of an RRset and its signature by one of the keys.
func signed(set *RRset, sig *dns.RRSIG, keys []*rrsig.Key) SignedSet {
	kept := SignedSet{set.keep(), rrsig.NewSignature(sig)}
	if zone := keys[0].Record.Hdr.Name; zone == kept.Sig.SignerName {
		kept.Sig.SignerName = zone // one string is enough for all that it has signed
	}
	return kept
}

// A provenVerdict has the usual proof, one RRset, in the same allocation.
type provenVerdict struct {
	Verdict
	proof [1]SignedSet
}

// proven returns a Secure verdict by some RRsets, and what they rest on.
func proven(sets []SignedSet, expires time.Time, on *Verdict) *Verdict {
	if len(sets) == 1 {
		return provenBy(sets[0], expires, on)
	}
	return &Verdict{Status: Secure, Expires: expires, Proof: sets, RestsOn: on}
}

// provenBy is proven by one.
func provenBy(set SignedSet, expires time.Time, on *Verdict) *Verdict {
	v := &provenVerdict{Verdict{Status: Secure, Expires: expires, RestsOn: on}, [1]SignedSet{set}}
	v.Proof = v.proof[:]
	return &v.Verdict
}

// What is kept is bounded in octets of the heap. weigh returns those of a verdict, without what
// it rests on.
func weigh(v *Verdict) int {
	total := weight.Rounded(int(unsafe.Sizeof(*v)))
	if len(v.Proof) > 0 {
		total = weight.Rounded(int(unsafe.Sizeof(provenVerdict{})))
	}
	if len(v.Proof) > 1 {
		total += weight.Rounded(cap(v.Proof) * int(unsafe.Sizeof(SignedSet{})))
	}
	proven := false // the records are among the proof
	for _, set := range v.Proof {
		proven = proven || len(v.Records) > 0 && len(set.Records) > 0 && v.Records[0] == set.Records[0]
		total += weighSet(set)
	}
	if !proven {
		total += weight.Records(v.Records)
	}
	if r := v.Reason; r != nil {
		total += weight.Rounded(int(unsafe.Sizeof(*r))) + len(r.Zone) + len(r.Name) + len(r.Text)
		if r.Sig != nil {
			total += weight.Record(r.Sig)
		}
	}
	if r := v.Read; r != nil {
		total += weight.Rounded(int(unsafe.Sizeof(*r))) + len(r.Target) + perKey*len(r.Keys)
	}
	return total
}

// perKey is what a key takes besides its record: what was read of that is not kept.
const perKey = 96

func weighSet(set SignedSet) int {
	return weight.Records(set.Records) + weight.Rounded(set.Sig.Size()) + weight.Rounded(len(set.Sig.SignerName))
}

// Size returns the memory that a verdict takes by itself, in octets.
func (v *Verdict) Size() int64 {
	size := atomic.LoadInt32(&v.weight)
	if size == 0 {
		size = int32(weigh(v))
		atomic.StoreInt32(&v.weight, size)
	}
	return int64(size)
}

// Hold counts one more who keeps the verdict, and reports whether it is the first.
func (v *Verdict) Hold() bool { return atomic.AddInt32(&v.holders, 1) == 1 }

// Release undoes Hold, and reports whether that was the last one.
func (v *Verdict) Release() bool { return atomic.AddInt32(&v.holders, -1) == 0 }
