//go:build interop

package interop

import (
	"fmt"
	"strings"
)

// The name servers' addresses, by level. Forwarders are told where to ask instead;
// only a resolver that starts at the root needs them (see newNetwork).
const (
	rootServer = "10.53.0.1"
	tldServer  = "10.53.0.2"
	leafServer = "10.53.0.3"
)

// zoneHeader is what every zone starts with.
func zoneHeader(server string) string {
	return `$TTL 300
@ SOA ns hostmaster 1 7200 3600 86400 300
@ NS ns
ns A ` + server + "\n"
}

// zoneFile is where the zone lies that a server loads.
func zoneFile(zone string) string {
	return "zone-" + strings.TrimSuffix(zone, ".")
}

// signZones makes the zones from the leaves up, as each parent needs the DS
// records of its children, and writes the trust anchor.
func (n *internet) signZones() error {
	delegations := map[string]string{} // parent → NS, glue and DS
	for _, d := range domains {
		ds, err := n.signDomain(d)
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		_, parent, _ := strings.Cut(d.name, ".")
		delegations[parent] += delegation(d.name, leafServer) + ds
	}
	var rootZone string
	for _, name := range topLevel {
		s := signing{
			zone: name, text: zoneHeader(tldServer) + delegations[name],
			algorithm: "ECDSAP256SHA256", nsec3: name == "example", optOut: name == "example",
		}
		ds, err := n.sign(s)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		rootZone += delegation(name, tldServer) + ds
	}
	ds, err := n.sign(signing{zone: ".", text: zoneHeader(rootServer) + rootZone, algorithm: "RSASHA256"})
	if err != nil {
		return fmt.Errorf("root: %w", err)
	}
	return n.writeAnchors(ds)
}

func delegation(zone, server string) string {
	return fmt.Sprintf("%s. NS ns.%[1]s.\nns.%[1]s. A %s\n", zone, server)
}

// writeAnchors writes the root's DS record for daneverify and Unbound, and as
// BIND's statement for delv.
func (n *internet) writeAnchors(ds string) error {
	var err error
	if n.rootDS, err = n.writeFile("root.ds", ds); err != nil {
		return err
	}
	_, data, found := strings.Cut(ds, " DS ")
	f := strings.Fields(data)
	if !found || len(f) != 4 {
		return fmt.Errorf("dnssec-dsfromkey wrote %q", ds)
	}
	n.rootBIND, err = n.writeFile("root.bind", fmt.Sprintf(
		"trust-anchors { . static-ds %s %s %s %q; };\n", f[0], f[1], f[2], f[3]))
	return err
}

// signDomain writes a mail domain's zone, sound or broken as the table says,
// and returns the DS records for the parent.
func (n *internet) signDomain(d domain) (ds string, err error) {
	text := zoneHeader(leafServer) + n.mailRecords(d)
	if d.algorithm == "" {
		_, err := n.writeFile(zoneFile(d.name), text)
		return "", err
	}
	ds, err = n.sign(signing{
		zone: d.name, text: text,
		algorithm: d.algorithm, one: d.one, nsec3: d.nsec3, expired: d.expired, damage: d.damage,
	})
	if err != nil {
		return "", err
	}
	switch d.ds {
	case dsNone:
		return "", nil
	case dsWrong:
		return n.strangersDS(d)
	}
	return ds, nil
}

func (n *internet) mailRecords(d domain) string {
	if d.null {
		return "@ MX 0 .\n"
	}
	owner := fmt.Sprintf("_%d._tcp.mail", n.smtp)
	if d.wild {
		owner = "*._tcp.mail"
	}
	records := "@ MX 10 mail\nmail A 127.0.0.1\n"
	switch {
	case d.alias:
		records += fmt.Sprintf("%s CNAME _%d._tcp.mail.%s.\n", owner, n.smtp, domains[0].name)
	case d.tlsa == tlsaEndEntity:
		records += owner + " TLSA " + n.certificate.endEntity + "\n"
	case d.tlsa == tlsaAuthority:
		records += owner + " TLSA " + n.certificate.authority + "\n"
	case d.tlsa == tlsaStranger:
		records += owner + " TLSA " + n.certificate.stranger + "\n"
	}
	return records
}
