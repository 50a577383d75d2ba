package validate

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
	"github.com/danesmtp/danesmtp/internal/limittest"
	"github.com/miekg/dns"
)

// Spans and verified signatures have bounds of their own.
func TestMemoryOfTheNSECCacheIsBounded(t *testing.T) {
	now := time.Now()
	keys := &Verdict{Status: Secure}
	for _, types := range [][]uint16{{dns.TypeRRSIG, dns.TypeNSEC}, slices.DeleteFunc(types(3000), func(rrtype uint16) bool { return rrtype == typeNXNAME })} {
		for _, zones := range []int{1, 100_000} {
			t.Run(fmt.Sprintf("%d types, %d zones", len(types), zones), func(t *testing.T) {
				bound := spanBytes
				if zones == 1 {
					bound = maxSpanBytesOfZone
				}
				limittest.WantHeap(t, limittest.HeapOf(func() any {
					s := new(NSECCache)
					for i := range 3 * spanBytes / (1000 + 2*len(types)) {
						zone := fmt.Sprintf("z%d.", i%zones)
						all := unpacked(t, packed(t,
							&dns.NSEC{Hdr: dns.RR_Header{Name: fmt.Sprintf("n%07d.%s", i, zone), Rrtype: dns.TypeNSEC, Class: dns.ClassINET}, NextDomain: fmt.Sprintf("n%07dx.%s", i, zone), TypeBitMap: types},
							text(t, "n."+zone+" 300 RRSIG NSEC 8 2 300 20301231000000 20200101000000 1 "+zone+" "+strings.Repeat("abcd", 64))))
						s.Add(&Verdict{
							Status: Secure, Shape: NameError, RestsOn: keys, Made: now, Expires: now.Add(time.Hour),
							Proof: []SignedSet{{Records: slices.Clone(all[:1]), Sig: rrsig.NewSignature(all[1].(*dns.RRSIG))}},
						}, 0)
						if zones == 1 && s.weight > maxSpanBytesOfZone {
							break // the next one clears it
						}
					}
					return s
				}), bound)
			})
		}
	}
}

func TestMemoryOfTheSignatureCacheIsBounded(t *testing.T) {
	limittest.WantHeap(t, limittest.HeapOf(func() any {
		v := new(SignatureCache)
		for i := range 5*maxVerified/2 - 1 { // when both halves are full
			var digest fingerprint
			binary.BigEndian.PutUint32(digest[:], uint32(i))
			v.add(digest)
		}
		return v
	}), verifiedBytes)
}

// packed returns a message with records, and unpacked the records of one, as they come from
// the network.
func packed(t *testing.T, records ...dns.RR) []byte {
	t.Helper()
	msg := &dns.Msg{Compress: true, Answer: records}
	wire, err := msg.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return wire
}

func unpacked(t *testing.T, wire []byte) []dns.RR {
	t.Helper()
	msg := new(dns.Msg)
	if err := msg.Unpack(wire); err != nil {
		t.Fatal(err)
	}
	return msg.Answer
}

// text is a record in the form of a zone file.
func text(t *testing.T, line string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(line)
	if err != nil {
		t.Fatal(line, err)
	}
	return rr
}

func types(n int) []uint16 {
	list := make([]uint16, n)
	for i := range list {
		list[i] = uint16(i + 1)
	}
	return list
}
