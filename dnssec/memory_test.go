package dnssec

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/internal/limittest"
)

// packRecords returns a message with records, and unpacked the records of one, as they come from
// the network.
func packRecords(t *testing.T, records ...dns.RR) []byte {
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

// The records that a hostile zone can send, n of one name.
var hostileRecords = []struct {
	name string
	of   func(t *testing.T, owner string, n int) dns.RR
	n    int
}{
	{"an address", func(t *testing.T, owner string, n int) dns.RR { return text(t, owner+" 300 A 192.0.2.1") }, 1},
	{"many addresses", func(t *testing.T, owner string, n int) dns.RR {
		return text(t, fmt.Sprintf("%s 300 AAAA 2001:db8::%x", owner, n))
	}, 256},
	{"MX records with long names", func(t *testing.T, owner string, n int) dns.RR {
		return text(t, fmt.Sprintf("%s 300 MX %d %s", owner, n, strings.Repeat("a23456789.", 24)))
	}, 100},
	{"names of octets that are escaped", func(t *testing.T, owner string, n int) dns.RR {
		return text(t, fmt.Sprintf("%s 300 MX %d %s", owner, n, strings.Repeat(strings.Repeat(`\001`, 60)+".", 4)))
	}, 50},
	{"TLSA records", func(t *testing.T, owner string, n int) dns.RR {
		return text(t, fmt.Sprintf("%s 300 TLSA 3 1 1 %064x", owner, n))
	}, 32},
	{"long texts", func(t *testing.T, owner string, n int) dns.RR {
		return text(t, fmt.Sprintf("%s 300 TXT %d %s", owner, n, strings.Repeat(strings.Repeat("x", 250)+" ", 10)))
	}, 10},
	{"empty texts", func(t *testing.T, owner string, n int) dns.RR {
		return text(t, fmt.Sprintf(`%s 300 TXT "%d" %s`, owner, n, strings.Repeat(`"" `, 1000)))
	}, 3},
	{"escaped texts", func(t *testing.T, owner string, n int) dns.RR {
		return text(t, fmt.Sprintf(`%s 300 TXT "%d" %s`, owner, n, strings.Repeat(`"`+strings.Repeat(`\001`, 250)+`" `, 10)))
	}, 5},
	{"a list of all types", func(t *testing.T, owner string, n int) dns.RR {
		return &dns.NSEC{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeNSEC, Class: dns.ClassINET}, NextDomain: "a.", TypeBitMap: types(30000)}
	}, 1},
	{"a list of some types, by hash", func(t *testing.T, owner string, n int) dns.RR {
		return &dns.NSEC3{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeNSEC3, Class: dns.ClassINET}, Hash: 1, HashLength: 20, NextDomain: strings.Repeat("0", 32), TypeBitMap: types(1000)}
	}, 1},
	{"a list of types for the child", func(t *testing.T, owner string, n int) dns.RR {
		return &dns.CSYNC{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeCSYNC, Class: dns.ClassINET}, TypeBitMap: types(5000)}
	}, 1},
	{"parameters of services", func(t *testing.T, owner string, n int) dns.RR {
		return text(t, fmt.Sprintf("%s 300 SVCB %d . alpn=h2,h3 ipv4hint=%s key667=xxxx key668=yyyy", owner, n+1, strings.Repeat("192.0.2.1,", 50)+"192.0.2.2"))
	}, 20},
	{"prefixes", func(t *testing.T, owner string, n int) dns.RR {
		return text(t, fmt.Sprintf("%s 300 APL 1:192.0.%d.0/24 %s", owner, n, strings.Repeat("2:2001:db8::/32 ", 40)))
	}, 10},
	{"host identities", func(t *testing.T, owner string, n int) dns.RR {
		return text(t, fmt.Sprintf("%s 300 HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p9+LrV4e19WzK00+CI6zBCQTdtWsuxKbWIy87UOoJTwkUs7lBu+Upr1gsNrut79ryra+bSRGQb1slImA8YVJyuIDsj7kwzG7jnERNqnWxZ48AWkskmdHaVDP4BcelrTI3rMXdXF5D rvs%d.example.com. %s", owner, n, strings.Repeat("rvs.example.com. ", 30)))
	}, 5},
	{"rules", func(t *testing.T, owner string, n int) dns.RR {
		return text(t, fmt.Sprintf(`%s 300 NAPTR %d 50 "s" "http" "%s" _http._tcp.foo.com.`, owner, n, strings.Repeat("r", 200)))
	}, 30},
	{"an unknown type", func(t *testing.T, owner string, n int) dns.RR {
		return text(t, fmt.Sprintf(`%s 300 TYPE65280 \# 2000 %s`, owner, strings.Repeat("00", 2000)))
	}, 1},
	{"an SOA", func(t *testing.T, owner string, n int) dns.RR {
		return text(t, owner+" 300 SOA ns.example. hostmaster.example. 1 2 3 4 5")
	}, 1},
	{"keys", func(t *testing.T, owner string, n int) dns.RR {
		return text(t, fmt.Sprintf("%s 300 DNSKEY 256 3 8 AwEA%s%04d", owner, strings.Repeat("bdxy", 80), n))
	}, 60},
}

func types(n int) []uint16 {
	list := make([]uint16, n)
	for i := range list {
		list[i] = uint16(i + 1)
	}
	return list
}

