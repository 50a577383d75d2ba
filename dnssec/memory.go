package dnssec

import (
	"sync/atomic"
	"unsafe"

	"github.com/danesmtp/danesmtp/dnssec/internal/weight"
)

// weigh returns the memory that a verdict takes by itself, without what it rests on.
func weigh(v *verdict) int {
	total := weight.Rounded(int(unsafe.Sizeof(*v))) + len(v.reason.Zone) + len(v.reason.Name) + len(v.reason.Text) + len(v.target)
	total += weight.Rounded(cap(v.proof) * int(unsafe.Sizeof(signedSet{})))
	proven := false // the records are among the proof
	for _, set := range v.proof {
		proven = proven || len(v.records) > 0 && len(set.records) > 0 && v.records[0] == set.records[0]
		total += weighSet(set)
	}
	if !proven {
		total += weight.Records(v.records)
	}
	for _, key := range v.keys {
		total += perKey + len(key.Record.PublicKey)
	}
	return total
}

// perKey is what a key takes besides its record once it is read, without what depends on its
// length.
const perKey = 320

func weighSet(set signedSet) int {
	return weight.Records(set.records) + weight.Record(set.sig)
}

// size is weigh, once.
func (v *verdict) size() int64 {
	size := atomic.LoadInt32(&v.weight)
	if size == 0 {
		size = int32(weigh(v))
		atomic.StoreInt32(&v.weight, size)
	}
	return int64(size)
}

// hold counts one more who keeps the verdict, and reports whether it is the first.
func (v *verdict) hold() bool { return atomic.AddInt32(&v.holders, 1) == 1 }

// release undoes hold, and reports whether that was the last one.
func (v *verdict) release() bool { return atomic.AddInt32(&v.holders, -1) == 0 }
