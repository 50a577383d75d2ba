package denial_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/denial"
)

func name(t testing.TB, text string) canonical.Name {
	t.Helper()
	n, err := canonical.ParseName(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return n
}

func records(t testing.TB, lines []string) []dns.RR {
	t.Helper()
	var all []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rr)
	}
	return all
}

var free = denial.Cost{Iterations: denial.MaxIterations, Spend: func(int, int) error { return nil }}

// nsec3 writes the record of a name that leads to the hash just below or above
// the names given: what a chain of just those names would hold.
func nsec3(t testing.TB, zone string, iterations uint16, flags uint8, names map[string]string) []dns.RR {
	t.Helper()
	type entry struct{ hash, types string }
	var chain []entry
	for n, types := range names {
		hash := dns.HashName(n, dns.SHA1, min(iterations, 200), "aabb")
		at := 0
		for at < len(chain) && chain[at].hash < hash {
			at++
		}
		chain = append(chain[:at], append([]entry{{hash, types}}, chain[at:]...)...)
	}
	var all []dns.RR
	for i, e := range chain {
		rr := records(t, []string{strings.ToLower(e.hash) + "." + zone + " 300 IN NSEC3 1 0 1 aabb " + chain[(i+1)%len(chain)].hash + " " + e.types})[0]
		rr.(*dns.NSEC3).Iterations, rr.(*dns.NSEC3).Flags = iterations, flags
		all = append(all, rr)
	}
	return all
}

const (
	nxdomain = iota
	nodata
	wildcard
)

type question struct {
	kind   int
	name   string
	qtype  uint16 // nodata
	labels int    // wildcard
}

func prove(t testing.TB, zone string, rrs []dns.RR, q question, cost denial.Cost) (denial.Proof, error) {
	switch q.kind {
	case nxdomain:
		return denial.New(name(t, zone), rrs, cost).NameError(name(t, q.name))
	case nodata:
		return denial.New(name(t, zone), rrs, cost).NoData(name(t, q.name), q.qtype)
	}
	return denial.New(name(t, zone), rrs, cost).Wildcard(name(t, q.name), q.labels)
}

