package main

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/tlsa"
)

// A makeCommand is the flags of "tlsa make".
type makeCommand struct {
	dnsCommand
	inputs                    []input
	from, owner               string
	usage, selector, matching string
	ttl                       uint
	nsupdate, anyName         bool

	record tlsa.Record // parameters alone
}

// An input is one flag that says what records are of, with the file.
type input struct{ flag, file string }

// A source is what records are made of.
type source struct {
	text    string // for a human
	chain   []*x509.Certificate
	key     crypto.PublicKey
	request *x509.CertificateRequest
}

// makeCommand is the row of the table for "tlsa make".
func (t *tlsaTool) makeCommand() *cli.Command {
	return &cli.Command{
		Name: "make", Summary: "make the records of a certificate, a key or a signing request",
		Usage: []string{
			"-for HOST[:PORT] -cert FILE|-key FILE|-csr FILE… [flags]",
			"-from HOST[:PORT]|ADDR[:PORT] [flags]",
		},
		About: `Makes the TLSA records that belong into the zone, 3 1 1 unless flags say otherwise: of a
certificate, or before there is one of its key or signing request, or of what a server presents
now. With several files there are records for each: those of the current and of the next key
belong side by side before the key changes.`,
		Notes: "A private key is read for its public key alone; nothing else of it goes anywhere. Warnings of RFC 7671 go to standard error, and into the JSON.",
		Examples: []cli.Example{
			{Line: "daneverify tlsa make -for mx.example.org -cert fullchain.pem"},
			{Line: "daneverify tlsa make -for mx.example.org -cert fullchain.pem -key next-key.pem", About: "of the current and of the next key"},
			{Line: "daneverify tlsa make -for mx.example.org -csr next.csr -nsupdate | nsupdate -k FILE"},
			{Line: "daneverify tlsa make -for mx.example.org -cert fullchain.pem -usage 2"},
			{Line: "openssl pkey -in key.pem -pubout | daneverify tlsa make -for mx.example.org -key -"},
			{Line: "daneverify tlsa make -from mx.example.org"},
			{Line: "daneverify tlsa make -from 192.0.2.25 -for mx.example.org", About: "of what one address presents"},
		},
		Exits: []cli.Exit{
			{Status: tlsaSafe, Means: "the records are printed"},
			{Status: tlsaUnknown, Means: "something was not understood or not reachable, and nothing is printed"},
		},
		Begin: func(f *cli.Flags) cli.Run {
			m := &makeCommand{dnsCommand: dnsCommand{tlsaTool: t}}
			m.flags(f)
			return t.on(m.run)
		},
	}
}

func (m *makeCommand) flags(f *cli.Flags) {
	f.Group("What the records are of")
	for name, help := range map[string]string{
		"cert": "the certificate in `FILE`, with its issuers after it if there are any (PEM, or DER of one)",
		"key":  "the key in `FILE`, private or public (PEM or DER)",
		"csr":  "the key of the signing request in `FILE` (PEM or DER)",
	} {
		f.Func(name, help+"; - is standard input", func(file string) error {
			m.inputs = append(m.inputs, input{name, file})
			return nil
		})
	}
	f.StringVar(&m.from, "from", "", "what the mail server `HOST[:PORT]` presents after STARTTLS, at each of its addresses; or, with -for, what is presented at one address")
	f.BoolVar(&m.anyName, "any-name", false, "take a signing request that is not for the host")
	f.Group("The records")
	f.StringVar(&m.owner, "for", "", "the records are for `HOST[:PORT]`; the port is 25 (default: that of -from)")
	f.StringVar(&m.usage, "usage", "3", "certificate usage `N`: 3 (DANE-EE), 2 (DANE-TA: the highest CA in -cert), or 1 and 0, not for mail")
	f.StringVar(&m.selector, "selector", "1", "selector `N`: 1 (SPKI, the key) or 0 (Cert, the whole certificate)")
	f.StringVar(&m.matching, "matching", "1", "matching type `N`: 1 (SHA2-256), 2 (SHA2-512) or 0 (Full)")
	f.SecondsVar(&m.ttl, "ttl", 0, "TTL of the records in `SECONDS`, or as a duration (default: none in zone lines, 3600 for nsupdate)")
	m.resolverFlags(f)
	f.Group("Output")
	f.BoolVar(&m.nsupdate, "nsupdate", false, "print a script for nsupdate, which adds the records")
	f.BoolVar(&m.json, "json", false, "print JSON")
}

