//go:build interop

package interop

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// A differentialWorld is an Internet of zones with faults: all of them behind one
// named, an Unbound that passes on what that says, and one that validates.
type differentialWorld struct {
	cases               []*differentialCase
	zones               []*signedZone
	anchors             anchor.Set
	anchorsUnbound      string // the same
	anchorsBIND         string // the same, in a file
	recursor, validator int    // ports
}

// newDifferentialWorld makes the zones. The cases lie below three top-level domains,
// each of which denies in another way.
func newDifferentialWorld(seed uint64, cases int, now time.Time) (*differentialWorld, error) {
	keys, err := newKeyring()
	if err != nil {
		return nil, err
	}
	newParent := func(name string) *signedZone {
		z := newZone(name, keys, now)
		z.setKeys(dns.ECDSAP256SHA256, false)
		return z
	}
	root := newParent(".")
	var parents []*signedZone
	for _, name := range []string{"nsec.", "nsec3.", "optout."} {
		z := newParent(name)
		if name != "nsec." {
			z.setNSEC3(0, "")
		}
		z.optOut = name == "optout."
		root.add(name + " NS ns")
		root.addRecord(z.ds(0, dns.SHA256))
		parents = append(parents, z)
	}
	w := &differentialWorld{zones: append(parents, root)}

	for i := range cases {
		w.cases = append(w.cases, newCase(i, seed, parents[i%len(parents)], now))
	}
	for i, c := range w.cases {
		c.sibling = w.cases[(i+1)%cases]
		if err := c.fill(now); err != nil {
			return nil, fmt.Errorf("case %d: %w", c.number, err)
		}
		c.delegate()
	}
	for _, z := range w.zones {
		if err := z.sign(); err != nil {
			return nil, err
		}
	}
	for _, c := range w.cases {
		c.damage()
		w.zones = append(append(w.zones, c.zone), c.children...)
	}

	ds := root.ds(0, dns.SHA256)
	w.anchors = anchor.Set{{DS: ds}}
	w.anchorsUnbound = fmt.Sprintf(". DS %d %d %d %s", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
	w.anchorsBIND, err = lab.writeFile("differential.bind", fmt.Sprintf(
		"trust-anchors { . static-ds %d %d %d %q; };\n", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest))
	return w, err
}

// serve starts the servers, and sees to it that named took every zone.
func (w *differentialWorld) serve() error {
	authority, err := freePort()
	if err != nil {
		return err
	}
	if err := os.Mkdir(lab.path("differential"), 0o755); err != nil {
		return err
	}
	var conf strings.Builder
	fmt.Fprintf(&conf, namedOptions, authority, "recursion no; dnssec-validation no;")
	for i, z := range w.zones {
		file, err := lab.writeFile(fmt.Sprintf("differential/%d", i), z.String())
		if err != nil {
			return err
		}
		fmt.Fprintf(&conf, "zone %q { type primary; file %q; };\n", z.name, file)
	}
	if err := lab.startNamed("differential-named", conf.String(), answers(address(authority), ".", dns.TypeSOA)); err != nil {
		return err
	}
	for _, z := range w.zones {
		if err := answers(address(authority), z.name, dns.TypeSOA)(); err != nil {
			return fmt.Errorf("named does not serve a zone: %w", err)
		}
	}

	w.recursor, err = w.startUnbound("differential-unbound", "iterator",
		fmt.Sprintf("forward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@%d\n", authority))
	if err != nil {
		return err
	}
	w.validator, err = w.startUnbound("differential-validator", "validator iterator",
		fmt.Sprintf(" trust-anchor: '%s'\nforward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@%d\n", w.anchorsUnbound, w.recursor))
	return err
}

// Each answer is to be judged by itself, and not by what others have proven. A server that was
// slow, since it has to share the processor, is asked again all the same: with a lower limit it
// takes two late answers for Unbound to ask it no more.
const differentialUnbound = ` qname-minimisation: no
 harden-below-nxdomain: no
 aggressive-nsec: no
 infra-keep-probing: yes
 infra-cache-max-rtt: 10000
 incoming-num-tcp: 100
`

func (w *differentialWorld) startUnbound(name, modules, more string) (port int, err error) {
	if port, err = freePort(); err != nil {
		return 0, err
	}
	file, err := lab.writeFile(name+".conf", fmt.Sprintf(unboundServer, port, modules)+differentialUnbound+more)
	if err != nil {
		return 0, err
	}
	return port, lab.startDaemon(name, answers(address(port), ".", dns.TypeSOA), lab.path("bin-unbound"), "-d", "-c", file)
}

// caseOf returns the case in whose zone a name is.
func (w *differentialWorld) caseOf(name string) *differentialCase {
	for _, c := range w.cases {
		if dns.IsSubDomain(c.name, name) {
			return c
		}
	}
	return nil
}
