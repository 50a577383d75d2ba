package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/examples/daneverify/internal/monitor"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/examples/internal/surveyflags"
)

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
	input                           string            // instead of domains
	column                          string            // of input, if that is CSV
	considerate                     surveyflags.Flags // in going through it
	domains                         []string
	only4, only6                    bool

	checking bool // by the command check
	within   time.Duration
	strict   bool
	ignored  []diagnosis.Code // whose warnings are left out
	screen   cli.Screen
	trust    trustState

	stdin      io.Reader
	survey     *survey.Survey // of -input
	comparison *comparison    // of the name servers; nil without -compare
	pages      *pages         // for -html and -dot; nil without the flags

	auto *upstream.Auto // chooses the DNS servers; nil if the flags do
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

// flags declares all flags of a sender's verdict.
func (o *options) flags(f *cli.Flags) {
	o.dnsFlags(f)
	o.smtpFlags(f)
	o.listFlags(f)
	f.Group("What is judged, and how it is printed")
	f.BoolVar(&o.mandatory, "mandatory", false, "judge by mandatory DANE instead of opportunistic")
	f.BoolVar(&o.json, "json", false, "print one line of JSON a domain, as it is ready")
	f.BoolVar(&o.dnsOnly, "dns-only", false, "look up only: print what is to be done with each mail server, and connect to none")
	f.BoolVar(&o.verbose, "v", false, "print every query, answer, status and reason")
	o.pageFlags(f)
	f.Group("Instead of a verdict")
	f.BoolVar(&o.demo, "demo", false, "use the built-in Internet, as the command demo does")
	f.BoolVar(&o.checkResolver, "check-resolver", false, "say whether each DNS server is capable of DNSSEC, as the command resolver does; exit 0 if one is, 1 if none is")
	f.BoolVar(&o.showAnchors, "show-anchors", false, "print the trust anchors, with their states for -trust-state, as the command anchors does")
	o.updateFlag(f)
}

// dnsFlags declares those that are about DNS.
func (o *options) dnsFlags(f *cli.Flags) {
	f.Group("The DNS")
	f.StringVar(&o.resolver, "resolver", "", "DNS servers `ADDR[,ADDR…]` in order of priority: 192.0.2.1, [2001:db8::1]:5353, tcp://…, tls://192.0.2.1#NAME, https://… (default: the system's; the root servers if those are not capable)")
	f.BoolVar(&o.recursive, "recursive", false, "ask no DNS server but those of the zones themselves, from the root down")
	f.StringVar(&o.hints, "hints", "", "`FILE` of root server addresses for -recursive (default: the built-in ones)")
	o.anchorFlags(f)
}

func (o *options) anchorFlags(f *cli.Flags) {
	f.StringVar(&o.anchors, "anchors", "", "`FILE` of trust anchors: DS or DNSKEY records, root-anchors.xml, of BIND or Unbound (default: the built-in root keys)")
	f.StringVar(&o.trustState, "trust-state", "", "`FILE` that keeps the trust anchors up to date (RFC 5011), in the format of Unbound; made of those of -anchors if it is not there")
}

func (o *options) updateFlag(f *cli.Flags) {
	f.StringVar(&o.anchorsUpdate, "anchors-update", "", "trust the anchors in `FILE` from now on, for -trust-state: root-anchors.xml of IANA, or any of -anchors")
}

// smtpFlags declares those that are about connections to mail servers.
func (o *options) smtpFlags(f *cli.Flags) {
	f.Group("Connections to mail servers")
	f.UintVar(&o.port, "port", 25, "SMTP port `N`")
	f.BoolVar(&o.only4, "4", false, "connect over IPv4 only; what is at IPv6 addresses is left out")
	f.BoolVar(&o.only6, "6", false, "connect over IPv6 only; what is at IPv4 addresses is left out")
	f.StringVar(&o.local, "local", "", "source address `ADDR` of SMTP connections")
	o.helloFlags(f)
	f.DurationVar(&o.probeTimeout, "probe-timeout", defaultProbeTimeout, "for one SMTP connection: a `DURATION`")
}

