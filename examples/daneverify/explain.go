package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/net/idna"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/explanation"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// commandExplain shows why a verdict, or an answer, is what it is.
func commandExplain() *cli.Command {
	return &cli.Command{
		Name: "explain", Summary: "show why: the chain of trust, and each rule that applies",
		Usage: []string{"[flags] DOMAIN", "[flags] NAME TYPE"},
		About: `Shows the chain of trust from the root's keys to each fact about the mail of DOMAIN: zones, keys,
DS records, signatures with the time they have left, what is denied by which record, and who said it. Then
each rule that a sender applies, with its RFC, down to the digest in each TLSA record beside that of the
certificate. A chain that is broken ends with the reason, and with what the signature said.

NAME TYPE is a single question to the DNS.`,
		Examples: []cli.Example{
			{Line: "daneverify explain example.org"},
			{Line: "daneverify explain _25._tcp.mx.example.org TLSA", About: "why these TLSA records are secure, or not, or proven not to exist"},
			{Line: "daneverify explain -demo bogus.example", About: "on an Internet that is built in"},
		},
		Exits: []cli.Exit{
			{Status: exitSuccess, Means: "the domain is a success; of a question: the answer is secure"},
			{Status: exitFailure, Means: "the domain is a failure; of a question: the answer is bogus, or there is none"},
			{Status: exitNoDANE, Means: "the domain has no DANE; of a question: the answer is insecure"},
			{Status: exitUsage, Means: "a mistake in the command line, no DNS server that is capable of DNSSEC, a lack of this machine, or an interrupt"},
		},
		Begin: func(f *cli.Flags) cli.Run {
			o := defaults()
			o.dnsFlags(f)
			o.smtpFlags(f)
			f.Group("What is judged, and how it is printed")
			f.BoolVar(&o.mandatory, "mandatory", false, "judge by mandatory DANE instead of opportunistic")
			f.BoolVar(&o.dnsOnly, "dns-only", false, "look up only, and connect to no mail server")
			f.BoolVar(&o.json, "json", false, "print one line of JSON")
			f.BoolVar(&o.demo, "demo", false, "ask the built-in Internet")
			f.DurationVar(&o.timeout, "timeout", defaultTimeout, "for all of it: a `DURATION`")
			return o.explain
		},
	}
}

// explain runs the command.
func (o *options) explain(ctx context.Context, s cli.Streams, args []string) (int, error) {
	qtype, err := o.toExplain(args)
	if err != nil {
		return exitUsage, err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	var v *dane.Verifier
	if o.demo {
		internet := danetest.NewInternet()
		defer internet.Close()
		v, err = o.demoVerifier(internet)
	} else {
		v, err = o.verifier(s.Err)
	}
	if err != nil {
		return exitUsage, err
	}
	var e *explanation.Explanation
	var exit int
	if qtype != 0 {
		e, exit, err = explainAnswer(ctx, v.Resolver, o.domains[0], qtype)
	} else {
		e, exit, err = o.explainDomain(ctx, v)
	}
	if err != nil {
		return exitUsage, err
	}
	if o.json {
		err = json.NewEncoder(s.Out).Encode(e)
	} else {
		err = e.WriteText(s.Out, s.Screen.Columns())
	}
	if err != nil {
		return exitUsage, err
	}
	return exit, nil
}

// toExplain reads the arguments: the domain, or a name and a type. It returns the type, or 0
// for a domain, and what is wrong with the flags.
func (o *options) toExplain(args []string) (qtype uint16, err error) {
	switch len(args) {
	case 0:
		return 0, errors.New("no domain is given; want DOMAIN, or NAME TYPE")
	case 1:
		o.domains = args
		return 0, o.wrong()
	case 2:
		if qtype = typeOf(args[1]); qtype == 0 {
			return 0, fmt.Errorf("%q is no type of records: want DOMAIN, or NAME and a type such as TLSA", args[1])
		}
		name, err := idna.ToASCII(args[0])
		if _, valid := dns.IsDomainName(name); !valid || name == "" || err != nil {
			return 0, fmt.Errorf("%q is no name", args[0])
		}
		o.domains = []string{name}
		if name == "." { // which has types, and no mail
			check := *o
			check.domains = []string{"a.root"}
			return qtype, check.wrong()
		}
		return qtype, o.wrong()
	}
	return 0, errors.New("too many names: want one DOMAIN, or NAME TYPE")
}

// typeOf returns a type by its name, in the form for unknown ones, too (RFC 3597 §5); 0 if it
// is none that can be asked for.
func typeOf(name string) uint16 {
	name = strings.ToUpper(name)
	qtype := dns.StringToType[name]
	if number, ok := strings.CutPrefix(name, "TYPE"); ok && qtype == 0 {
		if _, err := fmt.Sscanf(number, "%d", &qtype); err != nil || fmt.Sprint(qtype) != number {
			return 0
		}
	}
	if qtype >= 128 && qtype <= 255 || qtype == dns.TypeOPT || qtype == dns.TypeRRSIG { // RFC 6895 §3.1, and what is not one RRset
		return 0
	}
	return qtype
}

// explainDomain explains what a sender gets.
func (o *options) explainDomain(ctx context.Context, v *dane.Verifier) (*explanation.Explanation, int, error) {
	checker := &dane.Checker{Verifier: v, ChainRecords: true, AllCertificates: true}
	verify := checker.Verify
	if o.dnsOnly {
		verify = checker.Plan
	}
	result, err := verify(ctx, o.domains[0])
	if errors.Is(err, dane.ErrName) {
		return nil, exitUsage, err
	}
	return explanation.Domain(result, explanation.Options{}), status(result, err), nil
}

// explainAnswer explains the answer to a question.
func explainAnswer(ctx context.Context, r dane.Resolver, name string, qtype uint16) (*explanation.Explanation, int, error) {
	answer, err := r.Lookup(ctx, name, qtype)
	exit := exitFailure
	if failed, ok := errors.AsType[*dnssec.Error](err); ok && failed.Local() {
		return nil, exitUsage, err
	}
	if _, incapable := errors.AsType[*upstream.CapabilityError](err); incapable {
		exit = exitUsage
	}
	if err == nil && answer.Status == dnssec.Secure {
		exit = exitSuccess
	} else if err == nil {
		exit = exitNoDANE
	}
	return explanation.Answer(name, qtype, answer, err, explanation.Options{}), exit, nil
}
