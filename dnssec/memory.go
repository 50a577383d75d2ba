package dnssec

import (
	"math/bits"
	"reflect"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/miekg/dns"
)

// What is kept is bounded in octets of memory, which are many more than those on the wire: a
// list of types takes sixteen times as much, an escaped name four times. So the records are
// weighed as they are in memory. TestMemoryIsBounded compares that with the heap.

// weigh returns the memory that a verdict takes by itself, without what it rests on.
func weigh(v *verdict) int {
	weight := rounded(int(unsafe.Sizeof(*v))) + len(v.reason.Zone) + len(v.reason.Name) + len(v.reason.Text) + len(v.target)
	weight += rounded(cap(v.proof) * int(unsafe.Sizeof(signedSet{})))
	proven := false // the records are among the proof
	for _, set := range v.proof {
		proven = proven || len(v.records) > 0 && len(set.records) > 0 && v.records[0] == set.records[0]
		weight += weighSet(set)
	}
	if !proven {
		weight += weighRecords(v.records)
	}
	for _, key := range v.keys {
		weight += perKey + len(key.Record.PublicKey)
	}
	return weight
}

// perKey is what a key takes besides its record once it is read, without what depends on its
// length.
const perKey = 320

func weighSet(set signedSet) int {
	return weighRecords(set.records) + weighRecord(set.sig)
}

func weighRecords(records []dns.RR) int {
	weight := rounded(cap(records) * int(unsafe.Sizeof(dns.RR(nil))))
	for _, rr := range records {
		weight += weighRecord(rr)
	}
	return weight
}

func weighRecord(rr dns.RR) int { return pointed(reflect.ValueOf(rr)) }

// pointed returns the memory outside of a value that it refers to. The records of the DNS
// library are trees of structs, slices and strings.
func pointed(v reflect.Value) int {
	switch v.Kind() {
	case reflect.String:
		if text := v.String(); strings.IndexByte(text, '\\') >= 0 {
			return rounded(len(text) * 4 / 3) // its buffer grew as it was escaped
		}
		return rounded(v.Len())
	case reflect.Pointer:
		if v.IsNil() {
			return 0
		}
		return rounded(int(v.Type().Elem().Size())) + pointed(v.Elem())
	case reflect.Interface:
		if v.IsNil() {
			return 0
		}
		return pointed(v.Elem())
	case reflect.Struct:
		weight := 0
		for i := range v.NumField() {
			weight += pointed(v.Field(i))
		}
		return weight
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return rounded(v.Len()) // it may be part of a larger one
		}
		weight := rounded(v.Cap() * int(v.Type().Elem().Size()))
		if refers(v.Type().Elem().Kind()) {
			for i := range v.Len() {
				weight += pointed(v.Index(i))
			}
		}
		return weight
	}
	return 0
}

func refers(kind reflect.Kind) bool {
	return kind == reflect.String || kind == reflect.Pointer || kind == reflect.Interface || kind == reflect.Struct || kind == reflect.Slice
}

// rounded is what the allocator takes for an object of some size, roughly: its size classes
// lie an eighth apart.
func rounded(size int) int {
	step := 8
	if size > 64 {
		step = max(16, 1<<(bits.Len(uint(size))-4))
	}
	return (size + step - 1) / step * step
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