func (m *makeCommand) run(ctx context.Context, others []string) (int, error) {
	if err := m.understand(others); err != nil {
		return tlsaUnknown, err
	}
	made, err := m.make(ctx)
	if err != nil {
		return tlsaUnknown, err
	}
	return made.write(m.tlsaTool, m)
}

// understand checks the flags.
func (m *makeCommand) understand(others []string) error {
	switch {
	case len(others) > 0:
		return fmt.Errorf("%q is not understood: files come by -cert, -key or -csr, the host by -for", others[0])
	case len(m.inputs) == 0 && m.from == "":
		return errors.New("say what the records are of: -cert, -key, -csr or -from")
	case len(m.inputs) > 0 && m.from != "":
		return errors.New("-from takes no -cert, -key or -csr")
	case m.from == "" && m.flagsOfDNS() != nil:
		return errors.New("-resolver, -recursive, -hints and -anchors are for -from, which asks for addresses")
	case m.nsupdate && m.json:
		return errors.New("-nsupdate and -json are two forms of output: choose one")
	case m.ttl > 1<<31-1:
		return fmt.Errorf("-ttl %d: want at most %d (RFC 2181 §8)", m.ttl, 1<<31-1)
	}
	stdin := 0
	for _, in := range m.inputs {
		if in.file == "" {
			return fmt.Errorf("-%s: no file is given", in.flag)
		}
		if in.file == "-" {
			stdin++
		}
	}
	if stdin > 1 {
		return errors.New("standard input can be read once only")
	}
	if err := cmp.Or(m.wrongResolver(), m.parameters()); err != nil {
		return err
	}
	name := m.owner
	if name == "" {
		name = m.from
	}
	if name == "" {
		return m.missingName()
	}
	var err error
	if m.service, err = parseService(name); err != nil && m.owner != "" {
		return fmt.Errorf("-for %w", err)
	} else if err != nil && isAddress(m.from) {
		return fmt.Errorf("-from %s is an address; say which host the records are for: -for HOST", m.from)
	} else if err != nil {
		return fmt.Errorf("-from %w", err)
	}
	return nil
}

// missingName says that -for is missing, with a guess at what it would be.
func (m *makeCommand) missingName() error {
	for _, in := range m.inputs {
		if in.flag != "cert" || in.file == "-" {
			continue
		}
		if chain, err := m.readChain(in.file); err == nil {
			return fmt.Errorf("say which host the records are for: -for HOST; the certificate in %s is for %s",
				in.file, namesOf(chain[0].DNSNames, chain[0].Subject))
		}
	}
	return errors.New("say which host the records are for: -for HOST")
}

// parameters reads usage, selector and matching type: numbers, or the acronyms of RFC 7218.
func (m *makeCommand) parameters() error {
	for _, p := range []struct {
		flag, value, format string
		most                uint8
		of                  func(tlsa.Record) uint8
	}{
		{"usage", m.usage, "%s 1 1", 3, func(r tlsa.Record) uint8 { m.record.Usage = r.Usage; return uint8(r.Usage) }},
		{"selector", m.selector, "3 %s 1", 1, func(r tlsa.Record) uint8 { m.record.Selector = r.Selector; return uint8(r.Selector) }},
		{"matching", m.matching, "3 1 %s", 2, func(r tlsa.Record) uint8 { m.record.Matching = r.Matching; return uint8(r.Matching) }},
	} {
		record, err := tlsa.Parse(fmt.Sprintf(p.format, p.value))
		if err != nil || len(record.Data) > 0 || p.of(record) > p.most {
			return fmt.Errorf("-%s %q: want a number from 0 to %d, or its acronym in RFC 7218", p.flag, p.value, p.most)
		}
	}
	return nil
}

