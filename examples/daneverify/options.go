package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

const usage = `usage: daneverify [flags] DOMAIN…
       daneverify [flags] -input FILE|-

Checks what a sender of mail to each DOMAIN gets by DANE (RFC 7672).
Without any argument it runs a demonstration on this machine.

`

// options are the flags.
type options struct {
	resolver, hints, anchors, local string
	hello                           string
	curves                          []tls.CurveID
	trustState, anchorsUpdate       string
	recursive, checkResolver        bool
	showAnchors                     bool
	port                            uint
	mandatory, json, verbose        bool
	demo                            bool
	dnsOnly                         bool
	timeout, probeTimeout           time.Duration
	concurrency                     int
	input                           string // instead of domains
	domains                         []string

	stdin io.Reader
	auto  *upstream.Auto // chooses the DNS servers; nil if the flags do
}

// Tarpits hold a greeting back for 20 to 60 seconds. Time for one probe and the next,
// and for the DNS, is more than a person likes to wait, but they are few.
const (
	defaultProbeTimeout = time.Minute
	defaultTimeout      = 2 * defaultProbeTimeout
)

// Domains that are verified at the same time.
const (
	defaultConcurrency = 32
	// Each may have sockets open to several servers; systems allow a process about a
	// thousand without asking.
	maxConcurrency = 1024
)

// parse reads the command line. The error says what is wrong with it, or is flag.ErrHelp
// once help is printed.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := o.flags()
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stderr, usage)
			flags.SetOutput(stderr)
			flags.PrintDefaults()
		}
		return o, err
	}
	o.domains = flags.Args()
	return o, o.wrong()
}

