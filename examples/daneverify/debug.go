package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
)

// writeDebug writes every question, the queries sent for it, and what came of
// them, as mail gateways log them.
func writeDebug(w io.Writer, r *dane.Result) {
	for _, l := range r.Lookups() {
		rrtype := dns.Type(l.Type).String()
		say(w, "DNS query: Q('%s', '%s')", l.Name, rrtype)
		for _, e := range l.Exchanges {
			server := e.Server
			if server == "" {
				server = "nobody"
			}
			say(w, "DNS query: QIP ('%s','%s','%s',%s)", cmp.Or(strings.TrimSuffix(e.Name, "."), "."), dns.Type(e.Type), server, milliseconds(e.Elapsed))
			for _, err := range e.PassedOver {
				say(w, "DNS server passed over: %s", err)
			}
			switch {
			case e.Err != nil:
				say(w, "Received no DNS Response looking up %s %s: %s", e.Name, dns.Type(e.Type), e.Err)
			case e.RCode != dns.RcodeSuccess && e.RCode != dns.RcodeNameError:
				say(w, "Received an invalid DNS Response: %s from IP %s looking up %s %s", dns.RcodeToString[e.RCode], server, e.Name, dns.Type(e.Type))
			}
		}
		if len(l.Exchanges) == 0 {
			say(w, "DNS cache: ('%s','%s')", l.Name, rrtype)
		}
		for _, a := range l.Aliases {
			say(w, "DNS alias: %s -> %s, %s", a.Name, a.Target, a.Status)
		}
		switch {
		case l.Err != nil:
			say(w, "DNSSEC error for %s %s: %s: %s", l.Name, rrtype, l.Status, l.Err)
			continue
		case l.RCode == dns.RcodeNameError:
			say(w, "Received NXDOMAIN for domain %s type %s, %s", l.Name, rrtype, l.Status)
		case len(l.Records) == 0:
			say(w, "Received NODATA for domain %s type %s, %s", l.Name, rrtype, l.Status)
		default:
			say(w, "DNSSEC Response data(%q, %s, until %s)", l.Records, l.Status, l.Expires.UTC().Format(time.RFC3339))
		}
		if reason := l.Reason.String(); reason != "" {
			say(w, "DNSSEC reason: %s", reason)
		}
	}
	for _, h := range r.Hosts {
		why := ""
		if h.Err != nil {
			why = ": " + h.Err.Error()
		}
		say(w, "Host %s: %s%s", h.Name, h.Action, why)
	}
}

// milliseconds is a duration in ASCII, which that of package time is not.
func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.3fms", float64(d)/float64(time.Millisecond))
}
