//go:build interop

package interop

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A tlsaMaker makes cases by chance.
type tlsaMaker struct {
	random   *rand.Rand
	stranger *tlsatest.CA
}

func newTLSAMaker(random *rand.Rand) *tlsaMaker {
	return &tlsaMaker{random, tlsatest.NewCA(tlsatest.Authority{Name: "Stranger"})}
}

// oneIn is true once in n times.
func (m *tlsaMaker) oneIn(n int) bool { return m.random.IntN(n) == 0 }

func choose[T any](m *tlsaMaker, from ...T) T { return from[m.random.IntN(len(from))] }

// The faults, by name. Each is one of a single certificate.
var (
	leafFaults = map[string]tlsatest.Fault{
		"Expired": tlsatest.Expired, "NotYetValid": tlsatest.NotYetValid, "WrongName": tlsatest.WrongName,
		"CommonNameOnly": tlsatest.CommonNameOnly, "ClientOnly": tlsatest.ClientOnly,
		"WrongSignature": tlsatest.WrongSignature, "UnknownExtension": tlsatest.UnknownExtension,
	}
	authorityFaults = map[string]tlsatest.Fault{
		"Expired": tlsatest.Expired, "NotYetValid": tlsatest.NotYetValid, "ClientOnly": tlsatest.ClientOnly,
		"NotCA": tlsatest.NotCA, "NoIntermediates": tlsatest.NoIntermediates,
		"WrongSignature": tlsatest.WrongSignature, "UnknownExtension": tlsatest.UnknownExtension,
	}
)

// fault chooses one of them, seldom.
func (m *tlsaMaker) fault(faults map[string]tlsatest.Fault) (string, tlsatest.Fault) {
	if !m.oneIn(5) {
		return "good", 0
	}
	var names []string
	for name := range faults {
		names = append(names, name)
	}
	slices.Sort(names) // a seed has to make the same again
	name := choose(m, names...)
	return name, faults[name]
}

// make makes a root, up to two intermediates, a server, what it presents of them, and
// records about any of them.
func (m *tlsaMaker) make() tlsaCase {
	var c tlsaCase
	authority := func(name string) tlsatest.Authority {
		fault, f := m.fault(authorityFaults)
		a := tlsatest.Authority{Name: name, Faults: f}
		switch m.random.IntN(12) {
		case 0:
			a.PermittedDNS, fault = []string{"example.org"}, fault+", permitted example.org"
		case 1:
			a.ExcludedDNS, fault = []string{"example.org"}, fault+", excluded example.org"
		}
		c.text += fmt.Sprintf("%s (%s), ", name, fault)
		return a
	}
	c.root = tlsatest.NewCA(authority("root"))
	cas := []*tlsatest.CA{c.root}
	for i := range m.random.IntN(3) {
		cas = append([]*tlsatest.CA{cas[0].NewCA(authority(fmt.Sprint("intermediate ", i)))}, cas...)
	}
	fault, f := m.fault(leafFaults)
	leaf := tlsatest.Leaf{Names: []string{choose(m, tlsaHost, tlsaHost, "*.example.org", "*.org", "m*.example.org", "MX.Example.ORG", "example.org")}, Faults: f}
	if m.oneIn(10) {
		leaf.CommonName = tlsaHost
	}
	c.partialWildcard = leaf.Names[0] == "m*.example.org"
	c.text += fmt.Sprintf("leaf for %s, CN %q (%s)", leaf.Names[0], leaf.CommonName, fault)
	server := cas[0].Issue(leaf)
	if m.oneIn(12) {
		server, cas = tlsatest.SelfSigned(leaf), nil
		c.text += ", self-signed"
	}

	others := m.present(&c, cas)
	c.server = server.TLSWith(others...)
	c.chain = append([]*x509.Certificate{server.Leaf}, others...)
	for range 1 + m.random.IntN(3) {
		c.records = append(c.records, m.record(server.Leaf, cas))
	}
	return c
}

// present chooses what the server sends after its own certificate.
func (m *tlsaMaker) present(c *tlsaCase, cas []*tlsatest.CA) []*x509.Certificate {
	var others []*x509.Certificate
	for _, ca := range cas {
		others = append(others, ca.Certificate)
	}
	shape := choose(m, "all", "all", "all", "no root", "no root", "alone", "disorder", "extra", "twice", "gap")
	switch {
	case len(others) == 0 || shape == "all":
	case shape == "no root":
		others = others[:len(others)-1]
	case shape == "alone":
		others = nil
	case shape == "disorder":
		slices.Reverse(others)
	case shape == "extra":
		others = append([]*x509.Certificate{m.stranger.Certificate}, others...)
	case shape == "twice":
		others = append(others, others...)
	case shape == "gap":
		others = others[1:]
	}
	c.text += ", presented " + shape
	return others
}

// record makes one about any of the certificates, mostly with a usage that fits.
func (m *tlsaMaker) record(leaf *x509.Certificate, cas []*tlsatest.CA) tlsa.Record {
	cert, usage := leaf, tlsa.DANEEE
	if len(cas) > 0 && !m.oneIn(4) {
		cert, usage = choose(m, cas...).Certificate, tlsa.DANETA
	}
	switch m.random.IntN(16) {
	case 0:
		cert = m.stranger.Certificate
	case 1:
		usage = choose(m, tlsa.DANEEE, tlsa.DANETA) // perhaps the wrong one
	case 2:
		usage -= 2 // PKIX
	}
	selector := choose(m, tlsa.Cert, tlsa.SPKI)
	r, err := tlsa.New(usage, selector, choose(m, tlsa.Full, tlsa.SHA256, tlsa.SHA256, tlsa.SHA512), cert)
	if err != nil {
		panic(err)
	}
	switch m.random.IntN(20) {
	case 0:
		if r.Matching != tlsa.Full {
			r.Data[0] ^= 1 // another certificate's
		}
	case 1:
		r.Data = r.Data[:len(r.Data)-1] // unusable
	case 2:
		r.Data = append(r.Data, 0) // unusable
	case 3:
		r.Selector = tlsa.SPKI - r.Selector // unusable if Full, else another's
	case 4:
		// What tools publish that could not read the key.
		switch r.Matching {
		case tlsa.SHA256:
			sum := sha256.Sum256(nil)
			r.Data = sum[:]
		case tlsa.SHA512:
			sum := sha512.Sum512(nil)
			r.Data = sum[:]
		}
	}
	return r
}
