package upstream

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// A Capability says whether a server passes on what a validator needs, as judged
// by Probe. The zero Capability is that of a server of which nothing is known; it
// is not capable.
type Capability struct {
	Server string  // as in Reply.Server, if it replied
	Zone   string  // the signed zone at which it was judged
	Causes []Cause // what is wrong with the server
	Err    error   // why it could not be judged; nil if there are Causes
}

// Capable reports whether the server was judged, and nothing was wrong.
func (c Capability) Capable() bool {
	return c.Zone != "" && len(c.Causes) == 0 && c.Err == nil
}

// Incapable reports whether something is wrong with the server. It may be that
// neither this nor Capable is true: no reply came, for one.
func (c Capability) Incapable() bool { return len(c.Causes) > 0 }

// String says it in words for a human, without the name of the server.
func (c Capability) String() string {
	switch {
	case c.Incapable():
		words := make([]string, len(c.Causes))
		for i, cause := range c.Causes {
			words[i] = cause.String()
		}
		return strings.Join(words, "; ")
	case c.Err != nil:
		return "could not be judged: " + text(c.Err)
	case c.Capable():
		return "is capable of DNSSEC"
	}
	return "was not judged"
}

// settled reports whether the judgement is one that time alone does not change.
func (c Capability) settled() bool {
	for _, cause := range c.Causes {
		if cause == FailsDNSSEC || cause == FailsDenials {
			return false
		}
	}
	return c.Err == nil
}

// A Cause is one thing that makes a server useless to a validator.
type Cause uint8

const (
	// NoEDNS: replies have no OPT record (RFC 6891 §6.1.1), without which nobody can
	// ask for DNSSEC records.
	NoEDNS Cause = iota + 1
	// NoKeys: there are no DNSKEY records for a zone that is known to have them.
	NoKeys
	// DropsSignatures: RRSIG records that belong to a reply are missing.
	DropsSignatures
	// DropsDenials: the NSEC or NSEC3 records that prove that a name does not exist
	// are missing, or their signatures are.
	DropsDenials
	// FailsDenials: a name that does not exist, asked for with DNSSEC, is answered by
	// SERVFAIL or the like (the stub of Docker 24 does that).
	FailsDenials
	// FailsDNSSEC: queries for DNSSEC records fail, while plain ones are answered.
	FailsDNSSEC
)

// String says what the server does.
func (c Cause) String() string {
	switch c {
	case NoEDNS:
		return "answers without EDNS"
	case NoKeys:
		return "has no DNSKEY records for a signed zone"
	case DropsSignatures:
		return "drops DNSSEC records; common for container and router stubs"
	case DropsDenials:
		return "drops the proofs that a name does not exist"
	case FailsDenials:
		return "fails for names that do not exist, when asked with DNSSEC; common for container stubs"
	case FailsDNSSEC:
		return "fails when asked with DNSSEC, but answers plain queries"
	}
	return fmt.Sprintf("cause %d", uint8(c))
}

// A CapabilityError says that there is no server left that is capable of DNSSEC.
// It says nothing about the name that was asked for: signed or not, right or
// wrong.
type CapabilityError struct {
	// Servers that were of no use. At least one is Incapable; for others Err says
	// why they did not answer.
	Servers []Capability
}

// Error names each server and what is wrong with it.
func (e *CapabilityError) Error() string {
	const summary = prefix + "no server is capable of DNSSEC"
	if len(e.Servers) == 0 {
		return summary
	}
	words := make([]string, len(e.Servers))
	for i, c := range e.Servers {
		words[i] = c.Server + " " + c.String()
		if !c.Incapable() && c.Err != nil {
			words[i] = text(c.Err) // it names the server
		}
	}
	return summary + ": " + strings.Join(words, "; ")
}

// Unwrap returns the errors of the servers that could not be judged.
func (e *CapabilityError) Unwrap() []error {
	var errs []error
	for _, c := range e.Servers {
		if c.Err != nil {
			errs = append(errs, c.Err)
		}
	}
	return errs
}