// helloFlags declares those that mail servers see.
func (o *options) helloFlags(f *cli.Flags) {
	f.StringVar(&o.hello, "helo", "", "`NAME` to give in EHLO (default: that of this machine, or where that has no dot its address in brackets)")
	f.Func("curves", "offer these key exchanges in TLS, and no others: `NAME[,NAME…]` of X25519MLKEM768, X25519, P-256, P-384, P-521. Without the first one the client's first message is small enough for any middlebox", func(list string) (err error) {
		o.curves, err = parseCurves(list)
		return err
	})
}

// ignoreFlag declares what is left out of a judgement.
func (o *options) ignoreFlag(f *cli.Flags) {
	f.Func("ignore", "leave warnings with `CODE[,CODE…]` out: what is known and accepted, such as no-next-key", func(list string) (err error) {
		o.ignored, err = monitor.ParseCodes(list)
		return err
	})
}

// listFlags declares those that are about many domains.
func (o *options) listFlags(f *cli.Flags) {
	f.Group("Many domains, and time")
	f.StringVar(&o.input, "input", "", "read domains from `FILE`, one a line: names, ranks and names as in 1,example.org, e-mail addresses, or URLs; - is standard input")
	f.StringVar(&o.column, "column", "", "-input is CSV: the domain is in the column with this `NAME`, or number from 1 on if no line has names")
	f.IntVar(&o.concurrency, "concurrency", defaultConcurrency, "verify `N` domains at a time, besides those that wait for a server that is left alone")
	f.DurationVar(&o.timeout, "timeout", defaultTimeout, "for one domain, all in: a `DURATION`, of which waiting for its turn takes nothing")
	o.considerate.Declare(f)
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
	case o.column != "" && o.input == "":
		return errors.New("-column is for -input")
	case wrongColumn(o.column) != nil:
		return wrongColumn(o.column)
	case o.considerate.Given() && o.input == "":
		return errors.New("-per-address, -per-network, -per-provider, -per-dns-server, -pause and -share are for -input")
	case o.considerate.Wrong() != nil:
		return o.considerate.Wrong()
	case len(o.domains) > 0 && o.input != "":
		return errors.New("-input names the domains, and takes no others")
	case o.dnsOnly && (o.local != "" || o.hello != "" || o.curves != nil || o.only4 || o.only6):
		return errors.New("-dns-only connects to no mail server, and takes no -local, -helo, -curves, -4 or -6")
	case o.only4 && o.only6:
		return errors.New("-4 and -6 leave nothing: give one of them")
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
	return wrongDomains(o.domains)
}

// wrongDomains returns what is wrong with the domains of a command line. A word without a dot
// is a mistyped command, or looked like a domain in somebody's search list; it is never asked
// for.
func wrongDomains(domains []string) error {
	for _, domain := range domains {
		if strings.Trim(domain, " .") == "" {
			return fmt.Errorf("%q is no domain", domain)
		}
		if isWord(domain) {
			return fmt.Errorf("%q has no dot, so it is no domain%s top-level domain is asked for as %q", domain, notCommand(domain), domain+".")
		}
	}
	return nil
}

// notCommand says why a word is not taken for a command, up to the first word of what follows.
func notCommand(word string) string {
	var names []string
	for _, c := range program().Commands {
		if c.Name == word {
			return ", and the command " + word + " comes before flags and domains; a"
		}
		names = append(names, c.Name)
	}
	if meant := cli.DidYouMean(word, names); meant != "" {
		return meant + " A"
	}
	return ", and no command either; a"
}

// isWord reports whether a name is one label.
func isWord(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return r != '-' && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// maxHello bounds the name in EHLO (RFC 5321 §4.5.3.1.2).
const maxHello = 255

// isHello reports whether a name can be given in EHLO: one word of printable ASCII.
func isHello(name string) bool {
	name = strings.TrimSuffix(name, ".")
	return name != "" && len(name) <= maxHello && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
}
