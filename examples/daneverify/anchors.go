package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// anchorSource returns the trust anchors of the flags, or the built-in ones: as they
// are, or tracked in a file.
func (o *options) anchorSource(stderr io.Writer) (dnssec.AnchorSource, error) {
	set := anchor.Root()
	if o.anchors != "" {
		var err error
		if set, err = anchor.ReadFile(o.anchors); err != nil {
			return nil, fmt.Errorf("-anchors: %w", err)
		}
	}
	if o.trustState == "" {
		o.trust.set = set
		return set, nil
	}
	tracker := &anchor.Tracker{
		Store: &anchor.FileStore{Path: o.trustState}, Start: set,
		Trace: func(zone string, changes []anchor.Change, err error) {
			for _, c := range changes {
				say(stderr, "daneverify: trust anchor of zone %s: key %d was %s, and is %s", zone, c.Key.KeyTag(), c.From, c.To)
			}
			if told := o.trust.fails(err); err != nil && !told {
				complain(stderr, err)
			}
		},
	}
	o.trust.follow(tracker, o.trustState, o.checking)
	return tracker, nil
}

// fixedAnchors returns the trust anchors that the flags name, or those that are built in: none of the
// demonstration, and none that are tracked, as their ends are not known.
func (o *options) fixedAnchors() anchor.Set {
	if o.demo || o.trustState != "" {
		return nil
	}
	if o.anchors == "" {
		return anchor.Root()
	}
	set, err := anchor.ReadFile(o.anchors)
	if err != nil {
		return nil // the verdict has said so
	}
	return set
}

// runAnchors is -anchors-update and -show-anchors.
func runAnchors(ctx context.Context, o options, stdout, stderr io.Writer) int {
	source, err := o.anchorSource(stderr)
	if err == nil {
		err = o.changeAnchors(ctx, source)
	}
	if err == nil && o.showAnchors {
		err = o.printAnchors(source, stdout)
	}
	if err != nil {
		complain(stderr, err)
		return exitUsage
	}
	return exitSuccess
}

// changeAnchors trusts what is in the file of -anchors-update from now on.
func (o *options) changeAnchors(ctx context.Context, source dnssec.AnchorSource) error {
	tracker, tracked := source.(*anchor.Tracker)
	if o.anchorsUpdate == "" || !tracked {
		return nil
	}
	set, err := anchor.ReadFile(o.anchorsUpdate)
	if err != nil {
		return fmt.Errorf("-anchors-update: %w", err)
	}
	return tracker.Replace(ctx, time.Now(), set)
}

// A shownZone is how -json prints a zone with trust anchors.
type shownZone struct {
	Zone        string     `json:"zone"`
	Revoked     bool       `json:"revoked,omitempty"`
	Keys        []shownKey `json:"keys"`
	LastQuery   *time.Time `json:"last_query,omitempty"`
	LastSuccess *time.Time `json:"last_success,omitempty"`
	NextQuery   *time.Time `json:"next_query,omitempty"`
	Failures    int        `json:"failures,omitempty"`
}

type shownKey struct {
	Tag       uint16     `json:"tag"`
	Algorithm string     `json:"algorithm"`
	State     string     `json:"state"` // that of the Tracker, or "configured"
	Since     *time.Time `json:"since,omitempty"`
	Seen      int        `json:"seen,omitempty"`
	DS        string     `json:"ds,omitempty"`     // digest type and digest
	DNSKEY    string     `json:"dnskey,omitempty"` // flags, protocol, algorithm and key
	Until     *time.Time `json:"until,omitempty"`
}

func (o *options) printAnchors(source dnssec.AnchorSource, stdout io.Writer) error {
	zones, err := shownZones(source, time.Now())
	if err != nil {
		return err
	}
	if o.json {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(zones)
	}
	for _, z := range zones {
		if err := z.write(stdout); err != nil {
			return err
		}
	}
	return nil
}

func shownZones(source dnssec.AnchorSource, now time.Time) ([]shownZone, error) {
	if tracker, ok := source.(*anchor.Tracker); ok {
		points, err := tracker.TrustPoints(now)
		if err != nil {
			return nil, err
		}
		var zones []shownZone
		for _, p := range points {
			zones = append(zones, shownPoint(p))
		}
		return zones, nil
	}
	set, err := source.Anchors(now)
	if err != nil {
		return nil, err
	}
	var zones []shownZone
	for _, a := range set {
		if len(zones) == 0 || zones[len(zones)-1].Zone != a.Zone {
			zones = append(zones, shownZone{Zone: a.Zone})
		}
		z := &zones[len(zones)-1]
		key := shownKey{State: "configured", Until: instant(a.Until)}
		switch {
		case a.DS != nil:
			key.addDS(a.DS)
		case a.Key != nil:
			key.addKey(a.Key)
		default: // a state file says that all were revoked
			z.Revoked = true
			continue
		}
		z.Keys = append(z.Keys, key)
	}
	return zones, nil
}

func shownPoint(p *anchor.TrustPoint) shownZone {
	z := shownZone{
		Zone: p.Zone, Revoked: p.Revoked, Failures: p.Failures,
		LastQuery: instant(p.LastQueried), LastSuccess: instant(p.LastSuccess), NextQuery: instant(p.NextQuery),
	}
	for _, record := range p.DS {
		key := shownKey{State: "configured"}
		key.addDS(record)
		z.Keys = append(z.Keys, key)
	}
	for _, k := range p.Keys {
		key := shownKey{State: k.State.String(), Since: instant(k.Changed), Seen: k.Seen}
		key.addKey(k.Key)
		z.Keys = append(z.Keys, key)
	}
	return z
}

func (k *shownKey) addDS(record *dns.DS) {
	k.Tag, k.Algorithm = record.KeyTag, algorithm(record.Algorithm)
	k.DS = fmt.Sprintf("%d %s", record.DigestType, record.Digest)
}

func (k *shownKey) addKey(key *dns.DNSKEY) {
	k.Tag, k.Algorithm = key.KeyTag(), algorithm(key.Algorithm)
	k.DNSKEY = fmt.Sprintf("%d %d %d %s", key.Flags, key.Protocol, key.Algorithm, key.PublicKey)
}

func algorithm(number uint8) string {
	if name, ok := dns.AlgorithmToString[number]; ok {
		return name
	}
	return fmt.Sprint(number)
}

func instant(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

// write prints the zone for a human.
func (z *shownZone) write(w io.Writer) error {
	var b strings.Builder
	state := ""
	if z.Revoked {
		state = ", all trust anchors revoked"
	}
	say(&b, "Zone %s%s", z.Zone, state)
	for _, k := range z.Keys {
		fmt.Fprintf(&b, "  key %d, %s: %s", k.Tag, k.Algorithm, k.State)
		if k.Since != nil {
			fmt.Fprintf(&b, " since %s", k.Since.Format(time.RFC3339))
		}
		if k.Seen > 0 {
			fmt.Fprintf(&b, ", seen in %d sets", k.Seen)
		}
		if k.Until != nil {
			fmt.Fprintf(&b, " until %s", k.Until.Format(time.RFC3339))
		}
		fmt.Fprintln(&b)
	}
	for _, line := range []struct {
		what string
		at   *time.Time
	}{{"last validated", z.LastSuccess}, {"last queried", z.LastQuery}, {"next query", z.NextQuery}} {
		if line.at != nil {
			fmt.Fprintf(&b, "  %s %s\n", line.what, line.at.Format(time.RFC3339))
		}
	}
	if z.Failures > 0 {
		fmt.Fprintf(&b, "  %d queries in vain since\n", z.Failures)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
