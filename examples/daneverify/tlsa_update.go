package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane/rollover"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/examples/daneverify/internal/nsupdate"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/tlsa"
)

// An updateCommand is the flags of "tlsa update".
type updateCommand struct {
	planCommand
	server, keyFile  string
	deployed, dryRun bool
	ttl              uint

	client *nsupdate.Client
}

// updateCommand is the row of the table for "tlsa update".
func (t *tlsaTool) updateCommand() *cli.Command {
	return &cli.Command{
		Name: "update", Summary: "do the plan's next step in the zone, by a dynamic update",
		Usage: []string{
			"-server ADDR -key FILE -current OLD.pem -next NEW.pem [flags] HOST[:PORT]",
		},
		About: `Does the next step of "daneverify tlsa plan" in the zone, by a dynamic update (RFC 2136) that is
signed with a shared key (TSIG, RFC 8945). It asks the primary server what it has, follows an alias of
_25._tcp to a set that several hosts share, and sends the change on condition that the set still is what
it was. Run again, it says that all is there already. Without -next it is about the records alone: the first
ones of -current, or those of another -scheme.

The steps are two. The first adds the records of the next certificate. The second, with -deployed,
removes those of the old one; for that, each address of the host is asked for what it presents, and has to
present what senders accept by the records that remain. Nothing is sent unless all is understood, and all
name servers have what the primary has. It does not wait: "daneverify tlsa wait" does.`,
		Notes: `The file of -key has one key: a statement of named.conf (tsig-keygen, ddns-confgen -q), a section of
knot.conf (keymgr -t), K*.private or K*.key of dnssec-keygen, or a line hmac-sha256:NAME:SECRET. Others
than its owner and group should not be able to read it.`,
		Examples: []cli.Example{
			{Line: "daneverify tlsa update -server 192.0.2.1 -key ddns.key -current old.pem -next new.pem mx.example.org"},
			{Line: "daneverify tlsa wait -cert new.pem mx.example.org && mv fullchain.pem old.pem && cp new.pem fullchain.pem && install -m 600 new.key privkey.pem && systemctl reload postfix"},
			{Line: "daneverify tlsa update -deployed -server 192.0.2.1 -key ddns.key -current old.pem -next new.pem mx.example.org"},
			{Line: "daneverify tlsa update -server 192.0.2.1 -key ddns.key -current fullchain.pem mx.example.org"},
			{Line: "daneverify tlsa update -dry-run -server 192.0.2.1 -key ddns.key -current old.pem -next new.pem mx.example.org | nsupdate -k ddns.key"},
		},
		Exits: []cli.Exit{
			{Status: tlsaSafe, Means: "done, or there already; with -dry-run, the script is printed"},
			{Status: tlsaUnsafe, Means: "not safe, and not done: somebody else has changed the records, the name servers differ, an address presents the old certificate, or there is no plan; or nobody uses the records (unsigned zone)"},
			{Status: tlsaUnknown, Means: "something was not understood, or not reachable, or the server has not done it"},
		},
		Begin: func(f *cli.Flags) cli.Run {
			c := &updateCommand{planCommand: planCommand{dnsCommand: dnsCommand{tlsaTool: t}, propagation: -1}}
			c.flags(f)
			return t.on(c.run)
		},
	}
}

func (c *updateCommand) run(ctx context.Context, others []string) (int, error) {
	if err := c.begin(others); err != nil {
		return tlsaUnknown, err
	}
	status, err := c.update(ctx)
	if err != nil {
		c.tell("tlsa update: %v", err)
	}
	return status, nil
}

func (c *updateCommand) flags(f *cli.Flags) {
	f.Group("The zone")
	f.StringVar(&c.server, "server", "", "the primary server of the zone: `ADDR`, as 192.0.2.1, [2001:db8::1]:5353 or ns1.example.org")
	f.StringVar(&c.keyFile, "key", "", "the key that is shared with it, in `FILE`")
	c.changeFlags(f)
	f.BoolVar(&c.deployed, "deployed", false, "the next certificate is installed everywhere: remove the records of the old one")
	f.SecondsVar(&c.ttl, "ttl", updateTTL, "TTL of the records in `SECONDS`, or as a duration, where there are none yet")
	f.BoolVar(&c.dryRun, "dry-run", false, "send nothing: print the update as a script for nsupdate")
	c.dnsFlags(f)
}

// begin reads flags and files. Nothing is asked if one is not understood.
func (c *updateCommand) begin(others []string) error {
	switch {
	case c.server == "":
		return errors.New("say which server is the primary of the zone: -server ADDR")
	case c.keyFile == "":
		return errors.New("say which key it shares with us: -key FILE, of tsig-keygen or keymgr -t")
	case c.currentFile == "":
		return errors.New("say which certificate the server presents: -current FILE")
	case c.deployed && c.nextFile == "":
		return errors.New("-deployed is about the next certificate: -next FILE")
	case c.dryRun && c.json:
		return errors.New("-dry-run and -json are two forms of output: choose one")
	case c.ttl > 1<<31-1:
		return fmt.Errorf("-ttl %d: want at most %d (RFC 2181 §8)", c.ttl, 1<<31-1)
	}
	if c.nextFile == "" {
		c.nextFile = c.currentFile
	}
	address, err := nsupdate.ServerAddress(c.server)
	if err != nil {
		return fmt.Errorf("-server %w", err)
	}
	key, public, err := nsupdate.ReadKey(c.keyFile)
	if err != nil {
		return fmt.Errorf("-key: %w", err)
	}
	if public {
		c.tell("warning: everybody on this machine can read the key in %s, and change the zone: chmod 640 it", c.keyFile)
	}
	if err := c.understand(others); err != nil {
		return err
	}
	c.client = &nsupdate.Client{Address: address, Key: key, Dial: c.zones.dial, Timeout: c.zones.timeout, Time: c.now}
	return nil
}

