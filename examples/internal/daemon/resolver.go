package daemon

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// ResolverFlags choose whom a resolver asks and what it trusts.
type ResolverFlags struct {
	// System: without flags those servers are asked that /etc/resolv.conf names, if they
	// are capable of DNSSEC. It is not for a program that the file may lead back to.
	System bool
	// Admit is for [upstream.Recursor], where there is one. Nil admits every query at once.
	Admit func(ctx context.Context, server netip.Addr) (done func(*upstream.Reply, error), err error)

	servers, hints, anchors, trustState string
}

// Add adds the flags.
func (f *ResolverFlags) Add(flags *flag.FlagSet) {
	standard := "none; the servers of the zones themselves, from the root down"
	if f.System {
		standard = "those of /etc/resolv.conf if they are capable, or else those of the zones themselves"
	}
	flags.StringVar(&f.servers, "resolver", "", "DNS servers `ADDR[,ADDR…]` to ask, in order of priority: 192.0.2.1, [2001:db8::1]:5353,\ntcp://…, tls://192.0.2.1#NAME, https://…, which must pass DNSSEC records on\n(default: "+standard+")")
	flags.StringVar(&f.hints, "hints", "", "`FILE` of root server addresses (default: the built-in ones)")
	flags.StringVar(&f.anchors, "anchors", "", "`FILE` of trust anchors: DS or DNSKEY records, root-anchors.xml, of BIND or Unbound\n(default: the built-in root keys)")
	flags.StringVar(&f.trustState, "trust-state", "", "`FILE` that keeps the trust anchors up to date (RFC 5011); once it exists, -anchors does not count")
}

// Direct reports whether the servers of the zones themselves are asked, whatever resolvers there are.
func (f *ResolverFlags) Direct() bool { return f.servers == "" && (f.hints != "" || !f.System) }

// Resolver returns what the flags ask for. log gets what becomes of tracked trust anchors.
func (f *ResolverFlags) Resolver(log *slog.Logger) (*dnssec.Resolver, error) {
	source, err := f.anchorSource(log)
	if err != nil {
		return nil, err
	}
	set, err := source.Anchors(time.Now())
	if err != nil && !errors.Is(err, anchor.ErrOutdated) { // which every lookup says
		return nil, err
	}
	exchanger, err := f.exchanger(set.Private())
	return &dnssec.Resolver{Exchanger: exchanger, Anchors: source}, err
}

func (f *ResolverFlags) exchanger(private bool) (upstream.Exchanger, error) {
	if f.servers != "" {
		if f.hints != "" {
			return nil, errors.New("-hints is for a start at the root, which -resolver replaces")
		}
		pool, err := upstream.Servers(strings.Split(f.servers, ",")...)
		if err != nil {
			return nil, fmt.Errorf("-resolver: %w", err)
		}
		return pool, nil
	}
	recursor := &upstream.Recursor{Admit: f.Admit}
	if f.hints != "" {
		var err error
		if recursor.Hints, err = upstream.ReadHints(f.hints); err != nil {
			return nil, fmt.Errorf("-hints: %w", err)
		}
	} else if f.System {
		if private {
			recursor = nil // the built-in root servers know nothing of it
		}
		return &upstream.Auto{Recursor: recursor, Private: private}, nil
	}
	// A pool of one, which finds out a network that answers in place of the servers.
	return &upstream.Pool{Exchangers: []upstream.Exchanger{recursor}}, nil
}

func (f *ResolverFlags) anchorSource(log *slog.Logger) (dnssec.AnchorSource, error) {
	set := anchor.Root()
	if f.anchors != "" {
		var err error
		if set, err = anchor.ReadFile(f.anchors); err != nil {
			return nil, fmt.Errorf("-anchors: %w", err)
		}
	}
	if f.trustState == "" {
		return set, nil
	}
	if _, err := os.Stat(f.trustState); err == nil && f.anchors != "" {
		log.Info("trust anchors are those of -trust-state; -anchors was for the first start", "file", f.trustState)
	}
	return &anchor.Tracker{
		Store: &anchor.FileStore{Path: f.trustState}, Start: set,
		Trace: func(zone string, changes []anchor.Change, err error) {
			for _, c := range changes {
				log.Info("trust anchor changed", "zone", zone, "tag", c.Key.KeyTag(), "from", c.From.String(), "to", c.To.String())
			}
			if err != nil {
				log.Warn("trust anchors", "zone", zone, "err", err)
			}
		},
	}, nil
}
