//go:build interop

package interop

import (
	"crypto/x509"
	"fmt"
	"strings"
)

// resolverName is what the resolvers are called in their certificate, beside the
// address 127.0.0.1.
const resolverName = "dns.test"

// A certificate is that of the mail server, issued by an authority of its own,
// and the data of the TLSA records for it. The authority has issued another one,
// resolver.pem, to the resolvers.
type certificate struct {
	chain string         // file: key, certificate and authority, as Postfix wants them
	roots *x509.CertPool // with the authority

	endEntity string // "3 1 1 …" for the server's certificate
	authority string // "2 1 1 …" for the authority that issued it
	stranger  string // "3 1 1 …" for a key that the server does not have
	resolver  string // "3 1 1 …" for the resolvers' certificate
}

// makeCertificates has OpenSSL make the certificates and GnuTLS the TLSA data.
func (n *internet) makeCertificates() error {
	var names []string
	for _, d := range domains {
		names = append(names, "DNS:mail."+d.name)
	}
	san := "subjectAltName=" + strings.Join(names, ",")
	for _, c := range []struct {
		name string
		args []string
	}{
		{"authority", nil},
		{"server", []string{
			"-CA", "authority.pem", "-CAkey", "authority.key",
			"-addext", san, "-addext", "basicConstraints=critical,CA:FALSE",
		}},
		{"resolver", []string{
			"-CA", "authority.pem", "-CAkey", "authority.key",
			"-addext", "subjectAltName=IP:127.0.0.1,DNS:" + resolverName,
			"-addext", "basicConstraints=critical,CA:FALSE",
		}},
		{"stranger", nil},
	} {
		argv := append([]string{
			"openssl", "req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=" + c.name,
			"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
			"-keyout", c.name + ".key", "-out", c.name + ".pem",
		}, c.args...)
		if _, err := command(n.dir, argv...); err != nil {
			return err
		}
	}
	chain, err := command(n.dir, "cat", "server.key", "server.pem", "authority.pem")
	if err != nil {
		return err
	}
	if n.certificate.chain, err = n.writeFile("chain.pem", chain); err != nil {
		return err
	}
	if n.certificate.endEntity, err = n.tlsaData("server.pem"); err != nil {
		return err
	}
	if n.certificate.authority, err = n.tlsaData("authority.pem", "--ca"); err != nil {
		return err
	}
	if n.certificate.stranger, err = n.tlsaData("stranger.pem"); err != nil {
		return err
	}
	if n.certificate.resolver, err = n.tlsaData("resolver.pem"); err != nil {
		return err
	}
	n.certificate.roots = x509.NewCertPool()
	n.certificate.roots.AppendCertsFromPEM([]byte(chain))
	return nil
}

// tlsaData returns the data of the TLSA record that GnuTLS proposes for a
// certificate: its usage (3, or 2 with --ca), selector 1 and matching type 1.
func (n *internet) tlsaData(file string, args ...string) (string, error) {
	argv := append([]string{
		"danetool", "--tlsa-rr", "--load-certificate", file,
		"--host", "mail.example", "--port", "25", "--proto", "tcp",
	}, args...)
	record, err := command(n.dir, argv...)
	if err != nil {
		return "", err
	}
	// _25._tcp.mail.example. IN TLSA ( 03 01 01 203d… )
	_, data, found := strings.Cut(record, "(")
	fields := strings.Fields(data)
	if !found || len(fields) != 5 {
		return "", fmt.Errorf("danetool wrote no TLSA record: %q", record)
	}
	var usage, selector, matching int
	if _, err := fmt.Sscan(strings.Join(fields[:3], " "), &usage, &selector, &matching); err != nil {
		return "", fmt.Errorf("danetool wrote %q: %w", record, err)
	}
	return fmt.Sprintf("%d %d %d %s", usage, selector, matching, fields[3]), nil
}
