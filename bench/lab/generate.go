package main

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/bench/lab/internal/zone"
)

// The root is signed as the real one is, with RSA and NSEC. The top-level domain is like
// a large one: P-256, and NSEC3 that leaves unsigned delegations out.
const tld = "test."

// zoneFiles is the folder of the zones in that of make.
const zoneFiles = "zones"

const (
	signedBefore = 24 * time.Hour
	signedFor    = 30 * 24 * time.Hour
)

// generate writes n domains with their zones, their parents' zones, trust anchors in
// the form of each program, and the mail servers' keys.
func generate(dir string, n int, now time.Time) error {
	if err := errors.Join(os.RemoveAll(filepath.Join(dir, zoneFiles)), os.MkdirAll(filepath.Join(dir, zoneFiles), 0o755)); err != nil {
		return err
	}
	h, err := newHierarchy(dir, n, now)
	if err != nil {
		return err
	}
	if err := h.writeZones(filepath.Join(dir, zoneFiles)); err != nil {
		return err
	}
	var list strings.Builder
	for _, leaf := range h.leaves {
		fmt.Fprintln(&list, leaf)
	}
	key, ds := h.root.KSK.Record, h.root.DS()
	return writeFiles(dir, map[string]string{
		"domains.txt":         list.String(),
		"root.ds":             ds.String() + "\n",
		"root.hints":          ". 3600000 NS ns.root-servers.\nns.root-servers. 3600000 A " + rootAddress + "\n",
		"anchor.bind.conf":    fmt.Sprintf("trust-anchors {\n\t\".\" static-key %d %d %d %q;\n};\n", key.Flags, key.Protocol, key.Algorithm, key.PublicKey),
		"anchor.recursor.lua": fmt.Sprintf("clearTA(\".\")\naddTA(\".\", \"%d %d %d %s\")\n", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest),
	})
}

func writeFiles(dir string, files map[string]string) error {
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// A hierarchy is the whole DNS of the laboratory.
type hierarchy struct {
	root, top *zone.Zone
	leaves    []*leaf
}

func newHierarchy(dir string, n int, now time.Time) (*hierarchy, error) {
	ta, ee, err := writeIssuer(dir, now)
	if err != nil {
		return nil, err
	}
	parent := func(apex, server, address string, algorithm uint8, denial zone.Denial) (*zone.Zone, error) {
		z := &zone.Zone{Apex: apex, Denial: denial, Inception: now.Add(-signedBefore), Expiration: now.Add(signedFor)}
		var errs [3]error
		z.KSK, errs[0] = zone.NewKey(apex, algorithm, zone.KeySigning)
		z.ZSK, errs[1] = zone.NewKey(apex, algorithm, zone.ZoneKey)
		errs[2] = z.Add(start(apex, server, address)...)
		return z, errors.Join(errs[:]...)
	}
	root, err := parent(".", "ns.root-servers.", rootAddress, dns.RSASHA256, zone.NSEC)
	if err != nil {
		return nil, err
	}
	top, err := parent(tld, "ns.nic."+tld, tldAddress, dns.ECDSAP256SHA256, zone.NSEC3OptOut)
	if err != nil {
		return nil, err
	}
	if err := root.Add(tld+" NS ns.nic."+tld, "ns.nic."+tld+" A "+tldAddress); err != nil {
		return nil, err
	}
	root.Records = append(root.Records, top.DS())
	h := &hierarchy{root: root, top: top}
	maker := &leafMaker{now: now, ta: ta, ee: ee}
	for i := range n {
		leaf, err := maker.leaf(i)
		if err != nil {
			return nil, err
		}
		if err := top.Add(leaf.Apex+" NS ns1."+leaf.Apex, "ns1."+leaf.Apex+" A "+leafAddress); err != nil {
			return nil, err
		}
		if ds := leaf.delegation(); ds != nil {
			top.Records = append(top.Records, ds)
		}
		h.leaves = append(h.leaves, leaf)
	}
	return h, nil
}

// start returns the first records of a zone with one server.
func start(apex, server, address string) []string {
	return []string{
		apex + " SOA " + server + " hostmaster." + server + " 1 7200 3600 1209600 3600",
		apex + " NS " + server, server + " A " + address,
	}
}

// writeZones signs all zones.
func (h *hierarchy) writeZones(dir string) error {
	all := func(yield func(*leaf) bool) {
		for _, parent := range []*zone.Zone{h.root, h.top} {
			if !yield(&leaf{Zone: *parent, class: secure}) {
				return
			}
		}
		slices.Values(h.leaves)(yield)
	}
	return parallel(all, func(l *leaf) error {
		records, err := l.Sign()
		if err != nil {
			return err
		}
		return writeZone(dir, l.Apex, l.spoil(records))
	})
}

// parallel calls a function with all values, as many at a time as there are processors.
func parallel[T any](values iter.Seq[T], f func(T) error) error {
	work := make(chan T)
	errs := make([]error, runtime.GOMAXPROCS(0))
	var workers sync.WaitGroup
	for i := range errs {
		workers.Go(func() {
			for value := range work {
				errs[i] = errors.Join(errs[i], f(value))
			}
		})
	}
	for value := range values {
		work <- value
	}
	close(work)
	workers.Wait()
	return errors.Join(errs...)
}

func writeZone(dir, apex string, records []dns.RR) error {
	name := apex + "zone"
	if apex == "." {
		name = "root.zone"
	}
	var text bytes.Buffer
	for _, rr := range records {
		fmt.Fprintln(&text, rr)
	}
	return os.WriteFile(filepath.Join(dir, name), text.Bytes(), 0o644)
}
