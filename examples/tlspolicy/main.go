// Command tlspolicy answers the question that Postfix asks before it sends mail: which TLS
// policy is there for this destination? It is a table for smtp_tls_policy_maps to stand before
// those for MTA-STS, which would override DANE.
//
//	tlspolicy [flags]
//	tlspolicy [flags] -query NEXTHOP
//
// It looks up the destination's mail servers and their TLSA records with DNSSEC, validated by
// package dnssec, and answers
//
//	OK dane-only    every host that may be used has usable TLSA records
//	OK dane         some hosts have no TLSA records, or no usable ones; or a lookup for one
//	                failed, and all the others have TLSA records
//	TEMP reason     the MX lookup failed, or those for every host; or for one, and another one
//	                may be sent to in clear. The mail waits
//	NOTFOUND        DANE does not apply: the next table is asked
//
// The table is in decide.go. README.md has the lines for Postfix, and tells what -mixed costs.
// -query prints the answer to one key, and why; the exit status is 0, or 1 for TEMP.
//
// # Protocol
//
// socketmap_table(5), over TCP or UNIX sockets. The name of the table does not matter. Keys are
// those of smtp(8): a domain, .parent (which is NOTFOUND without a lookup), [host],
// [host]:port, domain:port.
//
// # What Postfix needs besides
//
// Postfix looks the records up again, by the servers of /etc/resolv.conf, and believes their AD
// bit; without that it would take dane for may. So these servers are checked, at the start,
// every few minutes, and when the file changes. If one does not validate, that is logged, and TEMP is the answer in place
// of dane and dane-only.
//
// # Limits
//
// Verdicts are kept as long as the DNS answers that they rest on. One that was asked for is looked
// up again when a tenth of that time is left, or five seconds if that is more, so that nobody waits
// for a destination that is asked for again and again. If that fails, it is kept until its end.
// One with a failed lookup is kept for ten seconds.
// Bounded are the octets of what is kept (-cache), the connections (-connections; beyond,
// the one goes that was idle for the longest), the lookups at a time (256, and 16384 that wait),
// the time for an answer (-timeout) and for a request (10 seconds from its first octet), its
// length (1024 octets; up to 100,000 are skipped and refused by PERM, and more close the connection).
// Of what clients do wrong twenty lines are logged, and then one a second, with how many there were.
//
// # Signals
//
// SIGHUP reads the policy again, forgets all verdicts, and checks Postfix's resolver. SIGTERM and
// SIGINT end the program when the requests that have come are answered.
//
// # Files
//
//   - decide.go: the table, and what a policy changes
//   - find.go: from a target to the verdict, by package dane
//   - finder.go, cache.go: lookups that are shared, verdicts that are kept
//   - key.go, netstring.go: what Postfix sends
//   - service.go: from a key to the answer
//   - server.go: connections
//   - check.go: the resolver that Postfix has
//   - policy.go: exceptions
//   - metrics.go: counters for Prometheus
//   - program.go: start, reload, end
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/danesmtp/danesmtp/examples/internal/daemon"
)

const (
	exitOK      = 0
	exitFailure = 1 // also of -query, for TEMP
	exitUsage   = 2
)

const (
	defaultListen      = "127.0.0.1:8463"
	defaultMode        = "666"
	defaultTimeout     = 10 * time.Second // of the 100 s that Postfix waits
	defaultCache       = 32               // MiB
	maxCache           = 1024             // MiB
	defaultConnections = 1000             // ten times the processes that Postfix has by default
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	os.Exit(run(ctx, os.Args[1:], hangup, os.Stdout, os.Stderr))
}

// options are the flags.
type options struct {
	listen      []string // nil if not given
	remote      bool
	mode        fs.FileMode
	metrics     string
	policy      string
	mixed       level
	timeout     time.Duration
	cache       int // MiB
	connections int
	resolvConf  string
	query       string
	verbose     bool

	resolver daemon.ResolverFlags
	started  func(addresses []string) // for tests; nil for nobody
}

// run is main without the process.
func run(ctx context.Context, args []string, hangup <-chan os.Signal, stdout, stderr io.Writer) int {
	o := new(options)
	switch err := o.parse(args, stderr); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		daemon.Complain(stderr, "tlspolicy", err)
		return exitUsage
	}
	level := slog.LevelInfo
	switch {
	case o.verbose:
		level = slog.LevelDebug
	case o.query != "":
		level = slog.LevelError // the answer is printed
	}
	p, err := o.program(daemon.Log(stderr, level))
	if err != nil {
		daemon.Complain(stderr, "tlspolicy", err)
		return exitUsage
	}
	if o.query != "" {
		return p.query(ctx, stdout)
	}
	return p.serve(ctx, hangup)
}