// flags returns the flags, which set the options.
func (o *options) flags() *flag.FlagSet {
	flags := flag.NewFlagSet("daneverify", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed once, by run
	flags.StringVar(&o.resolver, "resolver", "", "DNS servers `ADDR[,ADDR…]` in order of priority: 192.0.2.1, [2001:db8::1]:5353,\ntcp://…, tls://192.0.2.1#NAME, https://… (default: the system's; the root servers if those are not capable)")
	flags.BoolVar(&o.recursive, "recursive", false, "ask no DNS server but those of the zones themselves, from the root down")
	flags.StringVar(&o.hints, "hints", "", "`FILE` of root server addresses for -recursive (default: the built-in ones)")
	flags.BoolVar(&o.checkResolver, "check-resolver", false, "say whether each DNS server is capable of DNSSEC; exit 0 if one is, 1 if none is")
	flags.StringVar(&o.anchors, "anchors", "", "`FILE` of trust anchors: DS or DNSKEY records, root-anchors.xml, of BIND or Unbound\n(default: the built-in root keys)")
	flags.StringVar(&o.trustState, "trust-state", "", "`FILE` that keeps the trust anchors up to date (RFC 5011), in the format of Unbound;\nmade of those of -anchors if it is not there")
	flags.StringVar(&o.anchorsUpdate, "anchors-update", "", "trust the anchors in `FILE` from now on, for -trust-state: root-anchors.xml of IANA, or any of -anchors")
	flags.BoolVar(&o.showAnchors, "show-anchors", false, "print the trust anchors, with their states for -trust-state")
	flags.UintVar(&o.port, "port", 25, "SMTP port `N`")
	flags.StringVar(&o.local, "local", "", "source address `ADDR` of SMTP connections")
	flags.StringVar(&o.hello, "helo", "", "`NAME` to give in EHLO (default: that of this machine, or where that has no dot its address in brackets)")
	flags.Func("curves", "offer these key exchanges in TLS, and no others: `NAME[,NAME…]` of X25519MLKEM768, X25519, P-256, P-384, P-521.\nWithout the first one the client's first message is small enough for any middlebox", func(list string) (err error) {
		o.curves, err = parseCurves(list)
		return err
	})
	flags.BoolVar(&o.mandatory, "mandatory", false, "judge by mandatory DANE instead of opportunistic")
	flags.BoolVar(&o.json, "json", false, "print one line of JSON a domain, as it is ready")
	flags.BoolVar(&o.dnsOnly, "dns-only", false, "look up only: print what is to be done with each mail server, and connect to none")
	flags.StringVar(&o.input, "input", "", "read domains from `FILE`, one a line; - is standard input")
	flags.IntVar(&o.concurrency, "concurrency", defaultConcurrency, "verify `N` domains at a time")
	flags.DurationVar(&o.timeout, "timeout", defaultTimeout, "for one domain, all in: a duration `D`")
	flags.DurationVar(&o.probeTimeout, "probe-timeout", defaultProbeTimeout, "for one SMTP connection: a duration `D`")
	flags.BoolVar(&o.verbose, "v", false, "print every query, answer, status and reason")
	flags.BoolVar(&o.demo, "demo", false, "use the built-in Internet")
	return flags
}

// wrong returns what is wrong with the options: what contradicts each other, or is missing.
func (o *options) wrong() error {
	switch {
	case o.anchorsUpdate != "" && o.trustState == "":
		return errors.New("-anchors-update is for -trust-state")
	case (o.showAnchors || o.anchorsUpdate != "") && (len(o.domains) > 0 || o.input != "" || o.checkResolver || o.demo):
		return errors.New("-show-anchors and -anchors-update take no domain, -input, -check-resolver or -demo")
	case len(o.domains) == 0 && o.input == "" && !o.demo && !o.checkResolver && !o.showAnchors && o.anchorsUpdate == "":
		return errors.New("no domain is given; -help lists the flags")
	case (len(o.domains) > 0 || o.input != "" || o.dnsOnly) && o.checkResolver:
		return errors.New("-check-resolver takes no domain, -input or -dns-only")
	case len(o.domains) > 0 && o.input != "":
		return errors.New("-input names the domains, and takes no others")
	case o.dnsOnly && (o.local != "" || o.hello != "" || o.curves != nil):
		return errors.New("-dns-only connects to no mail server, and takes no -local, -helo or -curves")
	case o.hello != "" && !isHello(o.hello):
		return fmt.Errorf("-helo %q: want one word of at most %d ASCII characters", o.hello, maxHello)
	case o.probeTimeout <= 0:
		return fmt.Errorf("-probe-timeout %s: want a positive duration", o.probeTimeout)
	case o.concurrency < 1 || o.concurrency > maxConcurrency:
		return fmt.Errorf("-concurrency %d: want 1 to %d", o.concurrency, maxConcurrency)
	case o.demo && (o.resolver != "" || o.recursive || o.checkResolver || o.anchors != "" || o.trustState != "" || o.local != "" || o.port != 25):
		return errors.New("-demo has servers of its own, and takes no -resolver, -recursive, -check-resolver, -anchors, -trust-state, -local or -port")
	case o.recursive && (o.resolver != "" || o.checkResolver):
		return errors.New("-recursive asks no resolver, and takes no -resolver or -check-resolver")
	case o.hints != "" && !o.recursive:
		return errors.New("-hints is for -recursive")
	case o.port == 0 || o.port > 65535:
		return fmt.Errorf("-port %d: want 1 to 65535", o.port)
	case o.timeout <= 0:
		return fmt.Errorf("-timeout %s: want a positive duration", o.timeout)
	}
	for _, domain := range o.domains {
		if strings.Trim(domain, " .") == "" {
			return fmt.Errorf("%q is no domain", domain)
		}
	}
	return nil
}

// maxHello bounds the name in EHLO (RFC 5321 §4.5.3.1.2).
const maxHello = 255

// isHello reports whether a name can be given in EHLO: one word of printable ASCII.
func isHello(name string) bool {
	name = strings.TrimSuffix(name, ".")
	return name != "" && len(name) <= maxHello && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
}
