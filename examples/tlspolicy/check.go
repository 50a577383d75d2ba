package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

const (
	// checkTimeout is how long the check of one server may take.
	checkTimeout = 5 * time.Second
	// goodFor and badFor are how long the outcome of a check counts.
	goodFor, badFor = 5 * time.Minute, 15 * time.Second
	// watchEvery is how often the file is looked at: it may be made anew at any time, by a DHCP
	// client for example, and lead to another server.
	watchEvery = time.Second
)

// A check says whether the C library, and so Postfix, gets the AD bit. Postfix looks up again
// what tlspolicy has found, and without that bit it takes dane for may.
type check struct {
	file string // resolv.conf
	log  *slog.Logger
	text atomic.Pointer[string] // what is lacking; empty for nothing
	seen fileState              // of what was checked
}

// A fileState is another one when a file has changed.
type fileState struct {
	modified time.Time
	size     int64
}

// state returns that of the file, with links followed; the zero state if it cannot be had.
func (c *check) state() fileState {
	info, err := os.Stat(c.file)
	if err != nil {
		return fileState{}
	}
	return fileState{info.ModTime(), info.Size()}
}

// lack says what is lacking; it is empty if nothing is, or nobody has looked.
func (c *check) lack() string {
	if c == nil || c.text.Load() == nil {
		return ""
	}
	return *c.text.Load()
}

// run checks until the context ends: when it is time, when it is told to, and when the file has
// changed.
func (c *check) run(ctx context.Context, again <-chan struct{}) {
	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	for checked := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-again:
		case <-watch.C:
			good := goodFor
			if c.lack() != "" {
				good = badFor
			}
			changed := c.state() != c.seen
			if !changed && time.Since(checked) < good {
				continue
			}
			if changed && c.lack() == "" {
				unknown := c.file + " has changed, and is being checked"
				c.text.Store(&unknown)
			}
		}
		c.now(ctx)
		checked = time.Now()
	}
}

// now checks, and logs what has changed.
func (c *check) now(ctx context.Context) {
	c.seen = c.state() // before it is read
	lack, warnings := c.look(ctx)
	if ctx.Err() != nil {
		return
	}
	before := c.text.Swap(&lack)
	switch {
	case before != nil && *before == lack:
	case lack != "":
		c.log.Error("Postfix's resolver does not do; dane and dane-only become TEMP", "file", c.file, "lacks", lack)
	default:
		c.log.Info("Postfix's resolver validates", "file", c.file)
		for _, w := range warnings {
			c.log.Warn("Postfix's resolver", "file", c.file, "warning", w)
		}
	}
}

// look returns what keeps Postfix from DANE, and what else an operator should know.
func (c *check) look(ctx context.Context) (lack string, warnings []string) {
	file, err := os.Open(c.file)
	if err != nil {
		return err.Error(), nil
	}
	defer file.Close()
	servers, options, err := readResolvConf(file)
	if err != nil {
		return err.Error(), nil
	}
	if !options["trust-ad"] {
		warnings = append(warnings, "without \"options trust-ad\" other programs than Postfix do not see the AD bit")
	}
	for _, server := range servers {
		if addr, err := netip.ParseAddr(server); err == nil && !addr.IsLoopback() {
			warnings = append(warnings, server+" is not on this machine: whoever is on the path to it can forge DANE")
		}
		if err := validates(ctx, server); err != nil {
			return fmt.Sprintf("the DNS server %s of %s %v", server, c.file, err), warnings
		}
	}
	return "", warnings
}

// maxResolvConf bounds what is read of a file.
const maxResolvConf = 64 << 10

// readResolvConf reads the servers that the C library asks (resolv.conf(5)).
func readResolvConf(r io.Reader) (servers []string, options map[string]bool, err error) {
	options = make(map[string]bool)
	lines := bufio.NewScanner(io.LimitReader(r, maxResolvConf))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) >= 2 && f[0] == "nameserver" && len(servers) < 3: // MAXNS
			servers = append(servers, f[1])
		case len(f) >= 2 && f[0] == "options":
			for _, option := range f[1:] {
				options[option] = true
			}
		}
	}
	if len(servers) == 0 {
		servers = []string{"127.0.0.1"}
	}
	return servers, options, lines.Err()
}

// validates returns what a server lacks. It has to set AD for the root, which is signed, for
// who sets DO (RFC 6840 §5.8). AD is not set, for there are servers that return it as it came.
func validates(ctx context.Context, server string) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	query := new(dns.Msg).SetQuestion(".", dns.TypeSOA)
	query.SetEdns0(1232, true)
	reply, err := (&upstream.Client{Address: server}).Exchange(ctx, &upstream.Query{Msg: query})
	switch {
	case err != nil:
		return fmt.Errorf("does not answer: %w", err)
	case reply.Msg.Rcode != dns.RcodeSuccess || len(reply.Msg.Answer) == 0:
		return fmt.Errorf("has no answer for the root zone: %s", dns.RcodeToString[reply.Msg.Rcode])
	case !reply.Msg.AuthenticatedData:
		return fmt.Errorf("does not validate: it sets no AD bit for the root zone, which is signed")
	}
	return nil
}
