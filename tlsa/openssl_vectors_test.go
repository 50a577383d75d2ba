package tlsa_test

import (
	"bufio"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
)

// TestDanetest runs OpenSSL's own test data for DANE, which is not part of this
// repository. DANE_SUITES is the directory above danetest/, where cases.tsv names
// each file with its reference name and its CA file.
//
// Every case runs as for SMTP and as for PKIX. OpenSSL's is PKIX, with SHA-256 preferred to
// SHA-512 and names checked for DANE-EE where a case says so; in that we do as RFC
// 7672 §3.1.1 says.
func TestDanetest(t *testing.T) {
	suites := os.Getenv("DANE_SUITES")
	if suites == "" {
		t.Skip("DANE_SUITES is not set: the suite of OpenSSL is not run")
	}
	dir := filepath.Join(suites, "danetest")
	files, err := filepath.Glob(filepath.Join(dir, "*.in"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", dir, err)
	}
	settings := readSettings(t, filepath.Join(dir, "cases.tsv"))
	for _, file := range files {
		base := filepath.Base(file)
		setting, ok := settings[base]
		if !ok {
			t.Errorf("cases.tsv does not have %s", base)
			continue
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(readFile(t, filepath.Join(dir, setting.roots))) {
			t.Fatalf("no certificates in %s", setting.roots)
		}
		t.Run(base, func(t *testing.T) {
			for i, c := range readDanetest(t, file) {
				t.Run(strconv.Itoa(i+1), func(t *testing.T) {
					c.check(t, setting.name, roots, c.declared)
					if len(c.listed) > len(c.declared) {
						t.Run("listed", func(t *testing.T) { c.check(t, setting.name, roots, c.listed) })
					}
				})
			}
		})
	}
}

// A danetestCase is one block of the file.
type danetestCase struct {
	line        int
	declared    []tlsa.Record // as many as its first line says
	listed      []tlsa.Record // all that are there
	chain       []*x509.Certificate
	noNameCheck bool // for DANE-EE
	want        int  // X509_V_OK, or an X509_V_ERR_
	depth       int  // of the match; -1 if none
}

// What OpenSSL calls the results that occur.
const (
	verifyOK        = 0
	verifyNoIssuer  = 20
	verifyWrongName = 62
	verifyNoMatch   = 65
)

func (c danetestCase) check(t *testing.T, name string, roots *x509.CertPool, records []tlsa.Record) {
	t.Helper()
	want, depth := c.want, c.depth
	if !c.noNameCheck && want == verifyWrongName && records[0].Usage == tlsa.DANEEE {
		want = verifyOK // RFC 7672 §3.1.1
	}
	v := &tlsa.Verifier{
		Records: records, Names: []string{name}, Application: tlsa.PKIX, Roots: roots,
		DigestOrder: []tlsa.Matching{tlsa.SHA256, tlsa.SHA512},
	}
	c.compare(t, v, want, depth)

	// RFC 7672 §3.1.3: for SMTP the PKIX usages are nothing.
	smtp := *v
	smtp.Application = tlsa.SMTP
	usable := 0
	for _, r := range records {
		if r.Usable(tlsa.SMTP) == nil {
			usable++
		}
	}
	if usable > 0 {
		c.compare(t, &smtp, want, depth)
		return
	}
	if _, err := smtp.Verify(c.chain); reasonOf(t, err) != tlsa.ReasonNoUsableRecord {
		t.Errorf("line %d: without a usable record for SMTP: %v", c.line, err)
	}
}

func (c danetestCase) compare(t *testing.T, v *tlsa.Verifier, want, depth int) {
	t.Helper()
	match, err := v.Verify(c.chain)
	code, at := verifyOK, match.Depth
	if e, ok := errors.AsType[*tlsa.Error](err); ok {
		at = e.Depth
		switch e.Reason {
		case tlsa.ReasonNoPath:
			code = verifyNoIssuer
		case tlsa.ReasonName:
			code = verifyWrongName
		case tlsa.ReasonMismatch:
			code = verifyNoMatch
		default:
			code = -1
		}
	}
	if code != want || at != depth {
		t.Errorf("line %d, application %v: result %d at depth %d (%v), want %d at depth %d", c.line, v.Application, code, at, err, want, depth)
	}
}

type danetestSetting struct{ name, roots string }

func readSettings(t *testing.T, file string) map[string]danetestSetting {
	settings := map[string]danetestSetting{}
	for i, line := range strings.Split(strings.TrimSpace(string(readFile(t, file))), "\n") {
		fields := strings.Split(line, "\t")
		if len(fields) != 3 {
			t.Fatalf("%s:%d: %d fields", file, i+1, len(fields))
		}
		if i > 0 { // the first line has the headings
			settings[fields[0]] = danetestSetting{fields[1], fields[2]}
		}
	}
	return settings
}

// readDanetest reads the blocks: a line of five numbers, the records, and as many
// certificates as it says, with anything between them.
func readDanetest(t *testing.T, file string) []danetestCase {
	t.Helper()
	lines := bufio.NewScanner(strings.NewReader(string(readFile(t, file))))
	lines.Buffer(nil, 1<<20)
	var cases []danetestCase
	number := 0
	next := func() (string, bool) {
		ok := lines.Scan()
		number++
		return strings.TrimSpace(lines.Text()), ok
	}
	for {
		line, ok := next()
		if !ok {
			break
		}
		if line == "" || line[0] == '#' {
			continue
		}
		c := danetestCase{line: number}
		var records, certificates, noNameCheck int
		if n, err := fmt.Sscan(line, &records, &certificates, &noNameCheck, &c.want, &c.depth); n != 5 || err != nil {
			t.Fatalf("%s:%d: %q: %v", file, number, line, err)
		}
		c.noNameCheck = noNameCheck == 1
		var block strings.Builder // the certificate that is being read
		for len(c.chain) < certificates {
			line, ok := next()
			if !ok {
				t.Fatalf("%s:%d: the file ends within a case", file, number)
			}
			switch {
			case block.Len() > 0 || strings.HasPrefix(line, "-----BEGIN "):
				block.WriteString(line + "\n")
				if strings.HasPrefix(line, "-----END ") {
					c.chain = append(c.chain, parseBlock(t, block.String()))
					block.Reset()
				}
			case len(c.chain) == 0 && line != "" && '0' <= line[0] && line[0] <= '9':
				r, err := tlsa.Parse(line)
				if err != nil {
					t.Fatalf("%s:%d: %v", file, number, err)
				}
				c.listed = append(c.listed, r)
			}
		}
		if len(c.listed) < records {
			t.Fatalf("%s:%d: %d records of %d", file, c.line, len(c.listed), records)
		}
		c.declared = c.listed[:records]
		cases = append(cases, c)
	}
	if len(cases) == 0 {
		t.Fatalf("%s has no cases", file)
	}
	return cases
}

func parseBlock(t *testing.T, text string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("not PEM: %q", text)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
