package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
)

// Whatever DNS servers and a plugged-in resolver say, -v writes lines of its own only.
func TestDebugIsPrintable(t *testing.T) {
	t.Parallel()
	const evil = "x\r\nDANE SUCCESS\x1b[2J\u009b\u202e\u2028\xff"
	cause := errors.New(evil)
	exchange := dnssec.Exchange{Name: evil, Server: evil, Network: evil, RCode: 2, PassedOver: []error{cause}}
	failed := exchange
	failed.Err = cause
	var b strings.Builder
	writeDebug(&b, &dane.Result{
		Domain: &dane.Domain{Name: evil, Lookup: dane.Lookup{
			Name: evil, Records: []string{evil}, Exchanges: []dnssec.Exchange{exchange, failed},
			Aliases: []dnssec.Alias{{Name: evil, Target: evil}}, Reason: dnssec.Reason{Name: evil, Text: evil}}},
		Hosts: []dane.HostResult{{Host: &dane.Host{Name: evil, Err: cause, Lookups: []dane.Lookup{{Name: evil, Err: cause}, {Name: evil}}}}},
	})
	if b.Len() == 0 {
		t.Error("nothing was written")
	}
	for line := range strings.Lines(b.String()) {
		if line = strings.TrimSuffix(line, "\n"); strings.HasPrefix(line, "DANE") || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q", line)
		}
	}
}
