package validate

import (
	"sync/atomic"
	"unsafe"

	"github.com/danesmtp/danesmtp/dnssec/internal/weight"
)

// What is kept is bounded in octets of the heap. weigh returns those of a verdict, without what
// it rests on.
func weigh(v *Verdict) int {
	total := weight.Rounded(int(unsafe.Sizeof(*v))) + len(v.Reason.Zone) + len(v.Reason.Name) + len(v.Reason.Text) + len(v.Target)
	total += weight.Rounded(cap(v.Proof) * int(unsafe.Sizeof(SignedSet{})))
	proven := false // the records are among the proof
	for _, set := range v.Proof {
		proven = proven || len(v.Records) > 0 && len(set.Records) > 0 && v.Records[0] == set.Records[0]
		total += weighSet(set)
	}
	if !proven {
		total += weight.Records(v.Records)
	}
	for _, key := range v.Keys {
		total += perKey + len(key.Record.PublicKey)
	}
	return total
}

// perKey is what a key takes besides its record once it is read, without what depends on its
// length.
const perKey = 320

func weighSet(set SignedSet) int {
	return weight.Records(set.Records) + weight.Record(set.Sig)
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
