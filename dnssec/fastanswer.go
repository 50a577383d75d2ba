package dnssec

import (
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
)

// answer returns the answer to a question if the cache has it in one step, without an alias, and nil
// otherwise. It is what a lookup would return, but takes one allocation in common cases.
func (c *cache) answer(name string, qtype uint16, now time.Time, generation int) *Answer {
	var buffer [256]byte
	wire, ok := canonical.AppendHostName(buffer[:0], name)
	if !ok {
		return nil
	}
	entry := c.getWire(wire, qtype, now, generation)
	if entry == nil || entry.Failed() || entry.Shape == validate.Aliased || entry.Shape == validate.NoAnswer {
		return nil
	}
	base := Answer{
		Name: entry.text, Type: qtype, RCode: dns.RcodeSuccess,
		Status: statusOf(entry.Status), Reason: reasonOf(entry.Verdict.Reason), Expires: entry.Expires,
	}
	if entry.Shape == validate.NameError {
		base.RCode = dns.RcodeNameError
	}
	found := finding{entry.question(), entry.Verdict}
	if entry.Shape == validate.Data {
		ttl := secondsLeft(entry.Expires, now)
		if answer := packedAnswer(&base, found, ttl); answer != nil {
			return answer
		}
		base.Records = copyRecords(entry.Records, ttl)
	}
	return &newPacked[noRecord](&base, found).Answer
}

// maxPacked is how many records have room in the allocation of their Answer: more than
// most RRsets have.
const maxPacked = 4

// A packed answer has its records, and what it rests on, in the same allocation.
type packed[T any] struct {
	Answer
	findings [1]finding
	records  [maxPacked]dns.RR
	own      [maxPacked]T // what records point to
}

// noRecord is what an answer without records has room for.
type noRecord struct{}

// newPacked returns a packed answer without records.
func newPacked[T any](base *Answer, found finding) *packed[T] {
	c := &packed[T]{Answer: *base, findings: [1]finding{found}}
	c.Answer.findings = c.findings[:]
	return c
}

// packedAnswer returns a copy of base with copies of the records found. It returns nil if these
// are too many, or not of the common types.
func packedAnswer(base *Answer, found finding, ttl uint32) *Answer {
	if len(found.verdict.Records) > maxPacked {
		return nil
	}
	switch base.Type {
	case dns.TypeMX:
		return withRecords(base, found, ttl, flat[dns.MX])
	case dns.TypeTLSA:
		return withRecords(base, found, ttl, flat[dns.TLSA])
	case dns.TypeCNAME:
		return withRecords(base, found, ttl, flat[dns.CNAME])
	case dns.TypeA:
		return withRecords(base, found, ttl, func(own *ownA, rr dns.RR) dns.RR {
			a, ok := rr.(*dns.A)
			if !ok || len(a.A) > len(own.octets) {
				return nil
			}
			own.record = *a
			own.record.A = append(own.octets[:0:len(own.octets)], a.A...)
			return &own.record
		})
	case dns.TypeAAAA:
		return withRecords(base, found, ttl, func(own *ownAAAA, rr dns.RR) dns.RR {
			aaaa, ok := rr.(*dns.AAAA)
			if !ok || len(aaaa.AAAA) > len(own.octets) {
				return nil
			}
			own.record = *aaaa
			own.record.AAAA = append(own.octets[:0:len(own.octets)], aaaa.AAAA...)
			return &own.record
		})
	}
	return nil
}

// flat copies a record that refers to nothing outside of itself but strings.
func flat[T any, P interface {
	*T
	dns.RR
}](own *T, rr dns.RR) dns.RR {
	record, ok := rr.(P)
	if !ok {
		return nil
	}
	*own = *record
	return P(own)
}

// An ownA is a record with the octets of its address.
type ownA struct {
	record dns.A
	octets [16]byte
}

// An ownAAAA is a record with the octets of its address.
type ownAAAA struct {
	record dns.AAAA
	octets [16]byte
}

// withRecords is packedAnswer for one type of records: own copies one, or returns nil.
func withRecords[T any](base *Answer, found finding, ttl uint32, own func(*T, dns.RR) dns.RR) *Answer {
	c := newPacked[T](base, found)
	for i, rr := range found.verdict.Records {
		if c.records[i] = own(&c.own[i], rr); c.records[i] == nil {
			return nil
		}
		h := c.records[i].Header()
		h.Ttl = min(h.Ttl, ttl)
	}
	n := len(found.verdict.Records)
	c.Answer.Records = c.records[:n:n]
	return &c.Answer
}
