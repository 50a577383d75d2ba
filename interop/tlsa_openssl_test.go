//go:build interop

package interop

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// tlsaCases is how many chains and record sets OpenSSL and tlsa judge. Which they
// are depends on the seed.
const tlsaCases, tlsaSeed = 400, 7672

// A tlsaCase is a server and the records for it, made at random.
type tlsaCase struct {
	text    string // in words
	chain   []*x509.Certificate
	server  tls.Certificate
	records []tlsa.Record
	root    *tlsatest.CA // the public CA, for the PKIX usages

	partialWildcard bool // OpenSSL accepts smtp*.x unless it is told not to
}

const tlsaHost = "mx.example.org"

// TestOpenSSLAndTLSA has `openssl s_client` connect to servers with random chains,
// good and broken, and random records: it must come to the same verdict as tlsa,
// and where both accept to the same record and depth.
func TestOpenSSLAndTLSA(t *testing.T) {
	random := rand.New(rand.NewPCG(seedOf(t, tlsaSeed), 0))
	maker := newTLSAMaker(random)
	dir := t.TempDir()

	var cases []tlsaCase
	for range tlsaCases {
		cases = append(cases, maker.make())
	}
	var mu sync.Mutex
	tally := map[string]int{}
	queue := make(chan int)
	var workers sync.WaitGroup
	for range 2 * runtime.NumCPU() {
		workers.Go(func() {
			for i := range queue {
				verdict, difference := cases[i].compare(t, dir, i)
				mu.Lock()
				tally[verdict]++
				if difference != "" {
					tally["explained: "+difference]++
				}
				mu.Unlock()
			}
		})
	}
	for i := range cases {
		queue <- i
	}
	close(queue)
	workers.Wait()
	for _, what := range slices.Sorted(maps.Keys(tally)) {
		t.Logf("%4d %s", tally[what], what)
	}
	// A maker that only makes failures would compare nothing.
	if tally["accepted"] < tlsaCases/5 || tally["refused"] < tlsaCases/5 {
		t.Errorf("of %d cases %d are accepted and %d refused", tlsaCases, tally["accepted"], tally["refused"])
	}
}

// compare asks both. It returns what tlsa says, and how OpenSSL may differ if it does.
func (c *tlsaCase) compare(t *testing.T, dir string, number int) (verdict, difference string) {
	v := &tlsa.Verifier{Records: c.records, Names: []string{tlsaHost}, Roots: c.root.Pool()}
	if c.has(tlsa.PKIXTA) || c.has(tlsa.PKIXEE) {
		v.Application = tlsa.PKIX // s_client has all usages
	}
	match, err := v.Verify(c.chain)
	theirs, fault := c.openssl(dir, number)
	if fault != nil {
		t.Errorf("case %d, %s: %v", number, c.text, fault)
		return "failed", ""
	}
	verdict = "accepted"
	if err != nil {
		verdict = "refused"
	}
	same := theirs.accepted == (err == nil)
	if same && theirs.accepted && !(theirs.named(match.Record) && theirs.depth == match.Depth) {
		difference = c.explainMatch(v, match, theirs)
		same = difference != ""
	} else if !same {
		difference = c.explain(dir, number, match, err, theirs)
		same = difference != ""
	}
	if !same {
		t.Errorf("case %d, %s\nrecords: %s\ntlsa:    record %d at depth %d, %v\nOpenSSL: %+v", number, c.text, c.recordTexts(), match.Index, match.Depth, err, theirs)
	}
	return verdict, difference
}

func (c *tlsaCase) recordTexts() string {
	var texts []string
	for _, r := range c.records {
		s := r.String()
		texts = append(texts, s[:min(len(s), 30)])
	}
	return strings.Join(texts, "; ")
}

// An opensslVerdict is what s_client says.
type opensslVerdict struct {
	accepted   bool
	code       int    // the "Verify return code"
	parameters string // of the record that matched, such as "3 1 1"
	depth      int    // at which it did; -1 if it does not say
	text       string // the line about the match
}

var (
	opensslCode  = regexp.MustCompile(`Verify return code: (\d+)`)
	opensslMatch = regexp.MustCompile(`DANE TLSA (\d+ \d+ \d+) .*`)
	opensslDepth = regexp.MustCompile(`at depth (\d+)`)
)

// openssl starts a server with the chain and has s_client connect to it.
func (c *tlsaCase) openssl(dir string, number int) (opensslVerdict, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return opensslVerdict{}, err
	}
	var server sync.WaitGroup
	defer server.Wait()
	defer listener.Close()
	config := &tls.Config{Certificates: []tls.Certificate{c.server}}
	server.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		secured := tls.Server(conn, config)
		if secured.Handshake() == nil {
			secured.CloseWrite()
			secured.Read(make([]byte, 1)) // until the client leaves
		}
	})
	roots := filepath.Join(dir, fmt.Sprintf("roots-%d.pem", number))
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.root.Certificate.Raw})
	if err := os.WriteFile(roots, text, 0o600); err != nil {
		return opensslVerdict{}, err
	}
	argv := []string{
		"s_client", "-connect", listener.Addr().String(), "-CAfile", roots, "-no-CApath", "-no-CAstore",
		"-dane_tlsa_domain", tlsaHost, "-dane_ee_no_namechecks", "-no_ign_eof",
	}
	for _, r := range c.records {
		argv = append(argv, "-dane_tlsa_rrdata", r.String())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "openssl", argv...).CombinedOutput()
	if strings.Contains(string(out), "Failed to import any TLSA records") {
		return opensslVerdict{depth: -1, text: "no usable record"}, nil
	}
	code := opensslCode.FindSubmatch(out)
	if code == nil {
		return opensslVerdict{}, fmt.Errorf("s_client says no verdict: %w\n%s", err, out)
	}
	verdict := opensslVerdict{depth: -1}
	verdict.code, _ = strconv.Atoi(string(code[1]))
	verdict.accepted = verdict.code == 0
	if match := opensslMatch.FindSubmatch(out); match != nil {
		verdict.parameters, verdict.text = string(match[1]), string(match[0])
		if depth := opensslDepth.FindSubmatch(match[0]); depth != nil {
			verdict.depth, _ = strconv.Atoi(string(depth[1]))
		}
	}
	return verdict, nil
}
