//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// plan makes the lookups of a sweep in this process, and prints what they take of memory, how
// long the signatures that they verified take by crypto alone, and the queries as bare packets.
func plan(ctx context.Context, hints, anchors string, concurrency int, domains io.Reader, stdout io.Writer) error {
	names, err := lines(domains)
	if err != nil {
		return err
	}
	resolver, err := recursive(hints, anchors, new(upstream.Recursor))
	if err != nil {
		return err
	}
	before := memory()
	planAll(ctx, resolver, concurrency, names)
	after := memory()
	signatures, err := verified(ctx, resolver, names)
	if err != nil {
		return err
	}
	took, err := bare(signatures)
	if err != nil {
		return err
	}
	sent, err := queried(ctx, hints, anchors, concurrency, names)
	if err != nil {
		return err
	}
	exchanges, err := bareExchanges(sent, concurrency)
	if err != nil {
		return err
	}
	n := float64(len(names))
	_, err = fmt.Fprintf(stdout, "planned %d domains, each: %.0f allocations, %.1f kB allocated, %.1f kB of heap that stay, %.2f signatures, which take %.3f ms by crypto alone, %.2f queries, which take %.3f ms as bare packets\n",
		len(names), float64(after.Mallocs-before.Mallocs)/n, float64(after.TotalAlloc-before.TotalAlloc)/n/1000,
		float64(after.HeapAlloc-before.HeapAlloc)/n/1000, float64(len(signatures))/n, took.Seconds()*1000/n,
		float64(len(sent))/n, exchanges.Seconds()*1000/n)
	return err
}

func lines(r io.Reader) (all []string, err error) {
	scanner := bufio.NewScanner(r)
	for scanner.Scan() {
		all = append(all, strings.TrimSpace(scanner.Text()))
	}
	return all, scanner.Err()
}

// recursive is the resolver of daneverify -recursive, by a Recursor that has no hints yet.
func recursive(hints, anchors string, recursor *upstream.Recursor) (*dnssec.Resolver, error) {
	set, err := anchor.ReadFile(anchors)
	if err != nil {
		return nil, err
	}
	if recursor.Hints, err = upstream.ReadHints(hints); err != nil {
		return nil, err
	}
	return &dnssec.Resolver{Anchors: set, Exchanger: &upstream.Pool{Exchangers: []upstream.Exchanger{recursor}}}, nil
}

// memory is what was allocated so far, and what is left of it.
func memory() (m runtime.MemStats) {
	runtime.GC()
	runtime.GC() // what was in pools is free after the second
	runtime.ReadMemStats(&m)
	return m
}

// verified returns the signatures that the answers about the domains rest on, each once. The
// answers are cached.
func verified(ctx context.Context, resolver *dnssec.Resolver, domains []string) ([]signature, error) {
	seen := make(map[string]bool)
	var all []signature
	for _, domain := range domains {
		name := dns.Fqdn(domain)
		for _, q := range []dns.Question{
			{Name: name, Qtype: dns.TypeMX}, {Name: "mx." + name, Qtype: dns.TypeA},
			{Name: "mx." + name, Qtype: dns.TypeAAAA}, {Name: "_25._tcp.mx." + name, Qtype: dns.TypeTLSA},
		} {
			answer, _ := resolver.Lookup(ctx, q.Name, q.Qtype) // it may be broken on purpose
			links := answer.Chain()
			for _, link := range links {
				if len(link.Records) == 0 {
					continue // not proven
				}
				sig := link.Records[len(link.Records)-1].(*dns.RRSIG)
				if seen[sig.Signature] {
					continue
				}
				seen[sig.Signature] = true
				s, err := newSignature(link, sig, links)
				if err != nil {
					return nil, err
				}
				all = append(all, s)
			}
		}
	}
	return all, nil
}

// bare returns the CPU time that it takes to verify the signatures.
func bare(signatures []signature) (time.Duration, error) {
	const rounds = 3
	start, err := cpuTime()
	if err != nil {
		return 0, err
	}
	for range rounds {
		for _, s := range signatures {
			if !s.verify() {
				return 0, fmt.Errorf("a signature of %s does not verify", s.owner)
			}
		}
	}
	end, err := cpuTime()
	return (end - start) / rounds, err
}

// cpuTime is what this process has taken so far.
func cpuTime() (time.Duration, error) {
	var usage syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), err
}
