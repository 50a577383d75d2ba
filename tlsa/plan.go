package tlsa

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A Rollover is the change from one certificate of a server to another, for
// [Verifier.Plan].
type Rollover struct {
	// Current is the chain that the server presents, Next the one that it is to present;
	// each begins with the server's own certificate. They may be the same, if only the
	// records are to change.
	Current, Next []*x509.Certificate

	// Others are the chains that the server presents besides, and goes on to present: it
	// may have an RSA and an ECDSA certificate. Their records stay.
	Others [][]*x509.Certificate

	// Scheme is the one that the records are to follow afterwards. NoScheme keeps the
	// parameters of those that match Current, or begins with 3 1 1. CurrentAndNext is for
	// records of keys alone, KeyAndIssuer for those and records of the trust anchor, and
	// IssuerOnly for the latter alone.
	Scheme Scheme

	// Since is when all servers of the zone first had the records as they are now. Zero
	// means that it is not known: then a record of the next key counts as new, and all
	// others as old.
	Since time.Time

	// TTL is the longest time for which a cache may keep the records that are published
	// now. 0 means that none keeps them.
	TTL time.Duration
	// NegativeTTL is the same for the answer that there are no records: the lesser of the
	// SOA's TTL and its MINIMUM (RFC 2308 §5).
	NegativeTTL time.Duration
	// Propagation is how long it takes until all servers of the zone have a change, with
	// some margin: with secondaries that nobody notifies it is the REFRESH of the SOA, and
	// RETRY. Where it is not known, the TTL is a good guess, so that two TTLs pass before
	// the next key is installed, as CurrentAndNext wants it.
	Propagation time.Duration
	// SignatureValidity is how long signatures of the zone are valid (RFC 4034 §3.1.5),
	// and so how long an attacker can show records that are gone. 0 means that it is not
	// known.
	SignatureValidity time.Duration
}

// A TaskKind says what is to be done.
type TaskKind uint8

const (
	// TaskPublish: change the records in DNS, before the certificate changes.
	TaskPublish TaskKind = iota + 1
	// TaskDeploy: let the server present the next chain, at all its addresses.
	TaskDeploy
	// TaskWithdraw: change the records in DNS, once all addresses present the next chain.
	TaskWithdraw
	// TaskRetire: destroy the old key. Before that, somebody who has it may still be
	// taken for the server.
	TaskRetire
)

var taskKinds = [...]string{TaskPublish: "publish", TaskDeploy: "deploy", TaskWithdraw: "withdraw", TaskRetire: "retire"}

// String returns the kind in one word, such as "publish".
func (k TaskKind) String() string {
	if int(k) < len(taskKinds) && taskKinds[k] != "" {
		return taskKinds[k]
	}
	return "unknown task"
}

// A Task is one of the things to do for a [Rollover], in the order in which they come.
type Task struct {
	Kind      TaskKind
	NotBefore time.Time
	Add       []Record // to the records in DNS
	Remove    []Record // from them, in the same change
	Records   []Record // in DNS once it is done
	Why       string   // what was waited for, in a sentence
}

// Plan says what to do, and when, so that senders accept the server throughout a
// rollover, whichever records they have in their caches (RFC 7671 §8.1, §8.4).
// Verifier.Records are those in DNS now; Names, Time, Application and Roots are those of
// the Verifier, and Time is the instant from which the plan counts.
//
// The usual plan publishes a record of the next key beside that of the current one, waits
// until the old records have left all caches, deploys, and withdraws the old record. Where
// the records that senders have accept the next chain already, deployment comes first:
// the key is the same, the record of the next key has been there for long, or the chain
// leads to the trust anchor of another record. Without tasks, there is nothing to do.
//
// Follow it step by step, and plan again with what is then in DNS: Since is what time has
// been seen to pass. Records that match no chain stay; [Verifier.Check] tells what may be
// wrong with them.
//
// The error is an [*Error]. It has [ReasonPlan] if something does not make sense, and
// otherwise says why senders do not accept the current chain by the records that are in
// DNS, or will not accept the next one by those that are planned.
func (v *Verifier) Plan(r Rollover) ([]Task, error) {
	if err := r.check(); err != nil {
		return nil, newError(ReasonPlan, err)
	}
	p := planner{Verifier: v, Rollover: r, now: v.now()}
	if err := p.targets(); err != nil {
		return nil, err
	}
	p.schedule()
	if err := p.rehearse(); err != nil {
		return nil, err
	}
	return p.tasks(), nil
}

// check finds what cannot be meant.
func (r *Rollover) check() error {
	for name, d := range map[string]time.Duration{
		"TTL": r.TTL, "negative TTL": r.NegativeTTL, "propagation": r.Propagation, "signature validity": r.SignatureValidity,
	} {
		if d < 0 {
			return fmt.Errorf("%s below zero", name)
		}
	}
	if r.Scheme > IssuerOnly {
		return errors.New("unknown scheme")
	}
	for _, other := range r.Others {
		if err := checkChain("other", other); err != nil {
			return err
		}
	}
	return cmp.Or(checkChain("current", r.Current), checkChain("next", r.Next))
}

// checkChain finds out whether a chain begins with the server's certificate.
func checkChain(name string, chain []*x509.Certificate) error {
	if !isPresented(chain) {
		return fmt.Errorf("the %s chain has no certificate", name)
	}
	for _, cert := range chain[1:] {
		if cert != nil && !bytes.Equal(cert.Raw, chain[0].Raw) && cert.CheckSignatureFrom(chain[0]) == nil {
			return fmt.Errorf("the %s chain does not begin with the server's certificate, but with that of its issuer", name)
		}
	}
	return nil
}

