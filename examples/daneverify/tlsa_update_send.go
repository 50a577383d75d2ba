package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/examples/daneverify/internal/nsupdate"
	"github.com/danesmtp/danesmtp/internal/localfault"
	"github.com/danesmtp/danesmtp/internal/printable"
	"github.com/danesmtp/danesmtp/tlsa"
)

// An updateReport is what was done.
type updateReport struct {
	set    *nsupdate.Set
	change *nsupdate.Change // nil if there was nothing to do
	task   *tlsa.Task
	at     *tlsa.Task // what comes next, and nothing was to be done before
}

// send sends the change, and looks whether the primary has what it should have then. A change
// whose reply is lost was done or not; that is looked up, too.
func (c *updateCommand) send(ctx context.Context, u *updateReport) (int, error) {
	sent := c.client.Update(ctx, u.change)
	if refusal, ok := errors.AsType[*nsupdate.Refusal](sent); ok && !errors.Is(sent, nsupdate.ErrNoReply) {
		if refusal.Changed() {
			return tlsaUnsafe, sent
		}
		return tlsaUnknown, fmt.Errorf("-server %s: %w", c.server, sent)
	}
	if sent != nil && !errors.Is(sent, nsupdate.ErrNoReply) {
		return tlsaUnknown, fmt.Errorf("-server %s: %w", c.server, sent)
	}
	now, err := c.client.Lookup(ctx, c.service.owner())
	switch {
	case err != nil && sent != nil:
		return tlsaUnknown, fmt.Errorf("-server %s: %w; run it again, which finds out", c.server, sent)
	case err != nil:
		return tlsaUnknown, fmt.Errorf("-server %s has accepted the change, and then: %w; run it again, which finds out whether it was done", c.server, err)
	case now.Owner == u.set.Owner && sameRecords(recordsOf(now), u.task.Records):
		return tlsaSafe, nil
	case sent != nil && sameRecords(recordsOf(now), recordsOf(u.set)):
		if refusal, ok := errors.AsType[*nsupdate.Refusal](sent); ok {
			sent = refusal // whoever said so, it is not done
		}
		return tlsaUnknown, fmt.Errorf("-server %s: %w; nothing was changed", c.server, sent)
	}
	return tlsaUnsafe, fmt.Errorf("-server %s has other records than it should have after the change: somebody else changes them, too", c.server)
}

// report says what was done, and what is to be done next.
func (c *updateCommand) report(u *updateReport) (int, error) {
	if c.json {
		return c.reportJSON(u)
	}
	var text strings.Builder
	if u.change == nil {
		fmt.Fprintf(&text, "ALREADY THERE: %s\n", c.already(u))
	} else {
		fmt.Fprintf(&text, "DONE: the primary has changed %s TLSA in zone %s\n", u.set.Owner, u.set.Zone)
		for _, r := range u.task.Add {
			fmt.Fprintf(&text, "  added    %s", zoneLine(u.set.Owner, uint(u.change.TTL), r))
		}
		for _, r := range u.task.Remove {
			fmt.Fprintf(&text, "  removed  %s", zoneLine(u.set.Owner, uint(u.change.TTL), r))
		}
	}
	if len(u.set.Aliases) > 0 {
		fmt.Fprintf(&text, "%s is an alias of %s: all hosts that share the set have the change.\n", u.set.Aliases[0], u.set.Owner)
	}
	if next := c.nextStep(u); next != "" {
		text.WriteString("next: " + printable.Line(next) + "\n")
	}
	return c.print(text.String())
}

// already says why there is nothing to send.
func (c *updateCommand) already(u *updateReport) string {
	if u.at != nil && u.at.Kind == tlsa.TaskDeploy {
		return fmt.Sprintf("the primary has the records of the next certificate at %s", u.set.Owner)
	}
	return fmt.Sprintf("the primary has all the records at %s, and no others are to go", u.set.Owner)
}

// nextStep says what comes then.
func (c *updateCommand) nextStep(u *updateReport) string {
	switch {
	case u.at != nil && u.at.Kind == tlsa.TaskRetire:
		return "destroy the old key at the time that was given when its record was removed"
	case u.task != nil && u.task.Kind == tlsa.TaskWithdraw && c.isRollover():
		// Those are the times of the records that are gone. Later looks see others.
		r := &c.rollover
		until := c.now().Add(max(r.Propagation+r.TTL, r.SignatureValidity))
		return fmt.Sprintf("destroy the old key at %s; until then somebody who has it may still be taken for the server", roundUp(until).Format("2006-01-02 15:04:05 UTC"))
	case u.at != nil, u.task != nil && c.isRollover():
		return c.waitLine()
	case u.task != nil && u.task.Kind == tlsa.TaskPublish:
		return c.waitLine() + "; then all senders authenticate the server"
	}
	return ""
}

