package report

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/net/publicsuffix"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec"
)

// A kind is what the lines of a table are about.
type kind uint8

const (
	ofFinding kind = iota
	ofActor
	ofProvider
	ofOperator
	ofDNSSEC
	ofAlgorithm
	ofTLSAAlgorithm
	ofParameters
	ofSet
	ofScheme
	ofVersion
	ofIssuer
	ofUnknown
	kinds
)

// Lines that are not named for a stranger. No name of a domain, an issuer or a finding is in
// parentheses.
const (
	own        = "(own)"         // servers within the domain that they are for
	selfSigned = "(self-signed)" // no issuer but itself
	nameless   = "(no name)"     // an issuer without one
)

// mustAuthenticate is the action for a host with TLSA records that count.
const mustAuthenticate = "must-authenticate"

// dane reports whether a host of the provider, or any if it is empty, has TLSA records that
// count.
func (e *entry) dane(provider string) bool {
	return slices.ContainsFunc(e.Hosts, func(h host) bool {
		return h.Action == mustAuthenticate && (provider == "" || e.registered(h.Host) == provider)
	})
}

// count counts a domain in all tables.
func (n *numbers) count(e *entry) {
	dane := e.dane("")
	if !e.NoVerdict {
		n.findings(e, dane) // what was found without one says nothing about the domain
	}
	for _, provider := range distinct(e.providers()) {
		n.tables[ofProvider].add(provider, e.tally(e.dane(provider)))
	}
	n.operators(e, dane)
	for _, table := range []struct {
		kind
		names []string
	}{
		{ofDNSSEC, []string{e.dnssec()}},
		{ofAlgorithm, e.algorithms("MX")}, {ofTLSAAlgorithm, e.algorithms("TLSA")},
		{ofParameters, e.parameters()}, {ofSet, e.sets()}, {ofScheme, e.schemes()},
		{ofVersion, e.versions()}, {ofIssuer, e.issuers()},
	} {
		for _, name := range distinct(table.names) {
			n.tables[table.kind].add(name, e.tally(dane))
		}
	}
	if e.state == diagnosis.StateUnknown {
		n.tables[ofUnknown].add(string(e.Code), e.tally(dane))
	}
}

// What is added to a status if what is signed, or is not, is that there are no MX records.
const (
	withoutMX = ", no MX"
	notThere  = ", does not exist"
)

// dnssec is the status of the MX records. That there are none, or no such domain, may be signed as well, which is
// no signed MX record.
func (e *entry) dnssec() string {
	if status := e.Destination.Status; status != dnssec.Secure.String() && status != dnssec.Insecure.String() {
		return status // what was looked up is not known
	}
	switch {
	case slices.ContainsFunc(e.Findings, func(f finding) bool { return f.Code == diagnosis.CodeNoDomain }):
		return e.Destination.Status + notThere
	case e.Destination.Implicit:
		return e.Destination.Status + withoutMX
	}
	return e.Destination.Status
}

func (n *numbers) findings(e *entry, dane bool) {
	bySeverity := make(map[diagnosis.Code]diagnosis.Severity, len(e.Findings))
	for _, f := range e.Findings {
		var severity diagnosis.Severity
		if severity.UnmarshalText([]byte(f.Severity)) != nil {
			severity = diagnosis.Unknown
		}
		if f.Code != "" {
			bySeverity[f.Code] = max(bySeverity[f.Code], severity)
		}
	}
	for code, severity := range bySeverity {
		t := e.tally(dane)
		t.Severity = uint8(severity)
		if code == e.Code {
			t.First = 1
		}
		n.tables[ofFinding].add(string(code), t)
	}
	if e.state == diagnosis.StateBroken && len(e.Findings) > 0 {
		n.tables[ofActor].add(e.Findings[0].Actor, e.tally(dane))
	}
}

// distinct returns the texts that are not empty, each once.
func distinct(texts []string) []string {
	texts = slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return text == "" })
	slices.Sort(texts)
	return slices.Compact(texts)
}

// registered is the registered domain of a name, as the limits of package survey have it, or
// [own] if it is that of the domain.
func (e *entry) registered(name string) string {
	domain := registered(name)
	if domain != "" && domain == registered(e.Domain) {
		return own
	}
	return domain
}

func registered(name string) string {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil {
		return name
	}
	if domain, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
		return domain
	}
	return name
}

func (e *entry) providers() (names []string) {
	for _, name := range e.hosts() {
		names = append(names, e.registered(name))
	}
	return names
}

// operators counts who runs the name servers of the domain: by their names, where the row has
// them; else by the network of the server that gave the MX records, unless it was a resolver.
func (n *numbers) operators(e *entry, dane bool) {
	names := e.operators()
	switch network := e.network(); {
	case len(names) > 0:
		n.named++
	case network != "":
		n.networks++
		names = []string{network}
	default:
		n.guessed++
	}
	for _, name := range distinct(names) {
		n.tables[ofOperator].add(name, e.tally(dane))
	}
}

func (e *entry) operators() (names []string) {
	if e.NameServers == nil {
		return nil
	}
	longest := -1
	for _, zone := range e.NameServers.Zones {
		labels := dns.CountLabel(dns.Fqdn(zone.Name))
		if labels <= longest || !dns.IsSubDomain(dns.Fqdn(zone.Name), dns.Fqdn(e.Domain)) {
			continue
		}
		longest, names = labels, nil
		for _, server := range zone.Servers {
			names = append(names, e.registered(server.Name))
		}
	}
	return names
}

// network is that of the server that gave the MX records; empty if that was a resolver, which
// gave the keys of the root, too.
func (e *entry) network() string {
	l := e.lookup("MX")
	last := l.last()
	if last == nil || len(l.Chain) < 2 || l.Chain[0].Zone != "." || l.Chain[0].Server == last.Server {
		return ""
	}
	server, _, _ := strings.Cut(last.Server, " ") // "by referral"
	at, err := netip.ParseAddrPort(server)
	if err != nil {
		return ""
	}
	bits := 24
	if at.Addr().Is6() && !at.Addr().Is4In6() {
		bits = 48
	}
	prefix, err := at.Addr().Unmap().Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.String()
}

// algorithms are those that signed what lookups of a type ended with.
func (e *entry) algorithms(of string) (names []string) {
	for i := range e.Lookups {
		if last := e.Lookups[i].last(); e.Lookups[i].Type == of && last != nil && last.Type == of && last.Algorithm != 0 {
			names = append(names, algorithmName(last.Algorithm))
		}
	}
	return names
}

// algorithmName returns the name of a DNSSEC algorithm as people say it, with its number.
func algorithmName(algorithm uint8) string {
	if name := algorithmNames[algorithm]; name != "" {
		return fmt.Sprintf("%d %s", algorithm, name)
	}
	return fmt.Sprint(algorithm)
}

var algorithmNames = map[uint8]string{
	dns.RSASHA1: "RSA, SHA-1", dns.RSASHA1NSEC3SHA1: "RSA, SHA-1, NSEC3",
	dns.RSASHA256: "RSA, SHA-256", dns.RSASHA512: "RSA, SHA-512",
	dns.ECDSAP256SHA256: "ECDSA P-256", dns.ECDSAP384SHA384: "ECDSA P-384", dns.ED25519: "Ed25519", dns.ED448: "Ed448",
}
