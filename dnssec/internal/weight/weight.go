// Package weight tells the memory that DNS records take. What is kept is bounded in octets of
// memory, which are many more than those on the wire: a list of types takes sixteen times as
// much, an escaped name four times. So records are weighed as they are in memory. Tests of the
// caches compare that with the heap.
package weight

import (
	"math/bits"
	"reflect"
	"strings"
	"unsafe"

	"github.com/miekg/dns"
)

// Records returns the memory that records take, with the slice they are in.
func Records(records []dns.RR) int {
	weight := Rounded(cap(records) * int(unsafe.Sizeof(dns.RR(nil))))
	for _, rr := range records {
		weight += Record(rr)
	}
	return weight
}

// Record returns the memory that one record takes. Those of the usual types take a tenth of the
// time of others.
func Record(rr dns.RR) int {
	switch rr := rr.(type) {
	case *dns.A:
		return of(unsafe.Sizeof(*rr), rr.Hdr.Name) + Rounded(len(rr.A))
	case *dns.AAAA:
		return of(unsafe.Sizeof(*rr), rr.Hdr.Name) + Rounded(len(rr.AAAA))
	case *dns.NS:
		return of(unsafe.Sizeof(*rr), rr.Hdr.Name, rr.Ns)
	case *dns.SOA:
		return of(unsafe.Sizeof(*rr), rr.Hdr.Name, rr.Ns, rr.Mbox)
	case *dns.MX:
		return of(unsafe.Sizeof(*rr), rr.Hdr.Name, rr.Mx)
	case *dns.TLSA:
		return of(unsafe.Sizeof(*rr), rr.Hdr.Name, rr.Certificate)
	case *dns.DS:
		return of(unsafe.Sizeof(*rr), rr.Hdr.Name, rr.Digest)
	case *dns.DNSKEY:
		return of(unsafe.Sizeof(*rr), rr.Hdr.Name, rr.PublicKey)
	case *dns.RRSIG:
		return of(unsafe.Sizeof(*rr), rr.Hdr.Name, rr.SignerName, rr.Signature)
	case *dns.NSEC:
		return of(unsafe.Sizeof(*rr), rr.Hdr.Name, rr.NextDomain) + types(rr.TypeBitMap)
	case *dns.NSEC3:
		return of(unsafe.Sizeof(*rr), rr.Hdr.Name, rr.Salt, rr.NextDomain) + types(rr.TypeBitMap)
	}
	return pointed(reflect.ValueOf(rr))
}

// of is the memory of a record of some size, with its texts.
func of(size uintptr, texts ...string) int {
	weight := Rounded(int(size))
	for _, t := range texts {
		weight += text(t)
	}
	return weight
}

func types(list []uint16) int { return Rounded(cap(list) * int(unsafe.Sizeof(uint16(0)))) }

func text(t string) int {
	if strings.IndexByte(t, '\\') >= 0 {
		return Rounded(len(t) * 4 / 3) // its buffer grew as it was escaped
	}
	return Rounded(len(t))
}

// pointed returns the memory outside of a value that it refers to. The records of the DNS
// library are trees of structs, slices and strings.
func pointed(v reflect.Value) int {
	switch v.Kind() {
	case reflect.String:
		return text(v.String())
	case reflect.Pointer:
		if v.IsNil() {
			return 0
		}
		return Rounded(int(v.Type().Elem().Size())) + pointed(v.Elem())
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
			return Rounded(v.Len()) // it may be part of a larger one
		}
		weight := Rounded(v.Cap() * int(v.Type().Elem().Size()))
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

// Rounded is what the allocator takes for an object of some size, roughly: its size classes
// lie an eighth apart.
func Rounded(size int) int {
	step := 8
	if size > 64 {
		step = max(16, 1<<(bits.Len(uint(size))-4))
	}
	return (size + step - 1) / step * step
}