func TestNSEC(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		rfc     string
		records []string
		q       question
		want    denial.Proof
		fails   bool
	}{
		{
			name: "a span over the name and one over the wildcard prove that it does not exist", rfc: "RFC 4035 §3.1.3.2",
			records: []string{"b.example. NSEC d.example. A RRSIG NSEC", "example. NSEC a.example. SOA NS RRSIG NSEC"},
			q:       question{kind: nxdomain, name: "c.example."},
		},
		{
			name: "one span may cover both", rfc: "RFC 4035 §3.1.3.2",
			records: []string{"example. NSEC z.example. SOA NS RRSIG NSEC"},
			q:       question{kind: nxdomain, name: "c.example."},
		},
		{
			name: "without the wildcard's denial the name may come from it", rfc: "RFC 4035 §3.1.3.2",
			records: []string{"b.example. NSEC d.example. A RRSIG NSEC"},
			q:       question{kind: nxdomain, name: "c.example."}, fails: true,
		},
		{
			name: "the last span leads back to the apex", rfc: "RFC 4034 §4.1.1",
			records: []string{"y.example. NSEC example. A RRSIG NSEC", "example. NSEC a.example. SOA NS RRSIG NSEC"},
			q:       question{kind: nxdomain, name: "z.example."},
		},
		{
			name: "a span that leads back to another name is no span", rfc: "RFC 4034 §4.1.1",
			records: []string{"y.example. NSEC b.example. A RRSIG NSEC"},
			q:       question{kind: nxdomain, name: "z.example."}, fails: true,
		},
		{
			name: "a span that leads back to another name hides no name between two others", rfc: "RFC 4034 §4.1.1",
			records: []string{"y.example. NSEC b.example. A RRSIG NSEC"},
			q:       question{kind: nodata, name: "a.example.", qtype: dns.TypeA}, fails: true,
		},
		{
			name: "what leads back to another name still says which types its owner has, as Unbound 1.17 and delv 9.18 take it", rfc: "RFC 4035 §5.4",
			records: []string{"y.example. NSEC b.example. A RRSIG NSEC"},
			q:       question{kind: nodata, name: "y.example.", qtype: dns.TypeAAAA},
		},
		{
			name: "the apex exists", rfc: "RFC 4035 §5.4",
			records: []string{"example. NSEC example. SOA NS RRSIG NSEC"},
			q:       question{kind: nxdomain, name: "example."}, fails: true,
		},
		{
			name: "a span that leads to a name below shows an empty non-terminal, which exists", rfc: "RFC 4592 §2.2.2",
			records: []string{"b.example. NSEC x.c.example. A RRSIG NSEC", "example. NSEC a.example. SOA NS RRSIG NSEC"},
			q:       question{kind: nxdomain, name: "c.example."}, fails: true,
		},
		{
			name: "a span out of the zone is no span", rfc: "RFC 4034 §4.1.1",
			records: []string{"b.example. NSEC d.test. A RRSIG NSEC", "example. NSEC a.example. SOA NS RRSIG NSEC"},
			q:       question{kind: nxdomain, name: "c.example."}, fails: true,
		},
		{
			name: "a delegation's NSEC says nothing of names below it", rfc: "RFC 6840 §4.1",
			records: []string{"b.example. NSEC d.example. NS RRSIG NSEC", "example. NSEC a.example. SOA NS RRSIG NSEC"},
			q:       question{kind: nxdomain, name: "x.b.example."}, fails: true,
		},
		{
			name: "a DNAME's NSEC says nothing of names below it", rfc: "RFC 6840 §4.1",
			records: []string{"b.example. NSEC d.example. DNAME RRSIG NSEC", "example. NSEC a.example. SOA NS RRSIG NSEC"},
			q:       question{kind: nxdomain, name: "x.b.example."}, fails: true,
		},
		{
			name: "the type is missing at the name", rfc: "RFC 4035 §3.1.3.1",
			records: []string{"b.example. NSEC d.example. A RRSIG NSEC"},
			q:       question{kind: nodata, name: "b.example.", qtype: dns.TypeMX},
		},
		{
			name: "the type is there", rfc: "RFC 4035 §3.1.3.1",
			records: []string{"b.example. NSEC d.example. A MX RRSIG NSEC"},
			q:       question{kind: nodata, name: "b.example.", qtype: dns.TypeMX}, fails: true,
		},
		{
			name: "where a CNAME is, it would have been the answer", rfc: "RFC 6840 §4.3",
			records: []string{"b.example. NSEC d.example. CNAME RRSIG NSEC"},
			q:       question{kind: nodata, name: "b.example.", qtype: dns.TypeMX}, fails: true,
		},
		{
			name: "the parent's side of a cut knows no type but DS", rfc: "RFC 6840 §4.1",
			records: []string{"b.example. NSEC d.example. NS RRSIG NSEC"},
			q:       question{kind: nodata, name: "b.example.", qtype: dns.TypeMX}, fails: true,
		},
		{
			name: "a delegation without DS", rfc: "RFC 4035 §5.2",
			records: []string{"b.example. NSEC d.example. NS RRSIG NSEC"},
			q:       question{kind: nodata, name: "b.example.", qtype: dns.TypeDS}, want: denial.Proof{Delegation: true},
		},
		{
			name: "no delegation at all", rfc: "RFC 4035 §5.2",
			records: []string{"b.example. NSEC d.example. A RRSIG NSEC"},
			q:       question{kind: nodata, name: "b.example.", qtype: dns.TypeDS},
		},
		{
			name: "the child's apex does not deny its DS", rfc: "RFC 4035 §5.2",
			records: []string{"b.example. NSEC d.b.example. NS SOA RRSIG NSEC"},
			q:       question{kind: nodata, name: "b.example.", qtype: dns.TypeDS}, fails: true,
		},
		{
			name: "an empty non-terminal has no data", rfc: "RFC 4592 §2.2.2",
			records: []string{"b.example. NSEC x.c.example. A RRSIG NSEC"},
			q:       question{kind: nodata, name: "c.example.", qtype: dns.TypeMX},
		},
		{
			name: "a wildcard without the type", rfc: "RFC 4035 §3.1.3.4",
			records: []string{"*.example. NSEC b.example. A RRSIG NSEC", "b.example. NSEC d.example. A RRSIG NSEC"},
			q:       question{kind: nodata, name: "c.example.", qtype: dns.TypeMX},
		},
		{
			name: "a name below the wildcard leaves open what is at it", rfc: "RFC 4035 §3.1.3.4",
			records: []string{"b.*.example. NSEC d.example. A RRSIG NSEC"},
			q:       question{kind: nodata, name: "c.example.", qtype: dns.TypeMX}, fails: true,
		},
		{
			name: "a wildcard answer for a name that does not exist", rfc: "RFC 4035 §5.3.4",
			records: []string{"b.example. NSEC d.example. A RRSIG NSEC"},
			q:       question{kind: wildcard, name: "c.example.", labels: 1},
		},
		{
			name: "a wildcard answer for a name with a closer encloser", rfc: "RFC 4035 §5.3.4",
			records: []string{"b.c.example. NSEC d.example. A RRSIG NSEC"},
			q:       question{kind: wildcard, name: "x.c.example.", labels: 1}, fails: true,
		},
		{
			name: "a wildcard answer for a name that exists", rfc: "RFC 4035 §5.3.4",
			records: []string{"c.example. NSEC d.example. A RRSIG NSEC"},
			q:       question{kind: wildcard, name: "c.example.", labels: 1}, fails: true,
		},
		{
			name: "nothing proves nothing", rfc: "RFC 4035 §5.4",
			q: question{kind: nodata, name: "c.example.", qtype: dns.TypeMX}, fails: true,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := prove(t, "example.", records(t, tt.records), tt.q, free)
			if tt.fails != errors.Is(err, denial.ErrUnproven) || !tt.fails && err != nil {
				t.Fatalf("%s: error %v, want failure: %v", tt.rfc, err, tt.fails)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.rfc, diff)
			}
		})
	}
}