// A madeRecord is a record, and what it was made of.
type madeRecord struct {
	tlsa.Record
	of string
}

// A made is what is printed.
type made struct {
	records  []madeRecord
	warnings []warning
}

// make makes all records, or none.
func (m *makeCommand) make(ctx context.Context) (*made, error) {
	sources, warnings, err := m.sources(ctx)
	if err != nil {
		return nil, err
	}
	out := &made{warnings: warnings}
	for _, s := range sources {
		record, of, err := m.recordOf(s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.text, err)
		}
		if !slices.ContainsFunc(out.records, func(r madeRecord) bool { return r.Equal(record) }) {
			out.records = append(out.records, madeRecord{record, of})
		}
	}
	out.warnings = append(out.warnings, m.warnings(sources, out.records)...)
	return out, nil
}

// sources reads all that the flags name.
func (m *makeCommand) sources(ctx context.Context) ([]source, []warning, error) {
	if m.from != "" {
		return m.presented(ctx)
	}
	var all []source
	for _, in := range m.inputs {
		s := source{text: in.file}
		var err error
		switch in.flag {
		case "cert":
			s.chain, err = m.readChain(in.file)
		case "key":
			s.key, err = m.readKey(in.file)
		case "csr":
			if s.request, err = m.readRequest(in.file); err == nil {
				err = m.isForHost(s.request, in.file)
			}
		}
		if err != nil {
			return nil, nil, err
		}
		all = append(all, s)
	}
	return all, nil, nil
}

// isForHost refuses a signing request for another host: it is a wrong file, most likely.
func (m *makeCommand) isForHost(request *x509.CertificateRequest, file string) error {
	names := namesOf(request.DNSNames, request.Subject)
	switch {
	case m.anyName || names.include(m.service.host):
		return nil
	case len(names) == 0:
		return fmt.Errorf("%s: the signing request is for no name, not for %s; -any-name takes it nevertheless", file, m.service.host)
	}
	return fmt.Errorf("%s: the signing request is for %s, not for %s; -any-name takes it nevertheless", file, names, m.service.host)
}

// recordOf makes one record, and says what of.
func (m *makeCommand) recordOf(s source) (tlsa.Record, string, error) {
	r := m.record
	anchor := r.Usage == tlsa.DANETA || r.Usage == tlsa.PKIXTA
	var err error
	switch {
	case s.chain != nil:
		var cert *x509.Certificate
		if cert, err = certificateFor(s.chain, anchor); err != nil {
			return r, "", err
		}
		r, err = tlsa.New(r.Usage, r.Selector, r.Matching, cert)
		return r, fmt.Sprintf("certificate %s in %s", subject(cert), s.text), err
	case r.Selector != tlsa.SPKI:
		return r, "", errors.New("selector 0 is of the whole certificate, which only -cert has")
	case s.request != nil && anchor:
		return r, "", errors.New("a signing request is of a server, and usages 0 and 2 are of a CA: give the CA's certificate")
	case s.request != nil:
		r, err = tlsa.NewFromCSR(r.Usage, r.Matching, s.request)
		return r, "signing request " + s.text, err
	}
	r, err = tlsa.NewFromKey(r.Usage, r.Matching, s.key)
	return r, "key " + s.text, err
}

// certificateFor returns the server's certificate of a chain, or the highest CA's in it,
// which is what the server sends.
func certificateFor(chain []*x509.Certificate, anchor bool) (*x509.Certificate, error) {
	if anchor {
		last := chain[len(chain)-1]
		if !last.IsCA {
			return nil, fmt.Errorf("usages 0 and 2 are of a CA, and the certificate %s is of a server: give the chain with its issuer", subject(last))
		}
		return last, nil
	}
	leaf := chain[0]
	if leaf.IsCA && leaf.CheckSignatureFrom(leaf) != nil {
		return nil, fmt.Errorf("usages 1 and 3 are of a server, and the certificate %s is of a CA: give the server's own, as in fullchain.pem", subject(leaf))
	}
	return leaf, nil
}