// The cache takes the memory that SECURITY.md says, whatever records a hostile zone sends.
func TestMemoryIsBounded(t *testing.T) {
	now := time.Now()
	for _, tt := range hostileRecords {
		t.Run(tt.name, func(t *testing.T) {
			const owner = "name.example."
			var records []dns.RR
			for n := range tt.n {
				records = append(records, tt.of(t, owner, n))
			}
			sig := text(t, owner+" 300 RRSIG A 8 2 300 20301231000000 20200101000000 1 example. "+strings.Repeat("abcd", 64))
			wire := packRecords(t, append(records, sig)...)
			limittest.WantHeap(t, limittest.HeapOf(func() any {
				c := new(cache)
				for i := 0; ; i++ {
					all := unpacked(t, wire)
					set := validate.SignedSet{Records: slices.Clone(all[:tt.n]), Sig: rrsig.NewSignature(all[tt.n].(*dns.RRSIG))}
					name, err := canonical.ParseName(fmt.Sprintf("name%d.example.", i))
					if err != nil {
						t.Fatal(err)
					}
					v := &validate.Verdict{Status: validate.Secure, Shape: validate.Data, Records: set.Records, Proof: []validate.SignedSet{set}, Made: now, Expires: now.Add(time.Hour)}
					if keys := rrsig.NewKeys(rrsig.Algorithms{}, set.Records); len(keys) > 0 {
						v.Read = &validate.Read{Keys: keys}
					}
					for _, key := range v.Keys() {
						key.Usable()
					}
					c.put(validate.Question{Name: name, Type: set.Records[0].Header().Rrtype}, name.String(), v, 0)
					if c.weight.Load() > cacheBytes*98/100 || i == 50_000 {
						return c // it is full
					}
				}
			}), cacheBytes)
		})
	}
}

// So it does where each answer rests on keys of its own, which were forgotten before it.
func TestMemoryOfKeysIsBounded(t *testing.T) {
	now := time.Now()
	for _, size := range []int{100, 1000, 20_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			limittest.WantHeap(t, limittest.HeapOf(func() any {
				c := new(cache)
				for i := range 200 << 20 / (size + 2000) {
					keys := &validate.Verdict{Status: validate.Secure, Records: []dns.RR{&dns.TXT{Txt: []string{strings.Repeat("k", size)}}}}
					v := &validate.Verdict{Status: validate.Insecure, Reason: &validate.Reason{Text: fmt.Sprint("reason ", i)}, RestsOn: &validate.Verdict{RestsOn: keys}, Made: now, Expires: now.Add(time.Hour)}
					name, err := canonical.ParseName(fmt.Sprintf("n%d.example.", i))
					if err != nil {
						t.Fatal(err)
					}
					c.put(validate.Question{Name: name, Type: dns.TypeA}, name.String(), v, 0)
				}
				return c
			}), cacheBytes)
		})
	}
}

// padded answers each question by an alias beside as long a list of types as a message has room
// for, and measures the heap meanwhile.
type padded struct {
	t        *testing.T
	wire     []byte // of the list
	asked    int
	most     uint64
	measured func() uint64
}

func (p *padded) Exchange(_ context.Context, q *upstream.Query) (*upstream.Reply, error) {
	p.most = max(p.most, p.measured())
	p.asked++
	reply := new(dns.Msg).SetReply(q.Msg)
	reply.Answer = append(unpacked(p.t, p.wire), text(p.t, fmt.Sprintf("%s 0 CNAME a%d.example.", q.Msg.Question[0].Name, p.asked)))
	return &upstream.Reply{Msg: reply, Server: "192.0.2.1:53"}, nil
}

// What the questions in flight hold is bounded by the budget of each lookup, of which one reply
// more may just have come.
func TestMemoryOfALookupIsBounded(t *testing.T) {
	var list []dns.RR
	for i := range 8 {
		list = append(list, &dns.NSEC{Hdr: dns.RR_Header{Name: fmt.Sprintf("n%d.", i), Rrtype: dns.TypeNSEC, Class: dns.ClassINET}, NextDomain: "a.", TypeBitMap: types(60_000)})
	}
	wire := packRecords(t, list...)
	size := func() uint64 {
		runtime.GC()
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	reply := limittest.HeapOf(func() any { return unpacked(t, wire) })
	hostile := &padded{t: t, wire: wire, measured: size}
	island := anchor.Set{{Zone: "island.", DS: text(t, "island. DS 1 13 2 "+strings.Repeat("00", 32)).(*dns.DS)}}
	resolver := &Resolver{Exchanger: hostile, Anchors: island}
	before := size()
	_, err := resolver.Lookup(t.Context(), "a0.example.", dns.TypeA)
	heap := int(hostile.most) - int(before)
	t.Logf("%d queries, %.1f MB at most, %.1f MB for a reply of %d octets: %v", hostile.asked, float64(heap)/(1<<20), float64(reply)/(1<<20), len(wire), err)
	if !errors.Is(err, ErrBudget) {
		t.Errorf("%v", err)
	}
	const maxReplyBytes = 4 << 20 // as SECURITY.md says
	if bound := maxReplyBytes + reply; heap > bound+bound/4 || heap < bound/2 {
		t.Errorf("%d octets where the bound is %d", heap, bound)
	}
}
