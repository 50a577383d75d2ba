package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// checkResolvers prints whether each DNS server is capable of DNSSEC, judged at a
// zone that is signed, and returns the exit status: success if one of them is.
func checkResolvers(ctx context.Context, o options, stdout, stderr io.Writer) int {
	servers, zone, anchors, err := o.configured(stderr)
	if err != nil {
		complain(stderr, err)
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	capabilities := make([]upstream.Capability, len(servers.Exchangers))
	misfits := make([]bool, len(servers.Exchangers))
	var all sync.WaitGroup
	for i, server := range servers.Exchangers {
		all.Go(func() {
			capabilities[i] = upstream.Probe(ctx, server, zone)
			capabilities[i].Server = fmt.Sprint(server)
			if capabilities[i].Capable() {
				misfits[i] = misfit(ctx, server, zone, anchors)
			}
		})
	}
	all.Wait()
	status := exitFailure
	for i, c := range capabilities {
		if c.Capable() && !misfits[i] {
			status = exitSuccess
		}
		if err := printCapability(stdout, c, misfits[i], &o); err != nil {
			complain(stderr, err)
			return exitUsage
		}
	}
	return status
}

// misfit reports whether the keys that a server has for a zone are none that there are trust
// anchors for.
func misfit(ctx context.Context, server upstream.Exchanger, zone string, anchors anchor.Set) bool {
	resolver := &dnssec.Resolver{Exchanger: server, Anchors: anchors}
	_, err := resolver.Lookup(ctx, zone, dns.TypeDNSKEY)
	e, ok := errors.AsType[*dnssec.Error](err)
	return ok && e.Status == dnssec.Bogus && e.Reason.Code == dnssec.EDEDNSKEYMissing
}

// configured returns the DNS servers that the flags or the system name, a zone that the trust
// anchors say is signed, and the anchors.
func (o *options) configured(stderr io.Writer) (*upstream.Pool, string, anchor.Set, error) {
	source, err := o.anchorSource(stderr)
	if err != nil {
		return nil, "", nil, err
	}
	anchors, err := source.Anchors(time.Now())
	if err != nil {
		return nil, "", nil, err
	}
	zone := "."
	if _, found := anchors.Enclosing("."); len(anchors) > 0 && !found {
		zone = anchors[0].Zone
	}
	servers, err := o.servers()
	if servers == nil && err == nil {
		servers, err = upstream.System()
	}
	return servers, zone, anchors, err
}

func printCapability(w io.Writer, c upstream.Capability, misfit bool, o *options) error {
	report := c.String()
	if misfit {
		report += ", but the trust anchors of this machine are of none of the keys that it has for " + c.Zone + ", so that nothing can be validated: see daneverify anchors"
	}
	if !o.json {
		server := c.Server
		if known := c.Known(); known != "" {
			server += " (" + known + ")"
		}
		text := printable.Line(fmt.Sprintf("%s %s", server, report))
		if o.screen.Terminal {
			_, err := io.WriteString(w, o.screen.Wrap("", "  ", text))
			return err
		}
		return say(w, "%s", text)
	}
	return json.NewEncoder(w).Encode(struct {
		Server  string `json:"server"`
		Known   string `json:"known,omitempty"`
		Zone    string `json:"zone"`
		Capable bool   `json:"capable"`
		Report  string `json:"report"`
	}{c.Server, c.Known(), c.Zone, c.Capable() && !misfit, printable.Line(report)})
}