func TestNSEC3(t *testing.T) {
	t.Parallel()
	// The names of a zone, and what there is at each.
	names := map[string]string{
		"example.": "NS SOA RRSIG DNSKEY", "a.example.": "A RRSIG", "signed.example.": "NS DS RRSIG",
		"unsigned.example.": "NS", "alias.example.": "CNAME RRSIG", "tree.example.": "DNAME RRSIG",
		"empty.example.": "", "x.empty.example.": "A RRSIG",
		"wild.example.": "", "*.wild.example.": "A RRSIG",
	}
	for _, tt := range []struct {
		name       string
		rfc        string
		without    string // a name whose record is missing
		optOut     bool
		iterations uint16
		q          question
		want       denial.Proof
		fails      bool
	}{
		{name: "a name that does not exist", rfc: "RFC 5155 §8.4", q: question{kind: nxdomain, name: "no.example."}},
		{name: "several labels that do not exist", rfc: "RFC 5155 §8.3", q: question{kind: nxdomain, name: "a.b.no.example."}},
		{name: "a name that exists", rfc: "RFC 5155 §8.4", q: question{kind: nxdomain, name: "a.example."}, fails: true},
		{name: "an empty non-terminal exists", rfc: "RFC 5155 §7.1", q: question{kind: nxdomain, name: "empty.example."}, fails: true},
		{name: "a name that a wildcard matches", rfc: "RFC 5155 §8.4", q: question{kind: nxdomain, name: "no.wild.example."}, fails: true},
		{name: "a name below a delegation", rfc: "RFC 5155 §8.3", q: question{kind: nxdomain, name: "x.signed.example."}, fails: true},
		{name: "a name below a DNAME", rfc: "RFC 5155 §8.3", q: question{kind: nxdomain, name: "x.tree.example."}, fails: true},
		{name: "in an opt-out span the name may be a delegation", rfc: "RFC 5155 §9.2", optOut: true, q: question{kind: nxdomain, name: "no.example."}, want: denial.Proof{OptOut: true}},
		{name: "no data at a name", rfc: "RFC 5155 §8.5", q: question{kind: nodata, name: "a.example.", qtype: dns.TypeMX}},
		{name: "data at a name", rfc: "RFC 5155 §8.5", q: question{kind: nodata, name: "a.example.", qtype: dns.TypeA}, fails: true},
		{name: "a CNAME at a name", rfc: "RFC 6840 §4.3", q: question{kind: nodata, name: "alias.example.", qtype: dns.TypeA}, fails: true},
		{name: "no data at an empty non-terminal", rfc: "RFC 5155 §8.5", q: question{kind: nodata, name: "empty.example.", qtype: dns.TypeA}},
		{name: "the parent's side knows only DS", rfc: "RFC 6840 §4.1", q: question{kind: nodata, name: "signed.example.", qtype: dns.TypeA}, fails: true},
		{name: "a signed delegation has a DS", rfc: "RFC 5155 §8.6", q: question{kind: nodata, name: "signed.example.", qtype: dns.TypeDS}, fails: true},
		{name: "an unsigned delegation has none", rfc: "RFC 5155 §8.6", q: question{kind: nodata, name: "unsigned.example.", qtype: dns.TypeDS}, want: denial.Proof{Delegation: true}},
		{name: "the apex does not deny its own DS", rfc: "RFC 4035 §5.2", q: question{kind: nodata, name: "example.", qtype: dns.TypeDS}, fails: true},
		{name: "a delegation in an opt-out span", rfc: "RFC 5155 §8.6", optOut: true, q: question{kind: nodata, name: "no.example.", qtype: dns.TypeDS}, want: denial.Proof{OptOut: true, Delegation: true}},
		{name: "no delegation where there is no opt-out", rfc: "RFC 5155 §8.6", q: question{kind: nodata, name: "no.example.", qtype: dns.TypeDS}, fails: true},
		{name: "a wildcard without the type", rfc: "RFC 5155 §8.7", q: question{kind: nodata, name: "no.wild.example.", qtype: dns.TypeMX}},
		{name: "a wildcard with the type", rfc: "RFC 5155 §8.7", q: question{kind: nodata, name: "no.wild.example.", qtype: dns.TypeA}, fails: true},
		{name: "a wildcard answer", rfc: "RFC 5155 §8.8", q: question{kind: wildcard, name: "no.wild.example.", labels: 2}},
		{name: "a wildcard answer for a name that exists", rfc: "RFC 5155 §8.8", q: question{kind: wildcard, name: "a.example.", labels: 1}, fails: true},
		{name: "a wildcard answer with a closer encloser", rfc: "RFC 5155 §8.8", q: question{kind: wildcard, name: "y.empty.example.", labels: 1}, fails: true},
		{name: "a wildcard answer in an opt-out span", rfc: "RFC 5155 §8.8", optOut: true, q: question{kind: wildcard, name: "no.wild.example.", labels: 2}, want: denial.Proof{OptOut: true}},
		{name: "a wildcard beside an empty non-terminal without a record", rfc: "RFC 5155 §7.1", optOut: true, q: question{kind: nxdomain, name: "no.delegations.wild.example."}, want: denial.Proof{OptOut: true}},
		{name: "nothing about the wildcard", rfc: "RFC 5155 §8.4", without: "*.wild.example.", optOut: true, q: question{kind: nxdomain, name: "no.wild.example."}, fails: true},
		{name: "no data at an empty non-terminal without a record, beside a wildcard with the type", rfc: "RFC 5155 §7.1", optOut: true, q: question{kind: nodata, name: "delegations.wild.example.", qtype: dns.TypeA}, want: denial.Proof{OptOut: true}},
		{name: "no record of the closest encloser", rfc: "RFC 5155 §8.3", without: "example.", q: question{kind: nxdomain, name: "no.example."}, fails: true},
		{name: "at the limit of iterations", rfc: "RFC 5155 §10.3", iterations: denial.MaxIterations, q: question{kind: nxdomain, name: "no.example."}},
		{name: "above the limit of iterations", rfc: "RFC 9276 §3.2", iterations: denial.MaxIterations + 1, q: question{kind: nxdomain, name: "no.example."}, want: denial.Proof{IterationsExceeded: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var flags uint8
			if tt.optOut {
				flags = 1
			}
			var rrs []dns.RR
			without := strings.ToLower(dns.HashName(tt.without, dns.SHA1, tt.iterations, "aabb"))
			for _, rr := range nsec3(t, "example.", tt.iterations, flags, names) {
				if tt.without == "" || !strings.HasPrefix(rr.Header().Name, without) {
					rrs = append(rrs, rr)
				}
			}
			got, err := prove(t, "example.", rrs, tt.q, free)
			if tt.fails != errors.Is(err, denial.ErrUnproven) || !tt.fails && err != nil {
				t.Fatalf("%s: error %v, want failure: %v", tt.rfc, err, tt.fails)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.rfc, diff)
			}
		})
	}
}