const usage = `usage: tlspolicy [flags]
       tlspolicy [flags] -query NEXTHOP

Serves the TLS policies that follow from DANE, for smtp_tls_policy_maps of Postfix.

`

func (o *options) parse(args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("tlspolicy", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed once, by run
	var listen, mode, mixed string
	flags.StringVar(&listen, "listen", "", "serve at `ADDR[,ADDR…]`: 127.0.0.1:8463, [::1]:8463, unix:PATH\n(default: the sockets of systemd, or else "+defaultListen+")")
	flags.BoolVar(&o.remote, "remote", false, "allow addresses that other machines reach")
	flags.StringVar(&mode, "mode", defaultMode, "permissions `N` of UNIX sockets, octal")
	flags.StringVar(&o.metrics, "metrics", "", "serve metrics for Prometheus at http://`ADDR`/metrics")
	flags.StringVar(&o.policy, "policy", "", "`FILE` of exceptions, in the JSON form of package dane")
	flags.StringVar(&mixed, "mixed", string(levelDANE), "`LEVEL` if some hosts have TLSA records, and others not: dane or dane-only")
	flags.DurationVar(&o.timeout, "timeout", defaultTimeout, "for one answer: a duration `D`")
	flags.IntVar(&o.cache, "cache", defaultCache, "keep verdicts in `N` MiB")
	flags.IntVar(&o.connections, "connections", defaultConnections, "`N` connections at each address")
	flags.StringVar(&o.resolvConf, "resolv-conf", "/etc/resolv.conf", "`FILE` that leads Postfix to its resolver, which is checked; empty for no check")
	flags.StringVar(&o.query, "query", "", "print the answer for `NEXTHOP`, and why")
	flags.BoolVar(&o.verbose, "v", false, "log every answer")
	o.resolver.System = true
	o.resolver.Add(flags)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stderr, usage)
			flags.SetOutput(stderr)
			flags.PrintDefaults()
		}
		return err
	}
	bits, err := strconv.ParseUint(mode, 8, 9)
	o.mode, o.mixed = fs.FileMode(bits), level(mixed)
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("%q: there are flags only; -query takes a destination", flags.Arg(0))
	case err != nil:
		return fmt.Errorf("-mode %s: want octal permissions, such as 660", mode)
	case o.mixed != levelDANE && o.mixed != levelDANEOnly:
		return fmt.Errorf("-mixed %s: want dane or dane-only", mixed)
	case o.timeout <= 0 || o.timeout > lookupTimeout:
		return fmt.Errorf("-timeout %s: want a positive duration up to %s", o.timeout, lookupTimeout)
	case o.cache < 1 || o.cache > maxCache:
		return fmt.Errorf("-cache %d: want 1 to %d MiB", o.cache, maxCache)
	case o.connections < 1:
		return fmt.Errorf("-connections %d: want at least one", o.connections)
	}
	if listen != "" {
		o.listen = strings.Split(listen, ",")
	}
	return o.checkAddresses()
}

// checkAddresses sees that nobody is served by accident.
func (o *options) checkAddresses() error {
	for _, address := range o.listen {
		if err := o.checkAddress(address, 8463); err != nil {
			return fmt.Errorf("-listen: %w", err)
		}
	}
	if o.metrics != "" {
		if err := o.checkAddress(o.metrics, 9463); err != nil {
			return fmt.Errorf("-metrics: %w", err)
		}
	}
	return nil
}

// checkAddress checks one; the port is that of examples.
func (o *options) checkAddress(address string, port int) error {
	path, unix := strings.CutPrefix(address, "unix:")
	switch {
	case unix && path == "":
		return fmt.Errorf("%q: want unix: and a path", address)
	case !unix && strings.Contains(address, "/"):
		return fmt.Errorf("%q: a UNIX socket is written unix:%s", address, address)
	case unix, o.remote:
		return nil
	}
	err := daemon.CheckLocal(address, port)
	if errors.Is(err, daemon.ErrNotLocal) {
		return fmt.Errorf("%w; -remote allows that", err)
	}
	return err
}