// Probe judges what a server is capable of at a zone that is known to be signed;
// "" is the root. It asks at once for the DNSKEY records of the zone, for a name
// below it that does not exist, and, without DNSSEC, for its SOA record. The
// deadline is the caller's.
//
// SERVFAIL, or silence, says nothing by itself. Where a plain query is answered
// all the same, DNSSEC is what the server fails at; otherwise the Capability is
// neither Capable nor Incapable, and has an Err.
func Probe(ctx context.Context, e Exchanger, zone string) Capability {
	zone = dns.CanonicalName(zone)
	c := Capability{Zone: zone}
	var keys, denial, plain finding
	var all sync.WaitGroup
	inPlain, noNeed := context.WithCancel(ctx)
	defer noNeed()
	all.Go(func() {
		if keys = ask(ctx, e, zone, zone, dns.TypeDNSKEY, true); keys.err == nil {
			noNeed() // to know how plain queries fare
		}
	})
	// A name that nobody has in a cache. Stubs often keep A and AAAA queries for
	// single labels to themselves, but not DS queries.
	nobody := strings.ToLower(rand.Text()) + "." + strings.TrimPrefix(zone, ".")
	all.Go(func() { denial = ask(ctx, e, zone, nobody, dns.TypeDS, true) })
	all.Go(func() { plain = ask(inPlain, e, zone, zone, dns.TypeSOA, false) })
	all.Wait()
	c.Server = cmp.Or(keys.server, denial.server, plain.server)
	if keys.err != nil {
		if plain.err == nil && len(plain.msg.Answer) > 0 {
			c.Causes = append(c.Causes, FailsDNSSEC)
		} else {
			c.Err = keys.err
		}
		return c
	}
	if keys.msg.IsEdns0() == nil {
		c.Causes = append(c.Causes, NoEDNS)
	}
	switch {
	case !has(keys.msg.Answer, dns.TypeDNSKEY):
		c.Causes = append(c.Causes, NoKeys)
	case !isSigned(keys.msg.Answer, dns.TypeDNSKEY):
		c.Causes = append(c.Causes, DropsSignatures)
	}
	switch {
	case denial.err == nil:
		// A wildcard's answer comes with such a proof, too (RFC 4035 §3.1.3.3).
		if !isSigned(denial.msg.Ns, dns.TypeNSEC) && !isSigned(denial.msg.Ns, dns.TypeNSEC3) {
			c.Causes = append(c.Causes, DropsDenials)
		}
	case denial.msg != nil:
		c.Causes = append(c.Causes, FailsDenials)
	case len(c.Causes) == 0:
		c.Err = denial.err
	}
	return c
}

// A finding is what came of a question of the probe. A reply that is a refusal
// has both a message and an error.
type finding struct {
	server string
	msg    *dns.Msg
	err    error
}

func ask(ctx context.Context, e Exchanger, zone, name string, qtype uint16, dnssec bool) finding {
	msg := new(dns.Msg)
	msg.SetQuestion(name, qtype)
	if dnssec {
		msg.CheckingDisabled = true // the question is what is passed on, not what is right
		msg.SetEdns0(probeSize, true)
	}
	q := &Query{Msg: msg, Anchor: zone}
	reply, err := exchange(ctx, e, q)
	if err != nil {
		f := finding{err: err}
		if e, ok := errors.AsType[*Error](err); ok {
			f.server = e.Server
		}
		return f
	}
	f := finding{server: reply.Server, msg: reply.Msg}
	if isRefusal(reply.Msg) {
		f.err = failed(reply.Server, "", q, errors.New("server answered "+rcode(reply.Msg)))
	}
	return f
}

// probeSize is the largest UDP reply that is asked for (dnsflagday.net/2020).
const probeSize = 1232

// exchange is e.Exchange for an Exchanger that may be broken.
func exchange(ctx context.Context, e Exchanger, q *Query) (*Reply, error) {
	reply, err := e.Exchange(ctx, q)
	if err == nil && (reply == nil || reply.Msg == nil) {
		err = errNoReply
	}
	return reply, err
}

// isRefusal reports whether a reply says anything about the name that was asked
// for. Only two rcodes do.
func isRefusal(msg *dns.Msg) bool {
	return msg.Rcode != dns.RcodeSuccess && msg.Rcode != dns.RcodeNameError
}

func rcode(msg *dns.Msg) string {
	if name, ok := dns.RcodeToString[msg.Rcode]; ok {
		return name
	}
	return fmt.Sprintf("rcode %d", msg.Rcode)
}

func has(section []dns.RR, rrtype uint16) bool {
	for _, rr := range section {
		if rr.Header().Rrtype == rrtype {
			return true
		}
	}
	return false
}

// isSigned reports whether records of a type are there with a signature for them.
// Whether it is a good one is not for us to say.
func isSigned(section []dns.RR, rrtype uint16) bool {
	for _, rr := range section {
		if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == rrtype {
			return has(section, rrtype)
		}
	}
	return false
}