// RFC 5155 §8.1, §8.2: records with an unknown hash algorithm or flag prove nothing.
func TestUnknownNSEC3IsIgnored(t *testing.T) {
	t.Parallel()
	for label, change := range map[string]func(*dns.NSEC3){
		"hash algorithm":     func(rr *dns.NSEC3) { rr.Hash = 2 },
		"flag":               func(rr *dns.NSEC3) { rr.Flags = 2 },
		"owner in a subzone": func(rr *dns.NSEC3) { rr.Hdr.Name = strings.Replace(rr.Hdr.Name, ".", ".sub.", 1) },
		"owner of no hash":   func(rr *dns.NSEC3) { rr.Hdr.Name = "zzzz.example." },
		"next of no hash":    func(rr *dns.NSEC3) { rr.NextDomain = "ABCD" },
	} {
		rrs := nsec3(t, "example.", 0, 0, map[string]string{"example.": "SOA NS"})
		change(rrs[0].(*dns.NSEC3))
		if _, err := prove(t, "example.", rrs, question{kind: nodata, name: "example.", qtype: dns.TypeMX}, free); !errors.Is(err, denial.ErrUnproven) {
			t.Errorf("%s: %v", label, err)
		}
	}
}

// RFC 5155 §8.2: records of chains with different parameters prove nothing together.
func TestMixedNSEC3(t *testing.T) {
	t.Parallel()
	q := question{kind: nxdomain, name: "no.example."}
	rrs := nsec3(t, "example.", 1, 0, map[string]string{"example.": "NS SOA"})
	if _, err := prove(t, "example.", rrs, q, free); err != nil {
		t.Fatal(err)
	}
	for _, iterations := range []uint16{0, 2, denial.MaxIterations + 1} {
		other := nsec3(t, "example.", iterations, 1, map[string]string{"example.": "NS SOA"})
		for _, mixed := range [][]dns.RR{append(other, rrs...), append(rrs, other...)} {
			if proof, err := prove(t, "example.", mixed, q, free); !errors.Is(err, denial.ErrUnproven) {
				t.Errorf("%d iterations: %+v, %v", iterations, proof, err)
			}
		}
	}
}