// update finds the next step, and does it.
func (c *updateCommand) update(ctx context.Context) (int, error) {
	set, err := c.client.Lookup(ctx, c.service.owner())
	if err != nil {
		return tlsaUnknown, fmt.Errorf("-server %s: %w", c.server, err)
	}
	if err := c.exists(ctx); err != nil {
		return tlsaUnknown, err
	}
	c.isFor(c.rollover.Next, c.nextFile)
	s, err := c.zones.surveyor(c.now).Survey(ctx, c.service.host, c.service.port)
	if err != nil {
		return statusOfError(err), fmt.Errorf("it is not known what is published: %w", err)
	}
	if !covers(s, set.Zone) {
		return tlsaUnknown, fmt.Errorf("by -server %s the records are in the zone %s, and by the DNS they are not: ask the primary that the name servers have their zone from", c.server, set.Zone)
	}
	task, at, status, err := c.step(ctx, s, set)
	if err != nil {
		return status, err
	}
	u := &updateReport{set: set, at: at}
	if task == nil {
		return c.report(u)
	}
	if status, err := agrees(s, recordsOf(set)); err != nil {
		return status, err
	}
	if u.task = task; task.Kind == tlsa.TaskWithdraw && c.isRollover() {
		if status, err := c.presented(ctx, task.Records); err != nil {
			return status, err
		}
	}
	u.change = c.change(set, task)
	if c.dryRun {
		return c.print(u.change.Script(c.client.Address))
	}
	if status, err := c.send(ctx, u); err != nil {
		return status, err
	}
	return c.report(u)
}

// isRollover reports whether the server is to present another certificate.
func (c *updateCommand) isRollover() bool {
	return !c.rollover.Current[0].Equal(c.rollover.Next[0])
}

// step finds the next one that is a change of the records. Without one, all is there that can
// be, until at what comes next: nil if there is nothing.
func (c *updateCommand) step(ctx context.Context, s *rollover.Survey, set *nsupdate.Set) (task, next *tlsa.Task, status int, err error) {
	c.times(s)
	tasks, err := c.tasks(s, recordsOf(set))
	if err != nil {
		return nil, nil, statusOfError(err), fmt.Errorf("there is no plan: %w", err)
	}
	for i := range tasks {
		t := &tasks[i]
		switch {
		case t.Kind == tlsa.TaskDeploy && c.deployed:
			continue // it was done, which is looked at before the old records go
		case t.Kind == tlsa.TaskDeploy || t.Kind == tlsa.TaskRetire:
			return nil, t, tlsaSafe, nil
		}
		return t, nil, tlsaSafe, nil
	}
	return nil, nil, tlsaSafe, nil
}

// covers reports whether a zone is among those that the records depend on.
func covers(s *rollover.Survey, zone string) bool {
	return slices.ContainsFunc(s.Zones, func(z *dnssec.Zone) bool { return strings.EqualFold(z.Name, zone) })
}

// agrees finds out whether all name servers have what the primary has. What holds for one set
// of records may not hold for another.
func agrees(s *rollover.Survey, primary []tlsa.Record) (status int, err error) {
	records, err := s.Agreed()
	switch {
	case err != nil:
		return statusOfError(err), err
	case s.Insecure():
		return tlsaUnsafe, errors.New("the zone is not signed, or not by a chain from the root, so that nobody will use the records: sign it, and have its DS record put into the zone above")
	case !sameRecords(records, primary):
		return tlsaUnsafe, errors.New("the name servers do not have the records that the primary has: look whether they get its zone, and try again when they do")
	}
	return tlsaSafe, nil
}

// recordsOf returns those of a set that can be read. Others mean nothing to senders.
func recordsOf(set *nsupdate.Set) (records []tlsa.Record) {
	for _, rr := range set.Records {
		if r, err := recordOf(rr); err == nil {
			records = append(records, r)
		}
	}
	return records
}

// recordOf reads a record of the primary.
func recordOf(rr *dns.TLSA) (tlsa.Record, error) {
	return tlsa.Parse(strings.TrimPrefix(rr.String(), rr.Hdr.String()))
}

// sameRecords compares sets, which have no order.
func sameRecords(a, b []tlsa.Record) bool {
	within := func(set, other []tlsa.Record) bool {
		return !slices.ContainsFunc(set, func(r tlsa.Record) bool { return !slices.ContainsFunc(other, r.Equal) })
	}
	return within(a, b) && within(b, a)
}

// change is the task as an update of what the primary has.
func (c *updateCommand) change(set *nsupdate.Set, task *tlsa.Task) *nsupdate.Change {
	u := &nsupdate.Change{Zone: set.Zone, Owner: set.Owner, Before: set.Records, TTL: set.TTL}
	if len(set.Records) == 0 {
		u.TTL = uint32(c.ttl)
	}
	for _, r := range task.Add {
		u.Add = append(u.Add, &dns.TLSA{Usage: uint8(r.Usage), Selector: uint8(r.Selector), MatchingType: uint8(r.Matching), Certificate: fmt.Sprintf("%x", r.Data)})
	}
	for _, rr := range set.Records {
		if r, err := recordOf(rr); err == nil && slices.ContainsFunc(task.Remove, r.Equal) {
			u.Remove = append(u.Remove, rr)
		}
	}
	return u
}