// A jsonUpdate is a report in JSON.
type jsonUpdate struct {
	Version int          `json:"version"`
	Host    string       `json:"host"`
	Owner   string       `json:"owner"` // at the end of the aliases
	Zone    string       `json:"zone"`
	Result  string       `json:"result"` // "done" or "already"
	Step    string       `json:"step"`   // that was done, or comes next: "publish", "deploy", "withdraw", "retire" or ""
	Add     []jsonRecord `json:"add"`
	Remove  []jsonRecord `json:"remove"`
	Records []jsonRecord `json:"records"` // at the primary now
	Next    string       `json:"next,omitempty"`
}

func (c *updateCommand) reportJSON(u *updateReport) (int, error) {
	out := jsonUpdate{
		Version: 1, Host: c.service.String(), Owner: u.set.Owner, Zone: u.set.Zone, Result: "already",
		Add: []jsonRecord{}, Remove: []jsonRecord{}, Records: jsonRecords(recordsOf(u.set)), Next: c.nextStep(u),
	}
	if u.task != nil {
		out.Result, out.Step = "done", u.task.Kind.String()
		out.Add, out.Remove, out.Records = jsonRecords(u.task.Add), jsonRecords(u.task.Remove), jsonRecords(u.task.Records)
	} else if u.at != nil {
		out.Step = u.at.Kind.String()
	}
	return c.printJSON(out)
}

// presented looks at each address of the host whether senders accept what it presents by the
// records that are to remain.
func (c *updateCommand) presented(ctx context.Context, records []tlsa.Record) (int, error) {
	addrs, err := c.addresses(ctx)
	if err != nil {
		return tlsaUnknown, err
	}
	verifier := &tlsa.Verifier{Records: records, Names: []string{c.service.host}, Time: c.now}
	var unknown []string
	reached := 0
	for _, addr := range addrs {
		address := net.JoinHostPort(addr.String(), strconv.Itoa(int(c.service.port)))
		chain, err := c.network.chain(ctx, address, c.service.host)
		switch {
		case err != nil && localfault.Is(err) && !localfault.IsExhausted(err):
			c.tell("note: %s cannot be reached from this machine", address)
			continue
		case err != nil:
			unknown = append(unknown, fmt.Sprintf("%s: it is not known what it presents: %v", address, err))
			continue
		}
		reached++
		if _, err := verifier.Verify(chain); err != nil {
			return tlsaUnsafe, fmt.Errorf("%s presents %s: install the next one there before the records of the old one go", address, c.nameOf(chain))
		}
	}
	if len(unknown) == 0 && reached == 0 {
		unknown = append(unknown, "no address of the host can be reached, so that it is not known what it presents")
	}
	if len(unknown) > 0 {
		return tlsaUnknown, errors.New(strings.Join(unknown, "; "))
	}
	return tlsaSafe, nil
}

// nameOf says which of the certificates it is.
func (c *updateCommand) nameOf(chain []*x509.Certificate) string {
	if bytes.Equal(chain[0].RawSubjectPublicKeyInfo, c.rollover.Current[0].RawSubjectPublicKeyInfo) {
		return "the old certificate"
	}
	return fmt.Sprintf("a certificate (%s) that senders would not accept", subject(chain[0]))
}

// addresses returns those that senders would connect to.
func (c *updateCommand) addresses(ctx context.Context) (addrs []netip.Addr, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, err := c.zones.resolver.Lookup(ctx, dns.Fqdn(c.service.host), qtype)
		if err != nil {
			return nil, fmt.Errorf("the addresses of %s are not known: %w", c.service.host, err)
		}
		addrs = append(addrs, addressesIn(answer)...)
	}
	switch {
	case len(addrs) == 0:
		return nil, fmt.Errorf("%s has no address", c.service.host)
	case len(addrs) > maxFromAddresses:
		return nil, fmt.Errorf("%s has %d addresses, and no more than %d are asked", c.service.host, len(addrs), maxFromAddresses)
	}
	return addrs, nil
}

func addressesIn(answer *dnssec.Answer) (addrs []netip.Addr) {
	for _, rr := range answer.Records {
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A
		case *dns.AAAA:
			ip = rr.AAAA
		}
		if addr, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, addr.Unmap())
		}
	}
	return addrs
}
