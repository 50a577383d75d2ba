package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
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
		fmt.Fprintf(w, "DNS query: Q('%s', '%s')\n", l.Name, rrtype)
		for _, e := range l.Exchanges {
			server := e.Server
			if server == "" {
				server = "nobody"
			}
			fmt.Fprintf(w, "DNS query: QIP ('%s','%s','%s',%s)\n", cmp.Or(strings.TrimSuffix(e.Name, "."), "."), dns.Type(e.Type), server, e.Elapsed.Round(time.Microsecond))
			for _, err := range e.PassedOver {
				fmt.Fprintf(w, "DNS server passed over: %s\n", quoted(err.Error()))
			}
			switch {
			case e.Err != nil:
				fmt.Fprintf(w, "Received no DNS Response looking up %s %s: %s\n", e.Name, dns.Type(e.Type), quoted(e.Err.Error()))
			case e.RCode != dns.RcodeSuccess && e.RCode != dns.RcodeNameError:
				fmt.Fprintf(w, "Received an invalid DNS Response: %s from IP %s looking up %s %s\n", dns.RcodeToString[e.RCode], server, e.Name, dns.Type(e.Type))
			}
		}
		if len(l.Exchanges) == 0 {
			fmt.Fprintf(w, "DNS cache: ('%s','%s')\n", l.Name, rrtype)
		}
		for _, a := range l.Aliases {
			fmt.Fprintf(w, "DNS alias: %s -> %s, %s\n", a.Name, a.Target, a.Status)
		}
		switch {
		case l.Err != nil:
			fmt.Fprintf(w, "DNSSEC error for %s %s: %s: %s\n", l.Name, rrtype, l.Status, quoted(l.Err.Error()))
			continue
		case l.RCode == dns.RcodeNameError:
			fmt.Fprintf(w, "Received NXDOMAIN for domain %s type %s, %s\n", l.Name, rrtype, l.Status)
		case len(l.Records) == 0:
			fmt.Fprintf(w, "Received NODATA for domain %s type %s, %s\n", l.Name, rrtype, l.Status)
		default:
			fmt.Fprintf(w, "DNSSEC Response data(%q, %s, until %s)\n", l.Records, l.Status, l.Expires.UTC().Format(time.RFC3339))
		}
		if reason := l.Reason.String(); reason != "" {
			fmt.Fprintf(w, "DNSSEC reason: %s\n", quoted(reason))
		}
	}
	for _, h := range r.Hosts {
		fmt.Fprintf(w, "Host %s: %s", h.Name, h.Action)
		if h.Err != nil {
			fmt.Fprintf(w, ": %s", quoted(h.Err.Error()))
		}
		fmt.Fprintln(w)
	}
}

// quoted escapes what a server on the network may have put into a text.
func quoted(text string) string {
	q := strconv.QuoteToASCII(text)
	return strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
}
