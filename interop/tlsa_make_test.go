//go:build interop

package interop

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A maker is another program that makes TLSA records of a chain.
type maker struct {
	name string
	// argv of the program for one cell. lacks says why there is none.
	argv func(c makeCell) (argv []string, lacks string)
}

// A makeCell is the parameters of a record, and the files it is made of.
type makeCell struct {
	usage    tlsa.Usage
	selector tlsa.Selector
	matching tlsa.Matching

	// The server's certificate, the CA's, and the one with the other after it.
	leaf, ca, chain string
}

func (c makeCell) isAnchor() bool { return c.usage == tlsa.PKIXTA || c.usage == tlsa.DANETA }

// alone is the file with nothing but what the record is of, for programs that take the first
// certificate whatever the usage.
func (c makeCell) alone() string {
	if c.isAnchor() {
		return c.ca
	}
	return c.leaf
}

func (c makeCell) parameters() []string {
	return []string{fmt.Sprint(uint8(c.usage)), fmt.Sprint(uint8(c.selector)), fmt.Sprint(uint8(c.matching))}
}

// makers are the programs. What each needs, or lacks, is a difference with its reason.
func makers() []maker {
	return []maker{
		{"danetool", func(c makeCell) ([]string, string) {
			hash := map[tlsa.Matching]string{tlsa.SHA256: "sha256", tlsa.SHA512: "sha512"}[c.matching]
			if hash == "" {
				return nil, "it makes no records in full"
			}
			argv := []string{"danetool", "--tlsa-rr", "--host", tlsaHost, "--hash", hash, "--load-certificate", c.alone()}
			if c.isAnchor() {
				argv = append(argv, "--ca")
			}
			if c.usage < tlsa.DANETA {
				argv = append(argv, "--no-domain")
			}
			if c.selector == tlsa.Cert {
				argv = append(argv, "--x509")
			}
			return argv, ""
		}},
		{"ldns-dane", func(c makeCell) ([]string, string) {
			// It validates before it makes records: -s and -n leave that out.
			return append([]string{"ldns-dane", "-n", "-d", "-s", "-f", c.ca, "-c", c.chain, "create", tlsaHost, "25"}, c.parameters()...), ""
		}},
		{"hash-slinger", func(c makeCell) ([]string, string) {
			if c.usage == tlsa.PKIXTA {
				return nil, "it insists on a chain to one of the system's roots"
			}
			p := c.parameters()
			return []string{"tlsa", "--create", "--certificate", c.alone(), "-p", "25", "-u", p[0], "-s", p[1], "-m", p[2], tlsaHost}, ""
		}},
		{"openssl", func(c makeCell) ([]string, string) {
			part := "openssl x509 -in \"$1\" -outform DER"
			if c.selector == tlsa.SPKI {
				part = "openssl x509 -in \"$1\" -noout -pubkey | openssl pkey -pubin -outform DER"
			}
			digest := map[tlsa.Matching]string{tlsa.Full: "cat", tlsa.SHA256: "openssl dgst -sha256 -binary", tlsa.SHA512: "openssl dgst -sha512 -binary"}[c.matching]
			return []string{"sh", "-c", fmt.Sprintf("echo 'IN TLSA %s' $(%s | %s | od -An -v -tx1)", strings.Join(c.parameters(), " "), part, digest), "sh", c.alone()}, ""
		}},
	}
}

// TestMakersOfRecords has `daneverify tlsa make` and other people's programs make records
// of the same chain: for each usage, selector and matching type they are the same.
func TestMakersOfRecords(t *testing.T) {
	t.Parallel()
	ca := tlsatest.NewCA(tlsatest.Authority{Name: "Interop CA"})
	server := ca.Issue(tlsatest.Leaf{Names: []string{tlsaHost}})
	dir := t.TempDir()
	write := func(name string, certs ...*x509.Certificate) string {
		var text []byte
		for _, cert := range certs {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	leaf, root, chain := write("leaf.pem", server.Leaf), write("ca.pem", ca.Certificate), write("chain.pem", server.Leaf, ca.Certificate)
	agree, cells := map[string]int{}, 0
	for usage := range tlsa.Usage(4) {
		for selector := range tlsa.Selector(2) {
			for matching := range tlsa.Matching(3) {
				c := makeCell{usage, selector, matching, leaf, root, chain}
				ours := ourRecord(t, c)
				cells++
				for _, m := range makers() {
					argv, lacks := m.argv(c)
					if lacks != "" {
						t.Logf("%v: %s: %s", c.parameters(), m.name, lacks)
						continue
					}
					out, err := command(dir, argv...)
					if err != nil {
						t.Errorf("%v: %v", c.parameters(), err)
						continue
					}
					theirs, err := recordIn(out)
					if err != nil || !theirs.Equal(ours) {
						t.Errorf("%v: %s has %v, daneverify %v: %v", c.parameters(), m.name, theirs, ours, err)
						continue
					}
					agree[m.name]++
				}
			}
		}
	}
	for _, m := range makers() {
		t.Logf("%-12s makes the same record in %d of %d cells", m.name, agree[m.name], cells)
		if agree[m.name] < cells/2 {
			t.Errorf("%s was compared in %d cells only", m.name, agree[m.name])
		}
	}
}

// ourRecord is what `daneverify tlsa make` prints.
func ourRecord(t *testing.T, c makeCell) tlsa.Record {
	t.Helper()
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	p := c.parameters()
	out, err := command(".", program, "tlsa", "make", "-for", tlsaHost, "-cert", c.chain, "-usage", p[0], "-selector", p[1], "-matching", p[2])
	if err != nil {
		t.Fatal(err)
	}
	record, err := recordIn(out)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// recordIn finds the record among what a program wrote.
func recordIn(out string) (tlsa.Record, error) {
	for line := range strings.Lines(out) {
		if strings.Contains(line, "IN TLSA") || strings.Contains(line, "IN\tTLSA") {
			return tlsa.Parse(strings.TrimSpace(line))
		}
	}
	return tlsa.Record{}, fmt.Errorf("no record in %q", out)
}
