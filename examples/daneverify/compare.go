package main

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/compare"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// A comparison is -compare: after a domain is verified, its name servers are asked one by one.
type comparison struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error) // nil means a net.Dialer
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

// ask compares what a result is about; nil without -compare, or where there is nothing to ask.
// The servers are asked from this machine, whichever resolver finds them.
func (c *comparison) ask(ctx context.Context, v *dane.Verifier, r *dane.Result) *compare.Report {
	if c == nil || r.Domain == nil || r.Unresolved || ctx.Err() != nil {
		return nil
	}
	resolver, _ := v.Resolver.(*dnssec.Resolver)
	first, next := diagnosis.ServerQuestions(r.Domain.Name, v.Port)
	comparer := &compare.Comparer{Resolver: resolver, Dial: c.dial, Next: next}
	if v.AllowAll {
		comparer.Allow = func(netip.Addr) bool { return true }
	}
	report, _ := comparer.Compare(ctx, first) // which says what it lacks
	return report
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
