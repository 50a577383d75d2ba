package denial

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// Records are NSEC and NSEC3 records of one zone, whose signatures need not be verified
// yet. A proof by them holds if those that Used names are good; if one is not, it must be
// left out by Without, and the proof tried again.
type Records struct {
	zone  canonical.Name
	all   []dns.RR
	cost  Cost
	nsec  nsecChain
	nsec3 nsec3Chain
	used  []dns.RR
}

// New returns the records of a zone. Those of other types and of no use are ignored.
func New(zone canonical.Name, records []dns.RR, cost Cost) *Records {
	r := &Records{zone: zone, all: records, cost: cost}
	r.read()
	return r
}

func (r *Records) read() {
	known := r.nsec3
	r.nsec = newNSECChain(r.zone, r.all)
	r.nsec3 = newNSEC3Chain(r.zone, r.all, r.cost)
	if r.nsec3.parameters == known.parameters {
		r.nsec3.hashes = known.hashes // they are paid for
	}
}

// Without leaves out records.
func (r *Records) Without(bad []dns.RR) {
	out := make(map[dns.RR]bool, len(bad))
	for _, rr := range bad {
		out[rr] = true
	}
	r.all = slices.DeleteFunc(slices.Clone(r.all), func(rr dns.RR) bool { return out[rr] })
	r.used = nil
	r.read()
}

// Used returns the records that the last proof rests on. Where that failed, it is all that
// stood in its way and in that of those before: a record that is not good must prevent
// nothing, either.
func (r *Records) Used() []dns.RR { return r.used }

// NameError proves that name does not exist, nor a wildcard that would match it.
func (r *Records) NameError(name canonical.Name) (Proof, error) {
	if !name.Below(r.zone) || name == r.zone {
		return Proof{}, ErrUnproven
	}
	return r.prove(
		func() (Proof, bool) { return Proof{}, r.nsec.nameError(name) },
		func() (Proof, error) { return r.nsec3.nameError(name) },
	)
}

// NoData proves that name has no RRset of that type, although it, or a wildcard
// that matches it, may exist.
func (r *Records) NoData(name canonical.Name, qtype uint16) (Proof, error) {
	if !name.Below(r.zone) {
		return Proof{}, ErrUnproven
	}
	return r.prove(
		func() (Proof, bool) { return r.nsec.noData(name, qtype) },
		func() (Proof, error) { return r.nsec3.noData(name, qtype) },
	)
}

// Wildcard proves that an answer for name may come from the wildcard below its
// ancestor with that many labels: nothing closer to name exists (RFC 4035
// §5.3.4, RFC 5155 §8.8).
func (r *Records) Wildcard(name canonical.Name, labels int) (Proof, error) {
	if !name.Below(r.zone) || labels < r.zone.Labels() || labels >= name.Labels() {
		return Proof{}, ErrUnproven
	}
	return r.prove(
		func() (Proof, bool) { return Proof{}, r.nsec.noCloser(name, labels) },
		func() (Proof, error) { return r.nsec3.noCloser(name, labels) },
	)
}

// prove tries the NSEC records, and then the NSEC3 records.
func (r *Records) prove(byNSEC func() (Proof, bool), byNSEC3 func() (Proof, error)) (Proof, error) {
	r.nsec.used, r.nsec3.used = nil, nil
	if proof, ok := byNSEC(); ok {
		r.used = r.nsec.used
		return proof, nil
	}
	var proof Proof
	err := ErrUnproven
	switch c := &r.nsec3; {
	case c.exceeded:
		proof, err = Proof{IterationsExceeded: true}, nil
		c.used = []dns.RR{c.records[0].record}
	case c.mixed != nil:
		c.used = []dns.RR{c.records[0].record, c.mixed}
	case len(c.records) > 0:
		proof, err = byNSEC3()
	}
	if err == nil {
		r.used = r.nsec3.used
		return proof, nil
	}
	r.used = slices.Concat(r.used, r.nsec.used, r.nsec3.used)
	return proof, err
}