// The limit is a matter of policy (RFC 9276 §3.2).
func TestLimitOfIterations(t *testing.T) {
	t.Parallel()
	rrs := nsec3(t, "example.", 10, 0, map[string]string{"example.": "SOA NS"})
	for limit, exceeded := range map[uint16]bool{9: true, 10: false} {
		cost := denial.Cost{Iterations: limit, Spend: free.Spend}
		proof, err := prove(t, "example.", rrs, question{kind: nodata, name: "example.", qtype: dns.TypeMX}, cost)
		if err != nil || proof.IterationsExceeded != exceeded {
			t.Errorf("limit %d: %+v, %v", limit, proof, err)
		}
	}
}

// CVE-2023-50868: each hash is paid for before it is computed.
func TestHashesArePaid(t *testing.T) {
	t.Parallel()
	rrs := nsec3(t, "example.", 100, 0, map[string]string{"example.": "SOA NS", "a.example.": "A"})
	broke := errors.New("broke")
	paid := 0
	cost := denial.Cost{Iterations: denial.MaxIterations, Spend: func(hashes, iterations int) error {
		if iterations != 100 {
			t.Errorf("paid for %d iterations", iterations)
		}
		if paid += hashes; paid > 10 {
			return broke
		}
		return nil
	}}
	_, err := prove(t, "example.", rrs, question{kind: nxdomain, name: strings.Repeat("x.", 60) + "example."}, cost)
	if !errors.Is(err, broke) {
		t.Errorf("error %v after %d hashes", err, paid)
	}
}

// Whatever records there are, a proof that something is absent must fail for the
// names and types that the records themselves show to exist.
func FuzzNoProofOfWhatExists(f *testing.F) {
	f.Add("a.example.", "d.example.", "c.example.", uint16(1), uint16(2))
	f.Add("example.", "*.example.", "*.example.", uint16(6), uint16(43))
	f.Fuzz(func(t *testing.T, owner, next, asked string, has, qtype uint16) {
		n, err := canonical.ParseName(asked)
		if err != nil {
			return
		}
		rrs := []dns.RR{
			&dns.NSEC{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeNSEC, Class: dns.ClassINET}, NextDomain: next, TypeBitMap: []uint16{has}},
			&dns.NSEC3{Hdr: dns.RR_Header{Name: owner, Rrtype: dns.TypeNSEC3, Class: dns.ClassINET}, Hash: 1, NextDomain: next, TypeBitMap: []uint16{has}},
		}
		zone := canonical.Root
		_, missing := denial.New(zone, rrs, free).NameError(n)
		_, noData := denial.New(zone, rrs, free).NoData(n, qtype)
		o, err := canonical.ParseName(owner)
		if err == nil && o == n {
			if missing == nil {
				t.Errorf("%s has an NSEC and does not exist", n)
			}
			if noData == nil && has == qtype {
				t.Errorf("%s has type %d and has not", n, qtype)
			}
		}
	})
}