// A planner makes one plan.
type planner struct {
	*Verifier
	Rollover
	now time.Time

	authenticated bool     // there are usable records now, which match the current chain
	current, next []Record // those in DNS that the chains satisfy
	early         bool     // they allow that the next chain is deployed before they change

	add, remove   []Record // if early both at once, otherwise one after the other
	before, after []Record // what is in DNS when the next chain is deployed, and in the end

	deployAt time.Time
	waited   string // for that
}

// targets finds out which records are to come and to go.
func (p *planner) targets() error {
	s := p.selection()
	p.current, p.next = p.evaluate(p.Current, &s, false).satisfied(), p.evaluate(p.Next, &s, false).satisfied()
	if p.authenticated = slices.Contains(s.usable[:], true); p.authenticated {
		if _, err := p.Verify(p.Current); err != nil {
			return during("the current chain, now", err)
		}
	}
	p.early = p.authenticated && p.allowsEarly()
	var target, bridge []Record // of the next chain, and of the current one until then
	var keep []Record           // of the others
	for _, other := range p.Others {
		keep = append(keep, p.evaluate(other, &s, false).satisfied()...)
	}
	for _, which := range p.wanted() {
		records, err := p.recordsOf("next", p.Next, p.next, which)
		if err != nil {
			return newError(ReasonPlan, err)
		}
		target = append(target, records...)
		// Parameters that are new must match every chain (RFC 7671 §8.4).
		if !p.early {
			if records, err = p.recordsOf("current", p.Current, p.current, which); err != nil {
				return newError(ReasonPlan, err)
			}
			bridge = append(bridge, records...)
		}
		if slices.ContainsFunc(p.current, func(r Record) bool { return r.parameters() == which }) {
			continue
		}
		for _, other := range p.Others {
			if records, err = p.recordsOf("other", other, p.evaluate(other, &s, false).satisfied(), which); err != nil {
				return newError(ReasonPlan, err)
			}
			keep = append(keep, records...)
		}
	}
	target = append(target, keep...)
	p.add = without(append(slices.Clone(target), bridge...), p.Records)
	p.remove = without(append(bridge, p.current...), target)
	p.after = without(append(slices.Clone(p.Records), p.add...), p.remove)
	p.before = p.Records
	if !p.early {
		p.before = append(slices.Clone(p.Records), p.add...)
	}
	return nil
}

// allowsEarly reports whether all records of keys, or all of issuers, that match the
// current chain match the next one, too, for each of their parameters. Of the two only one
// may change at a time (RFC 7671 §8.1).
func (p *planner) allowsEarly() bool {
	complete := map[bool]bool{} // by whether it is of an issuer
	for i := range p.current {
		which := p.current[i].parameters()
		covered := slices.ContainsFunc(p.current, func(r Record) bool { return r.parameters() == which && contains(p.next, r) })
		before, known := complete[which.ofIssuer()]
		complete[which.ofIssuer()] = covered && (before || !known)
	}
	return complete[true] || complete[false]
}

// satisfied returns the records that the chain satisfies, those with weaker digests
// included.
func (e *evaluation) satisfied() []Record {
	var records []Record
	for _, verdict := range e.verdicts() {
		if verdict.Err == nil && !contains(records, verdict.Record) {
			records = append(records, verdict.Record)
		}
	}
	return records
}

// wanted returns the parameters that records are to have: those of the current chain, as
// far as the scheme has them, and what the scheme needs besides.
func (p *planner) wanted() []parameters {
	var all []parameters
	var key, issuer bool
	for i := range p.current {
		which := p.current[i].parameters()
		ofIssuer := which.ofIssuer()
		if slices.Contains(all, which) || ofIssuer && p.Scheme == CurrentAndNext || !ofIssuer && p.Scheme == IssuerOnly {
			continue
		}
		key, issuer = key || !ofIssuer, issuer || ofIssuer
		all = append(all, which)
	}
	if !key && (p.Scheme == CurrentAndNext || p.Scheme == KeyAndIssuer || p.Scheme == NoScheme && !issuer) {
		all = append(all, parameters{DANEEE, SPKI, SHA256})
	}
	if !issuer && (p.Scheme == KeyAndIssuer || p.Scheme == IssuerOnly) {
		all = append(all, parameters{DANETA, SPKI, SHA256})
	}
	return all
}

func (p parameters) ofIssuer() bool { return p.Usage == PKIXTA || p.Usage == DANETA }

// recordsOf returns the records of a chain with certain parameters: those in DNS that it
// satisfies, or a new one.
func (p *planner) recordsOf(name string, chain []*x509.Certificate, satisfied []Record, which parameters) ([]Record, error) {
	var records []Record
	for _, r := range satisfied {
		if r.parameters() == which {
			records = append(records, r)
		}
	}
	if len(records) > 0 {
		return records, nil
	}
	cert := chain[0]
	if which.ofIssuer() {
		// The highest that the server presents.
		if cert = chain[len(chain)-1]; len(chain) == 1 || cert == nil || bytes.Equal(cert.Raw, chain[0].Raw) {
			return nil, fmt.Errorf("the %s chain has no certificate of an issuer", name)
		}
	}
	r, err := New(which.Usage, which.Selector, which.Matching, cert)
	return []Record{r}, err
}

func contains(set []Record, r Record) bool { return slices.ContainsFunc(set, r.Equal) }

// without returns the records that are not of another set, each once.
func without(set, other []Record) []Record {
	var rest []Record
	for _, r := range set {
		if !contains(other, r) && !contains(rest, r) {
			rest = append(rest, r)
		}
	}
	return rest
}
