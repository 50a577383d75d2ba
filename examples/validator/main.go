// Command validator is a DNS server on loopback for programs that look at the AD bit:
// Postfix, Exim, OpenSSH, getaddrinfo and the like. It validates what the DNS says from
// the root's keys down, by package dnssec, and tells
//
//	secure           the answer, with AD for clients that set AD or DO (RFC 6840 §5.7)
//	insecure         the answer, without
//	bogus            SERVFAIL, with an extended error (RFC 8914) that says why
//	indeterminate    the same
//
// The last two are answered by the data as it came, without AD, to clients that set CD.
//
//	validator [flags]
//
// It is a stub's server, and not one for other validators: signatures and proofs are not
// passed on, whatever DO says, and negative answers have no SOA record. README.md says how
// to set it up, and when Unbound is the better choice.
//
// # Who may ask
//
// This machine alone. The AD bit is as good as the path that it comes by, and nobody
// should believe it from elsewhere. To serve others all the same, name them with -allow, and
// an address that they reach with -listen.
//
// # Limits
//
// 4096 queries at a time, 256 TCP connections an address, 15 seconds a query, 10 for an
// idle connection, 1232 octets a UDP reply. Beyond the first the answer is SERVFAIL, beyond
// the second the connection goes that was idle for the longest. Queries over one TCP connection
// are answered one after the other. Caches are bounded: see package dnssec. 4096 replies are kept,
// for the second in which they were made, and repeated to the same query over UDP.
//
// # Signals
//
// SIGTERM and SIGINT end the program when the queries that have come are answered, or after two
// seconds. SIGHUP changes nothing: files are read at the start.
//
// # Files
//
//   - answer.go: from a query to the reply
//   - unchecked.go: the data for clients that set CD
//   - server.go: who may ask, TCP, and the end
//   - udp.go: UDP
//   - repeat.go: replies that are given again
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/examples/internal/daemon"
)

const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

const (
	defaultListen  = "127.0.0.1:53"
	defaultTimeout = 15 * time.Second // three times that of a stub, whose second try may then find it
	maxInFlight    = 4096
)

func main() {
	// Queries make much garbage and little else: with the usual 100 a third of the time
	// would be spent on collecting it, for 15 MB less.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	os.Exit(run(ctx, os.Args[1:], hangup, os.Stderr))
}

// options are the flags.
type options struct {
	listen  []string
	allow   []netip.Prefix
	timeout time.Duration
	verbose bool

	resolver daemon.ResolverFlags
	started  func([]netip.AddrPort) // for tests; nil for nobody
}

// run is main without the process.
func run(ctx context.Context, args []string, hangup <-chan os.Signal, stderr io.Writer) int {
	o := new(options)
	switch err := o.parse(args, stderr); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		daemon.Complain(stderr, "validator", err)
		return exitUsage
	}
	return o.serve(ctx, hangup, stderr)
}

func (o *options) parse(args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("validator", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed once, by run
	var listen, allow string
	flags.StringVar(&listen, "listen", defaultListen, "serve at `ADDR[,ADDR…]`, over UDP and TCP")
	flags.StringVar(&allow, "allow", "", "serve these networks `PREFIX[,PREFIX…]`, besides this machine")
	flags.DurationVar(&o.timeout, "timeout", defaultTimeout, "for one query: a duration `D`")
	flags.BoolVar(&o.verbose, "v", false, "log replies that could not be sent, too")
	o.resolver.Add(flags)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stderr, "usage: validator [flags]\n\nServes DNS answers that are validated, for programs that look at the AD bit.\n\n")
			flags.SetOutput(stderr)
			flags.PrintDefaults()
		}
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q: there are flags only", flags.Arg(0))
	}
	if o.timeout <= 0 {
		return fmt.Errorf("-timeout %s: want a positive duration", o.timeout)
	}
	for prefix := range strings.SplitSeq(allow, ",") {
		if allow == "" {
			break
		}
		p, err := netip.ParsePrefix(prefix)
		if err != nil {
			return fmt.Errorf("-allow: %w", err)
		}
		o.allow = append(o.allow, p.Masked())
	}
	o.listen = strings.Split(listen, ",")
	for _, address := range o.listen {
		switch err := daemon.CheckLocal(address, 53); {
		case err == nil, errors.Is(err, daemon.ErrNotLocal) && len(o.allow) > 0:
		case errors.Is(err, daemon.ErrNotLocal):
			return fmt.Errorf("-listen: %w; name who may ask with -allow", err)
		default:
			return fmt.Errorf("-listen: %w", err)
		}
	}
	return nil
}

// serve serves until the context ends.
func (o *options) serve(ctx context.Context, hangup <-chan os.Signal, stderr io.Writer) int {
	level := slog.LevelInfo
	if o.verbose {
		level = slog.LevelDebug
	}
	log := daemon.Log(stderr, level)
	resolver, err := o.resolver.Resolver(log)
	if err != nil {
		daemon.Complain(stderr, "validator", err)
		return exitUsage
	}
	s := &server{
		responder: &responder{
			resolver: resolver, exchanger: resolver.Exchanger, timeout: o.timeout,
			inFlight: make(chan struct{}, maxInFlight), log: log,
		},
		allow: o.allow, log: log, errs: make(chan error, 1),
	}
	s.lookups, s.cancelLookups = context.WithCancel(context.WithoutCancel(ctx))
	defer s.cancelLookups()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go maintain(ctx, resolver, log)
	err = s.listenAll(o.listen)
	if err == nil {
		log.Info("ready", "listen", s.listening)
		daemon.Notify("READY=1")
		if o.started != nil {
			o.started(s.listening)
		}
	} else {
		cancel() // what has started ends
	}
	if fault := s.wait(ctx, hangup); err == nil {
		err = fault
	}
	daemon.Notify("STOPPING=1")
	if err != nil {
		log.Error("ended", "err", err)
		return exitFailure
	}
	log.Info("ended")
	return exitOK
}

// maintain keeps the trust anchors up to date, where they are tracked.
func maintain(ctx context.Context, resolver *dnssec.Resolver, log *slog.Logger) {
	err := resolver.MaintainAnchors(ctx, func(err error) { log.Warn("trust anchors", "err", err) })
	if err != nil && ctx.Err() == nil && !errors.Is(err, dnssec.ErrNotTracked) {
		log.Error("trust anchors are not maintained", "err", err)
	}
}
