package upstream

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// Probe finds out what a server is capable of, at a zone that is known to be signed; ""
// is the root. It asks at once for the DNSKEY records of the zone, for a name below it
// that does not exist, and, without DNSSEC, for its SOA record. A [Client] that uses UDP
// is asked over TCP, too. The deadline is the caller's.
//
// SERVFAIL, or no reply, says nothing by itself. Where a plain query is answered all the
// same, it is DNSSEC that the server fails at; otherwise the Capability is neither Capable
// nor Incapable, and has an Err.
func Probe(ctx context.Context, e Exchanger, zone string) Capability {
	zone = dns.CanonicalName(zone)
	overTCP := probeTCP(ctx, e, zone)
	keys, denial, plain := askProbes(ctx, e, zone)
	c := Capability{Server: cmp.Or(keys.server, denial.server, plain.server), Zone: zone}
	if !overTCP() && (keys.err == nil || plain.err == nil) {
		c.Flaws = append(c.Flaws, NoTCP)
	}
	if keys.err != nil {
		if plain.err == nil && len(plain.msg.Answer) > 0 && !isStarved(keys.err) {
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

// askProbes asks the three questions of a probe at once. It does not wait for the plain
// one when the keys are there, nor longer than dnssecGrace for DNSSEC when the plain reply
// is there.
func askProbes(ctx context.Context, e Exchanger, zone string) (keys, denial, plain probeReply) {
	withDNSSEC, giveUp := context.WithCancel(ctx)
	defer giveUp()
	withoutDNSSEC, noNeed := context.WithCancel(ctx)
	defer noNeed()
	var all sync.WaitGroup
	all.Go(func() {
		if keys = askProbe(withDNSSEC, e, zone, zone, dns.TypeDNSKEY, true); keys.err == nil {
			noNeed()
		}
	})
	// A random name is in no cache. Stubs often keep A and AAAA queries for single labels
	// to themselves, but not DS queries.
	absent := strings.ToLower(rand.Text()) + "." + strings.TrimPrefix(zone, ".")
	all.Go(func() { denial = askProbe(withDNSSEC, e, zone, absent, dns.TypeDS, true) })
	var dropped *time.Timer
	all.Go(func() {
		if plain = askProbe(withoutDNSSEC, e, zone, zone, dns.TypeSOA, false); plain.err == nil {
			dropped = time.AfterFunc(dnssecGrace, giveUp)
		}
	})
	all.Wait()
	if dropped != nil {
		dropped.Stop()
	}
	return keys, denial, plain
}

// probeTCP begins to ask over TCP. The function that it returns waits for the reply, but
// only tcpGrace longer, and reports whether there was one. It reports true where the server
// is not a Client that uses UDP, and so is not asked.
func probeTCP(ctx context.Context, e Exchanger, zone string) func() bool {
	client, ok := e.(*Client)
	if !ok || strings.Contains(client.Address, "://") {
		return func() bool { return true }
	}
	ctx, cancel := context.WithCancel(ctx)
	answered := make(chan bool, 1)
	go func() {
		stream := &Client{Address: "tcp://" + client.String(), Dial: client.Dial, Timeout: client.Timeout}
		defer stream.CloseIdleConnections()
		reply := askProbe(ctx, stream, zone, zone, dns.TypeDNSKEY, true)
		answered <- reply.msg != nil || isStarved(reply.err)
	}()
	return func() bool {
		late := time.AfterFunc(tcpGrace, cancel)
		defer late.Stop()
		defer cancel()
		return <-answered
	}
}

// A probeReply is what came of one question of a probe. A reply that is a refusal has both
// a message and an error.
type probeReply struct {
	server string
	msg    *dns.Msg
	err    error
}

// askProbe asks one question of a probe.
func askProbe(ctx context.Context, e Exchanger, zone, name string, qtype uint16, dnssec bool) probeReply {
	msg := new(dns.Msg)
	msg.SetQuestion(name, qtype)
	if dnssec {
		msg.CheckingDisabled = true // the question is what is passed on, not what is right
		msg.SetEdns0(wireform.UDPSize, true)
	}
	q := &Query{Msg: msg, Anchor: zone}
	reply, err := exchange(ctx, e, q)
	if err != nil {
		f := probeReply{err: err}
		if e, ok := errors.AsType[*Error](err); ok {
			f.server = e.Server
		}
		return f
	}
	f := probeReply{server: reply.Server, msg: reply.Msg}
	if isRefusal(reply.Msg) {
		f.err = newError(reply.Server, "", q, refusalError(reply.Msg))
	}
	return f
}
