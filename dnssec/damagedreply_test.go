package dnssec_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// A place is one record in the reply to a question.
type place struct {
	question dns.Question
	section  int // 0 answer, 1 authority
	index    int
}

func section(reply *dns.Msg, n int) *[]dns.RR {
	if n == 0 {
		return &reply.Answer
	}
	return &reply.Ns
}

// The damage that is done to one record.
var damages = map[string]func(section *[]dns.RR, index int){
	"drop":      func(s *[]dns.RR, i int) { *s = slices.Delete(*s, i, i+1) },
	"first bit": func(s *[]dns.RR, i int) { flipRData(*s, i, 0) },
	"last bit":  func(s *[]dns.RR, i int) { flipRData(*s, i, -1) },
	"rename":    func(s *[]dns.RR, i int) { (*s)[i].Header().Name = "x" + (*s)[i].Header().Name },
}

// flipRData changes a bit in the first or last octet of a record's RDATA, where
// what comes out is still a record.
func flipRData(records []dns.RR, i, at int) {
	wire := make([]byte, dns.Len(records[i])+1)
	end, err := dns.PackRR(records[i], wire, 0, nil, false)
	if err != nil {
		return
	}
	_, start, err := dns.UnpackDomainName(wire, 0)
	start += 10 // type, class, TTL and length
	if err != nil || start >= end {
		return
	}
	if at < 0 {
		start = end - 1
	}
	wire[start] ^= 1
	if rr, _, err := dns.UnpackRR(wire[:end], 0); err == nil {
		records[i] = rr
	}
}

// Each record of each reply that a good answer rests on is dropped and damaged in
// turn: what comes out is the same answer with the same status, or a failure.
func TestDamagedReplies(t *testing.T) {
	t.Parallel()
	var questions []string
	for _, q := range shapeQuestions {
		questions = append(questions, q.question)
	}
	questions = append(questions, // across zones
		"across.shapes.test. A", "x.bough.shapes.test. A", "x.wither.shapes.test. A", "out.shapes.test. A", "unsigned.test. MX", "x.unsigned.test. A", "unsigned.test. DS")
	for label, denial := range map[string]dnssectest.Denial{"NSEC": dnssectest.NSEC, "NSEC3": dnssectest.NSEC3, "NSEC3 opt-out": dnssectest.NSEC3OptOut} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Denial: denial},
				dnssectest.Zone{Name: "shapes.test.", Records: shapes + "\nacross CNAME mail.other.test.\nbough DNAME other.test.\nwither DNAME unsigned.test.\nout CNAME x.unsigned.test.", Denial: denial, TwoKeys: true},
				dnssectest.Zone{Name: "other.test.", Records: "mail A 192.0.2.8\nx A 192.0.2.9", Denial: denial, Algorithm: dns.ED25519},
				dnssectest.Zone{Name: "unsigned.test.", Records: "@ MX 10 mail\nx A 192.0.2.10", Unsigned: true})
			cases := 0
			for _, question := range questions {
				var mu sync.Mutex
				var places []place
				world.Tamper = func(q dns.Question, reply *dns.Msg) {
					mu.Lock()
					defer mu.Unlock()
					if reply.Rcode == dns.RcodeSuccess && len(reply.Ns) == 0 && !slices.ContainsFunc(reply.Answer, isSignature) {
						return // data of an unsigned zone, for which nobody vouches
					}
					for n := range 2 {
						for i := range *section(reply, n) {
							places = append(places, place{q, n, i})
						}
					}
				}
				good, err := lookup(t, world, question)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range places {
					for what, damage := range damages {
						world.Tamper = func(q dns.Question, reply *dns.Msg) {
							if q == p.question {
								damage(section(reply, p.section), p.index)
							}
						}
						cases++
						bad, err := lookup(t, world, question)
						same := err == nil && bad.Status == good.Status && content(bad) == content(good)
						if good.Status == dnssec.Insecure && denial == dnssectest.NSEC3OptOut {
							// An unsigned delegation may be there, with anything in it (RFC 5155 §12.2).
							same = same || err == nil && bad.Status == dnssec.Insecure && bad.RCode == good.RCode
						}
						if err == nil && !same {
							t.Errorf("%s: %s of record %d in section %d of %s %s: %s answer\n%s", question, what, p.index, p.section,
								p.question.Name, dns.Type(p.question.Qtype), bad.Status, content(bad))
						}
					}
				}
			}
			if cases < 1000 {
				t.Errorf("only %d cases", cases)
			}
		})
	}
}
