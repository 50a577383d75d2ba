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
)

// Probe judges what a server is capable of at a zone that is known to be signed;
// "" is the root. It asks at once for the DNSKEY records of the zone, for a name
// below it that does not exist, and, without DNSSEC, for its SOA record; a Client
// that uses UDP is asked over TCP, too. The deadline is the caller's.
//
// SERVFAIL, or silence, says nothing by itself. Where a plain query is answered
// all the same, DNSSEC is what the server fails at; otherwise the Capability is
// neither Capable nor Incapable, and has an Err.
func Probe(ctx context.Context, e Exchanger, zone string) Capability {
	zone = dns.CanonicalName(zone)
	c := Capability{Zone: zone}
	withDNSSEC, giveUp := context.WithCancel(ctx)
	defer giveUp()
	withoutDNSSEC, noNeed := context.WithCancel(ctx)
	defer noNeed()
	overTCP := probeTCP(ctx, e, zone)
	var keys, denial, plain probeReply
	var all sync.WaitGroup
	all.Go(func() {
		if keys = askProbe(withDNSSEC, e, zone, zone, dns.TypeDNSKEY, true); keys.err == nil {
			noNeed() // to know how plain queries fare
		}
	})
	// A name that nobody has in a cache. Stubs often keep A and AAAA queries for
	// single labels to themselves, but not DS queries.
	nobody := strings.ToLower(rand.Text()) + "." + strings.TrimPrefix(zone, ".")
	all.Go(func() { denial = askProbe(withDNSSEC, e, zone, nobody, dns.TypeDS, true) })
	var swallowed *time.Timer
	all.Go(func() {
		if plain = askProbe(withoutDNSSEC, e, zone, zone, dns.TypeSOA, false); plain.err == nil {
			swallowed = time.AfterFunc(dnssecGrace, giveUp)
		}
	})
	all.Wait()
	if swallowed != nil {
		swallowed.Stop()
	}
	if !overTCP() && (keys.err == nil || plain.err == nil) {
		c.Flaws = append(c.Flaws, NoTCP)
	}
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

// probeTCP begins to ask over TCP, and returns a function that tells whether there
// is an answer, or that it is not for us to ask. It waits but a little longer.
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
		answered <- askProbe(ctx, stream, zone, zone, dns.TypeDNSKEY, true).msg != nil
	}()
	return func() bool {
		late := time.AfterFunc(tcpGrace, cancel)
		defer late.Stop()
		defer cancel()
		return <-answered
	}
}

// A probeReply is what came of a question of the probe. A reply that is a refusal
// has both a message and an error.
type probeReply struct {
	server string
	msg    *dns.Msg
	err    error
}

func askProbe(ctx context.Context, e Exchanger, zone, name string, qtype uint16, dnssec bool) probeReply {
	msg := new(dns.Msg)
	msg.SetQuestion(name, qtype)
	if dnssec {
		msg.CheckingDisabled = true // the question is what is passed on, not what is right
		msg.SetEdns0(probeSize, true)
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

// probeSize is the largest UDP reply that is asked for (dnsflagday.net/2020).
const probeSize = 1232
