package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/danesmtp/danesmtp/dane/rollover"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// A zoneNetwork reaches the DNS: a resolver for the way down, and each name server of a
// zone by itself.
type zoneNetwork struct {
	resolver       *dnssec.Resolver
	dial           func(ctx context.Context, network, address string) (net.Conn, error) // nil means a net.Dialer
	allow          func(netip.Addr) bool                                                // as upstream.Authority has it
	skipDelegation bool
	timeout        time.Duration // for one server over UDP
}

// A dnsCommand is the flags of the commands that ask the DNS about a host.
type dnsCommand struct {
	*tlsaTool
	options options // those flags of daneverify that are about DNS
	json    bool
	service service
}

// surveyor asks each name server by itself.
func (n *zoneNetwork) surveyor(now func() time.Time) *rollover.Surveyor {
	return &rollover.Surveyor{Resolver: n.resolver, Dial: n.dial, Allow: n.allow, Timeout: n.timeout, Time: now, SkipDelegation: n.skipDelegation}
}

// dnsFlags adds the flags that are about DNS.
func (c *dnsCommand) dnsFlags(flags *cli.Flags) {
	c.resolverFlags(flags)
	flags.BoolVar(&c.zones.skipDelegation, "skip-delegation", false, "do not ask the zone above for the name servers that it names: for networks that let nobody ask it")
	flags.Group("Output")
	flags.BoolVar(&c.json, "json", false, "print JSON")
}

// resolverFlags adds those that say whom to ask.
func (c *dnsCommand) resolverFlags(flags *cli.Flags) {
	flags.Group("The DNS")
	o := &c.options
	flags.StringVar(&o.resolver, "resolver", "", "DNS servers `ADDR[,ADDR…]` for the way to the zone (default: the system's; the root servers if those are not capable)")
	flags.BoolVar(&o.recursive, "recursive", false, "find the zone from the root servers down")
	flags.StringVar(&o.hints, "hints", "", "the root servers' addresses in `FILE`, as in named.root, for -recursive")
	flags.StringVar(&o.anchors, "anchors", "", "trust anchors in `FILE` (default: the built-in root keys)")
}

// host reads the one argument, and makes the network.
func (c *dnsCommand) host(others []string) error {
	switch {
	case len(others) == 0:
		return errors.New("no host is given; -help has examples")
	case len(others) > 1:
		return fmt.Errorf("%q is one too many: give one host", others[1])
	}
	err := c.wrongResolver()
	if err != nil {
		return err
	}
	if c.service, err = parseService(others[0]); err != nil {
		return err
	}
	return c.connect()
}

// wrongResolver returns what contradicts each other in the flags that say whom to ask.
func (c *dnsCommand) wrongResolver() error {
	switch {
	case c.options.recursive && c.options.resolver != "":
		return errors.New("-recursive asks no resolver, and takes no -resolver")
	case c.options.hints != "" && !c.options.recursive:
		return errors.New("-hints is for -recursive")
	}
	return nil
}

// connect makes the resolver, unless a test has one.
func (c *dnsCommand) connect() error {
	if c.zones.resolver != nil {
		return nil
	}
	c.options.port = 25
	verifier, err := c.options.verifier(c.stderr)
	if err != nil {
		return err
	}
	resolver, ok := verifier.Resolver.(*dnssec.Resolver)
	if !ok {
		return errors.New("the resolver does not validate")
	}
	c.zones.resolver = resolver
	if verifier.AllowAll {
		c.zones.allow = func(netip.Addr) bool { return true }
	}
	return nil
}
