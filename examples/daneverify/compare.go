package main

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/compare"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// A comparison is -compare: after a domain is verified, its name servers are asked one by one.
type comparison struct {
	dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil means a net.Dialer
	reports sync.Map                                                             // of *dane.Result to *compare.Report
}

// compareFlag declares -compare.
func (o *options) compareFlag(f *cli.Flags) {
	f.BoolFunc("compare", "ask each name server of the domain, its mail hosts and their TLSA records by itself, from this machine, and say where they disagree", func(value string) error {
		o.comparison = nil
		on, err := strconv.ParseBool(value)
		if on {
			o.comparison = new(comparison)
		}
		return err
	})
}

// after returns a check that compares what the first one was about. The servers are asked from
// this machine, whichever resolver finds them.
func (c *comparison) after(verify check, v *dane.Verifier) check {
	resolver, _ := v.Resolver.(*dnssec.Resolver)
	return func(ctx context.Context, domain string) (*dane.Result, error) {
		result, err := verify(ctx, domain)
		if result.Domain == nil || result.Unresolved || ctx.Err() != nil {
			return result, err
		}
		first, next := diagnosis.ServerQuestions(result.Domain.Name, v.Port)
		comparer := &compare.Comparer{Resolver: resolver, Dial: c.dial, Next: next}
		if v.AllowAll {
			comparer.Allow = func(netip.Addr) bool { return true }
		}
		if report, _ := comparer.Compare(ctx, first); report != nil { // which says what it lacks
			c.reports.Store(result, report)
		}
		return result, err
	}
}

// report returns what the name servers said, once; nil if they were not asked.
func (c *comparison) report(r *dane.Result) *compare.Report {
	if c == nil {
		return nil
	}
	report, _ := c.reports.LoadAndDelete(r)
	servers, _ := report.(*compare.Report)
	return servers
}

// A comparedReport has what the name servers said beside the findings, in JSON.
type comparedReport struct {
	diagnosis.Report
	NameServers *compare.Report `json:"name_servers,omitempty"`
}

// nameServers writes a table of the name servers: each with its address and serial number, and
// below it what differs.
func (v *forOperator) nameServers(b *bytes.Buffer, servers *compare.Report) {
	if servers == nil {
		return
	}
	s := v.screen
	for i := range servers.Zones {
		z := &servers.Zones[i]
		b.WriteByte('\n')
		b.WriteString(s.Wrap("", "  ", "Name servers of "+strings.TrimSuffix(printable.Line(z.Name), ".")+" ("+z.Status.String()+"):"))
		for _, row := range z.Rows() {
			b.WriteString(s.Wrap("  ", "    ", row.Server.String()+", serial "+row.Serial()))
			for _, remark := range row.Remarks {
				b.WriteString(s.Wrap("    ", "      ", remark))
			}
		}
	}
	b.WriteString(s.Wrap("", "  ", servers.Path.About()))
}
