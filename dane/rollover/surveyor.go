package rollover

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/tlsa"
)

// Limits of a survey. The name servers of a zone, and their addresses, have those of
// [dnssec.Resolver.ZoneOf] and of [upstream.Authority.Delegation] besides.
const (
	// maxZones bounds the zones of the records: one, and those that aliases lead to.
	maxZones = 4
	// maxAskedAtOnce bounds the servers that are asked at a time.
	maxAskedAtOnce = 8
	// maxViews bounds the addresses that are asked, over all zones. A zone with sixteen
	// servers of two addresses each has 32.
	maxViews = 256
	// maxAskedAbove is how many servers of the zone above are asked for the delegation,
	// until one refers.
	maxAskedAbove = 4
	// surveyTime bounds one survey.
	surveyTime = 2 * time.Minute
)

// A Surveyor asks each name server of a zone by itself. The zero Surveyor asks as the zero
// [dnssec.Resolver] does. It is safe for concurrent use, and must not be changed after its
// first use.
type Surveyor struct {
	// Resolver finds the zone, its servers, and the keys above it. It validates. What it has
	// in its cache is believed, so a zone that moves to other servers is seen to once that
	// has expired. Nil means a new one for each survey.
	Resolver *dnssec.Resolver

	// Dial connects to the servers. Nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Allow reports whether an address may be asked. Nil refuses what an
	// [upstream.Authority] refuses: this machine, and its link.
	Allow func(netip.Addr) bool

	// SkipDelegation leaves out what only the zone above knows: for networks from which its
	// servers cannot be asked, but those of the zone can.
	SkipDelegation bool

	// Timeout is how long one server is waited for over UDP, and again over TCP. 0 means
	// five seconds.
	Timeout time.Duration

	// Time is the clock. Nil means time.Now.
	Time func() time.Time
}

func (s *Surveyor) now() time.Time {
	if s.Time != nil {
		return s.Time()
	}
	return time.Now()
}

// A Survey is what each name server says about the TLSA records of a port of a host.
type Survey struct {
	Host  string // lower case, without the final dot
	Owner string // of the records, as _25._tcp.mx.example.org.
	Time  time.Time
	Zones []*dnssec.Zone // that of the records, and those that aliases lead to
	Views []View

	// Unasked says who ought to have been asked as well, and why that was not possible.
	// Then nothing is sure.
	Unasked []string
}

// A View is what a sender gets whose resolver asks one server at one of its addresses.
type View struct {
	Zone, Server string
	Address      netip.Addr // not valid if the server's addresses could not be looked up
	Above        bool       // the zone above names this server, or this address, and the zone itself does not

	// Err is why there is no answer, and then Status is Bogus if the answer does not validate.
	Err    error
	Status dnssec.Status

	Records []tlsa.Record
	Serial  uint32 // of the SOA record

	TTL         time.Duration // for which a cache may keep the records
	NegativeTTL time.Duration // for which it may keep that there are no records (RFC 2308 §5)

	// Aliases lead from the owner to the records, the first target first; AliasTTL is the
	// longest time for which a cache may keep one of them.
	Aliases  []string
	AliasTTL time.Duration

	Inception, Expires time.Time // of the signature
}

// Name names the server and the address.
func (v *View) Name() string {
	name := strings.TrimSuffix(v.Server, ".")
	if !v.Address.IsValid() {
		return name
	}
	return fmt.Sprintf("%s (%s)", name, v.Address)
}

// Survey asks every name server of every zone that the records depend on, at each of its
// addresses: those that the zone names, and those that the zone above names. All answers are
// validated. host has no final dot, or has one; internationalized names are A-labels.
//
// Servers that cannot be asked are no error, but View.Err. The error, an *[Error], says that
// it is not known whom to ask, or that the zone is bogus.
func (s *Surveyor) Survey(ctx context.Context, host string, port uint16) (*Survey, error) {
	ctx, cancel := context.WithTimeout(ctx, surveyTime)
	defer cancel()
	host = strings.TrimSuffix(dns.CanonicalName(host), ".")
	survey := &Survey{Host: host, Owner: fmt.Sprintf("_%d._tcp.%s.", port, host), Time: s.now()}
	w := &work{Surveyor: s, Survey: survey, resolver: s.Resolver}
	if w.resolver == nil {
		w.resolver = new(dnssec.Resolver)
	}
	aliases, err := w.findZones(ctx)
	if err != nil {
		return nil, err
	}
	for _, zone := range survey.Zones {
		w.plan(ctx, zone)
	}
	w.askAll(ctx)
	w.compareAliases(aliases)
	w.lookAtHost(ctx)
	return survey, nil
}

// work is one survey.
type work struct {
	*Surveyor
	*Survey
	resolver *dnssec.Resolver
}

// compareAliases finds servers with other aliases than the resolver, which has a cache. The
// servers that those lead to were not asked.
func (w *work) compareAliases(known []string) {
	for i := range w.Views {
		if v := &w.Views[i]; v.Err == nil && !slices.Equal(v.Aliases, known) {
			w.unasked("%s has an alias, or its target, that the resolver does not have, so that not all are known who have the records: its cache may be older", v.Name())
			return
		}
	}
}

// lookAtHost finds out whether the host itself is an alias. Then senders look for the records
// of its target first, and for its own only if there are none (RFC 7672 §2.2.2).
func (w *work) lookAtHost(ctx context.Context) {
	answer, err := w.resolver.Lookup(ctx, w.Host+".", dns.TypeA)
	if err != nil {
		w.unasked("it is not known whether %s is an alias: %v", w.Host, err)
		return
	}
	if len(answer.Aliases) == 0 {
		return
	}
	target := answer.Aliases[len(answer.Aliases)-1].Target
	_, rest, _ := strings.Cut(w.Owner, "._tcp.")
	owner := strings.TrimSuffix(w.Owner, rest) + target
	records, err := w.resolver.Lookup(ctx, owner, dns.TypeTLSA)
	switch {
	case err != nil:
		w.unasked("%s is an alias of %s, and it is not known whether that has records: %v", w.Host, target, err)
	case len(records.Records) > 0:
		w.unasked("%s is an alias of %s, whose records at %s senders use in place of these: look at that host", w.Host, target, owner)
	}
}

// findZones finds the zones that the records depend on, and the targets of the aliases.
func (w *work) findZones(ctx context.Context) (targets []string, err error) {
	answer, err := w.resolver.Lookup(ctx, w.Owner, dns.TypeTLSA)
	if err == nil {
		for _, alias := range answer.Aliases {
			targets = append(targets, alias.Target)
		}
	}
	names := append([]string{w.Owner}, targets...)
	for _, name := range names {
		zone, err := w.resolver.ZoneOf(ctx, name)
		if err != nil {
			return nil, lookupError(err)
		}
		if slices.ContainsFunc(w.Zones, func(z *dnssec.Zone) bool { return z.Name == zone.Name }) {
			continue
		}
		if len(w.Zones) == maxZones {
			return nil, &Error{Reason: ReasonUnknown, Err: fmt.Errorf("its aliases lead through more than %d zones", maxZones)}
		}
		w.Zones = append(w.Zones, zone)
	}
	return targets, nil
}
