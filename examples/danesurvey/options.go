package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/queue"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/work"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/examples/internal/daemon"
	"github.com/danesmtp/danesmtp/examples/internal/surveyflags"
)

// options are the flags of a survey. Those that were given are remembered in its folder.
type options struct {
	// What is asked about, which stays what it is.
	column, vantage string
	dnsOnly, demo   bool
	port            uint
	only4, only6    bool

	// How it is asked, which may change from one day to the next.
	dns          daemon.ResolverFlags
	recursive    bool
	local, hello string
	probeTimeout time.Duration
	timeout      time.Duration
	concurrency  int
	polite       surveyflags.Flags
	memory       uint // MiB
	sync         time.Duration

	shared    bool            // it is one of several machines that do this survey
	sharedDNS *queue.DNSLimit // then, made by verifier
}

const (
	defaultConcurrency = 32
	maxConcurrency     = 1024
	defaultMemory      = 64 // MiB
)

// fixed declares the flags that a survey is begun with.
func (o *options) fixed(f *cli.Flags) {
	f.Group("What is asked about")
	f.StringVar(&o.column, "column", "", "LIST is CSV: the domain is in the column with this `NAME`, or number from 1 on if no line has names")
	f.BoolVar(&o.dnsOnly, "dns-only", false, "look up only, and connect to no mail server")
	f.UintVar(&o.port, "port", 25, "SMTP port `N`")
	f.BoolVar(&o.only4, "4", false, "connect over IPv4 only; what is at IPv6 addresses is left out")
	f.BoolVar(&o.only6, "6", false, "connect over IPv6 only; what is at IPv4 addresses is left out")
	f.StringVar(&o.vantage, "vantage", "", "`NAME` of the vantage point, in each row")
	f.BoolVar(&o.demo, "demo", false, "survey the built-in Internet, whose servers are in this process: all its domains if there is no LIST")
}

// changing declares those that may be changed when a survey is gone on with.
func (o *options) changing(f *cli.Flags) {
	f.Group("The DNS")
	o.dns.System = true
	o.dns.Add(f.FlagSet)
	f.BoolVar(&o.recursive, "recursive", false, "ask no DNS server but those of the zones themselves, from the root down")
	f.Group("Connections to mail servers")
	f.StringVar(&o.local, "local", "", "source address `ADDR` of SMTP connections")
	f.StringVar(&o.hello, "helo", "", "`NAME` to give in EHLO (default: that of this machine)")
	f.DurationVar(&o.probeTimeout, "probe-timeout", time.Minute, "for one SMTP connection: a `DURATION`")
	o.polite.Declare(f)
	f.Group("This machine")
	f.IntVar(&o.concurrency, "concurrency", defaultConcurrency, "work on `N` domains at a time")
	f.DurationVar(&o.timeout, "timeout", 12*time.Minute, "for one domain, without what it waits for its turn: a `DURATION`")
	f.UintVar(&o.memory, "memory", defaultMemory, "keep at most `MIB` of what servers showed")
	f.DurationVar(&o.sync, "sync", work.DefaultSync, "have the disk take the results every `DURATION`: what a power cut may cost; the end of the process costs nothing")
}

// wrong returns what is wrong with the options.
func (o *options) wrong() error {
	const mib = 1 << 20
	switch {
	case o.only4 && o.only6:
		return errors.New("-4 and -6 leave nothing: give one of them")
	case o.port == 0 || o.port > 65535:
		return fmt.Errorf("-port %d: want 1 to 65535", o.port)
	case o.concurrency < 1 || o.concurrency > maxConcurrency:
		return fmt.Errorf("-concurrency %d: want 1 to %d", o.concurrency, maxConcurrency)
	case o.timeout <= 0 || o.probeTimeout <= 0 || o.sync <= 0:
		return errors.New("-timeout, -probe-timeout and -sync want a positive duration")
	case o.polite.Wrong() != nil:
		return o.polite.Wrong()
	case o.memory < 1 || o.memory > 1<<20:
		return fmt.Errorf("-memory %d: want 1 to %d", o.memory, mib)
	case o.hello != "" && strings.ContainsFunc(o.hello, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("-helo %q: want one word of ASCII characters", o.hello)
	case o.vantage != "" && row.CheckVantage(o.vantage) != nil:
		return fmt.Errorf("-vantage: %w", row.CheckVantage(o.vantage))
	}
	if _, err := survey.NewList(nil, o.column); err != nil {
		return fmt.Errorf("-%w", err)
	}
	return nil
}

// understood returns the flags that were given, but for those that are about this once, if they make sense together: the
// rule for run and worker.
func (o *options) understood(f *cli.Flags, once ...string) (map[string]string, error) {
	flags, err := given(f, once...)
	if err != nil {
		return nil, err
	}
	return flags, cmp.Or(o.wrong(), conflict(flags))
}

// isOn reports whether a flag was given, and not to take it back.
func isOn(flags map[string]string, name string) bool {
	return flags[name] != "" && flags[name] != "false"
}

// conflict returns which of the flags that were given do not go together: what would not be used is
// refused.
func conflict(flags map[string]string) error {
	if isOn(flags, "demo") {
		for _, name := range []string{"resolver", "recursive", "hints", "anchors", "trust-state", "local"} {
			if isOn(flags, name) {
				return fmt.Errorf("-demo has servers of its own, and takes no -%s", name)
			}
		}
	}
	if isOn(flags, "recursive") && isOn(flags, "resolver") {
		return errors.New("-recursive asks no resolver, and takes no -resolver: give one of them")
	}
	return nil
}

// files are the flags that name one, which is meant from where the flag was given.
var files = []string{"anchors", "hints", "trust-state"}

// given returns the flags that were set, by name, but for those that are about this once.
func given(f *cli.Flags, once ...string) (map[string]string, error) {
	set := make(map[string]string)
	f.Visit(func(one *flag.Flag) {
		set[one.Name] = one.Value.String()
		if part, ok := one.Value.(interface{ Given() string }); ok { // the rest may have been given before
			set[one.Name] = part.Given()
		}
	})
	for _, name := range once {
		delete(set, name)
	}
	for _, name := range files {
		if file := set[name]; file != "" {
			path, err := filepath.Abs(file)
			if err != nil {
				return nil, err
			}
			set[name] = path
		}
	}
	return set, nil
}

// replaced returns the flags of a survey without those that choose another way into the DNS than today's do.
func replaced(flags, today map[string]string) map[string]string {
	flags = maps.Clone(flags)
	if isOn(today, "recursive") || isOn(today, "hints") {
		delete(flags, "resolver")
	}
	if isOn(today, "resolver") {
		delete(flags, "recursive")
		delete(flags, "hints")
	}
	return flags
}

// remembered returns the options of a survey by its flags, those of today last. A limit without a rate
// leaves that as it was.
func remembered(flags, today map[string]string) (*options, map[string]string, error) {
	o, all := new(options), make(map[string]string)
	f := cli.NewFlags("run")
	o.fixed(f)
	o.changing(f)
	for _, some := range []map[string]string{replaced(flags, today), today} {
		for name, value := range some {
			if err := f.Set(name, value); err != nil {
				return nil, nil, fmt.Errorf("-%s %q: %w", name, value, err)
			}
			all[name] = f.Lookup(name).Value.String()
		}
	}
	return o, all, cmp.Or(o.wrong(), conflict(all))
}
