package tlsa_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// oneRRset is how many records of this many octets of data fit into one message over
// TCP: each has a compressed name of 2 octets and 10 of type, class, TTL and length
// before it (RFC 1035 §3.2.1), and three numbers.
func oneRRset(data int) int { return 65535 / (2 + 10 + 3 + data) }

// strangers returns records of nobody's issuer.
func strangers(n int) []tlsa.Record {
	var set []tlsa.Record
	for i := range n {
		sum := sha256.Sum256(binary.BigEndian.AppendUint32(nil, uint32(i)))
		set = append(set, tlsa.Record{Usage: tlsa.DANETA, Selector: tlsa.SPKI, Matching: tlsa.SHA256, Data: sum[:]})
	}
	return set
}

// keys returns 2 1 0 records of keys that have signed nothing.
func keys(t *testing.T, n int) []tlsa.Record {
	t.Helper()
	var set []tlsa.Record
	for i := range n {
		seed := sha256.Sum256(binary.BigEndian.AppendUint32([]byte("key"), uint32(i)))
		r, err := tlsa.NewFromKey(tlsa.DANETA, tlsa.Full, ed25519.NewKeyFromSeed(seed[:]).Public())
		if err != nil {
			t.Fatal(err)
		}
		set = append(set, r)
	}
	return set
}

// bundle returns so many CAs that could all have signed the server's certificate, as
// far as signatures go, since they have one key; the faults are those of each.
func bundle(of *tlsatest.CA, n int, faults tlsatest.Fault) []*x509.Certificate {
	var all []*x509.Certificate
	for range n {
		all = append(all, of.NewCA(tlsatest.Authority{CrossSignedOf: of, Faults: faults}).Certificate)
	}
	return all
}

// tangled returns a chain of six CAs that have all signed each other, and an anchor
// above the last one that may not sign.
func tangled() ([]*x509.Certificate, *tlsatest.CA) {
	var cas []*tlsatest.CA
	for i := range 6 {
		cas = append(cas, tlsatest.NewCA(tlsatest.Authority{Name: string(rune('A' + i)), Time: noon}))
	}
	anchor := tlsatest.NewCA(tlsatest.Authority{Name: "Anchor", Time: noon, Faults: tlsatest.NotCA})
	chain := certificates(cas[0].Issue(tlsatest.Leaf{Names: []string{mx}}).Leaf, anchor.Certificate)
	chain = append(chain, anchor.NewCA(tlsatest.Authority{CrossSignedOf: cas[5]}).Certificate)
	for _, of := range cas {
		for _, by := range cas {
			if of != by && len(chain) < 32 {
				chain = append(chain, by.NewCA(tlsatest.Authority{CrossSignedOf: of}).Certificate)
			}
		}
	}
	return chain, anchor
}

func of(usage tlsa.Usage, certificates ...*x509.Certificate) []tlsa.Record {
	var set []tlsa.Record
	for _, cert := range certificates {
		set = append(set, record(usage, tlsa.Cert, tlsa.SHA256, cert))
	}
	return set
}

// shuffled returns the records in another order, the same for each seed.
func shuffled(set []tlsa.Record, seed uint64) []tlsa.Record {
	set = slices.Clone(set)
	mathrand.New(mathrand.NewPCG(seed, 0)).Shuffle(len(set), func(i, j int) { set[i], set[j] = set[j], set[i] })
	return set
}

// agree fails the test unless Verify, Judge and Check come to one conclusion, in any
// order of the records. It returns the conclusion.
func agree(t *testing.T, chain []*x509.Certificate, set []tlsa.Record) (accepted, limited bool) {
	t.Helper()
	for seed := range uint64(2) {
		v := tlsa.Verifier{Records: shuffled(set, seed), Names: []string{mx}, Time: atNoon}
		match, err := v.Verify(chain)
		verdicts := v.Judge(chain)
		if satisfied := anySatisfied(verdicts); satisfied != (err == nil) {
			t.Fatalf("Judge finds a satisfied record: %t, Verify: %v", satisfied, err)
		}
		if err == nil && verdicts[match.Index].Err != nil {
			t.Errorf("Verify has record %d, and Judge %v", match.Index, verdicts[match.Index].Err)
		}
		if seed > 0 && accepted != (err == nil) {
			t.Errorf("in another order: %v", err)
		}
		accepted, limited = err == nil, false
		report := v.Check(chain)
		for i, verdict := range report.Verdicts {
			cut := verdict.Err != nil && reasonOf(t, verdict.Err) == tlsa.ReasonLimit
			limited = limited || cut
			if found := slices.Contains(report.Findings, tlsa.Finding{Problem: tlsa.ProblemLimit, Record: i, Certificate: -1}); found != cut {
				t.Errorf("record %d: a finding about the limit: %t, verdict %v", i, found, verdict.Err)
			}
		}
		if accepted && !anySatisfied(report.Verdicts) {
			t.Errorf("Check finds no record that matches: %v", report.Findings)
		}
	}
	return accepted, limited
}

// TestNoLimitHidesTheRightRecord has, for each limit, record sets and chains below and
// above it.
func TestNoLimitHidesTheRightRecord(t *testing.T) {
	t.Parallel()
	w := newWorld()
	chain := w.server.Chain()
	anchor, bare := records(w.root.Record(tlsa.SPKI, tlsa.SHA256)), records(w.root.Record(tlsa.SPKI, tlsa.Full))
	entity := records(w.server.Record(tlsa.SPKI, tlsa.SHA256))
	short := certificates(w.server.Leaf, w.intermediate.Certificate)
	broken := bundle(w.intermediate, 29, tlsatest.NotCA)
	early := bundle(w.intermediate, 20, 0)
	var absent []tlsa.Record
	for range 100 {
		absent = append(absent, tlsatest.NewCA(tlsatest.Authority{Name: "Root", Time: noon}).Record(tlsa.Cert, tlsa.Full))
	}
	crowd := append(certificates(w.server.Leaf), broken...)
	tangle, forbidden := tangled()
	for _, c := range []struct {
		name              string
		chain             []*x509.Certificate
		records           []tlsa.Record
		accepted, limited bool
	}{
		{"19 retired issuers and the right key", chain, append(strangers(19), entity...), true, false},
		{"20 issuers, ours among them", chain, append(strangers(19), anchor...), true, false},
		{"as many issuers as one RRset holds, ours among them", chain, append(strangers(oneRRset(32)-1), anchor...), true, false},
		{"as many issuers as one RRset holds, and none is ours", chain, strangers(oneRRset(32)), false, false},
		{"as many issuers as one RRset holds, and the right key", chain, append(strangers(oneRRset(32)-1), entity...), true, false},
		{"as many keys as one RRset holds, ours among them", short, append(keys(t, oneRRset(44)-3), bare...), true, false},
		{"as many keys as one RRset holds, and none is ours", short, keys(t, oneRRset(44)), false, false},
		{"a hundred roots of our root's name, ours among them", short, append(absent, w.root.Record(tlsa.Cert, tlsa.Full)), true, false},
		{"a hundred roots of our root's name, and none is ours", short, absent, false, false},
		{"20 anchors in the chain, all good", append(certificates(w.server.Leaf), early...), of(tlsa.DANETA, early...), true, false},
		{"30 anchors in the chain, the last of which is good", append(crowd, w.intermediate.Certificate), of(tlsa.DANETA, append(broken, w.intermediate.Certificate)...), true, true},
		{"30 anchors in the chain, and a path past them", append(crowd, w.intermediate.Certificate, w.root.Certificate), of(tlsa.DANETA, append(broken, w.root.Certificate)...), true, true},
		{"29 anchors in the chain, none of which may sign", crowd, of(tlsa.DANETA, broken...), false, true},
		{"8 anchors in the chain, none of which may sign", crowd[:9], of(tlsa.DANETA, broken[:8]...), false, false},
		{"9 anchors in the chain, none of which may sign", crowd[:10], of(tlsa.DANETA, broken[:9]...), false, true},
		{"9 anchors in the chain, none of which may sign, and the right key", crowd[:10], append(of(tlsa.DANETA, broken[:9]...), entity...), true, true},
		{"29 anchors that one record names, none of which may sign", crowd, records(w.intermediate.Record(tlsa.SPKI, tlsa.SHA256)), false, true},
		{"9 anchors that one record names, the last of which may sign", append(crowd[:9:9], w.intermediate.Certificate), records(w.intermediate.Record(tlsa.SPKI, tlsa.SHA256)), true, false},
		{"more paths to one anchor than can be tried", tangle, records(forbidden.Record(tlsa.SPKI, tlsa.SHA256)), false, true},
		{"more paths to one anchor than can be tried, and the right key", tangle, records(forbidden.Record(tlsa.SPKI, tlsa.SHA256), record(tlsa.DANEEE, tlsa.SPKI, tlsa.SHA256, tangle[0])), true, true},
		{"more keys than can be tried", append(certificates(w.server.Leaf), bundle(w.intermediate, 6, 0)...), keys(t, 1200), false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			accepted, limited := agree(t, c.chain, c.records)
			if accepted != c.accepted || limited != c.limited {
				t.Errorf("accepted %t, want %t; limited %t, want %t", accepted, c.accepted, limited, c.limited)
			}
		})
	}
}

func choice(random *mathrand.Rand, of ...int) int { return of[random.IntN(len(of))] }

// TestVerifyAndJudgeAgree makes chains and records by chance, small and beyond the
// limits.
func TestVerifyAndJudgeAgree(t *testing.T) {
	t.Parallel()
	w := newWorld()
	pool := append(w.server.Chain(), w.stranger.Certificate)
	for _, faults := range []tlsatest.Fault{tlsatest.NotCA, tlsatest.UnknownExtension, tlsatest.ClientOnly} {
		pool = append(pool, bundle(w.intermediate, 5, faults)...)
		pool = append(pool, w.root.NewCA(tlsatest.Authority{CrossSignedOf: w.intermediate, Faults: faults}).Certificate)
		pool = append(pool, w.stranger.NewCA(tlsatest.Authority{CrossSignedOf: w.root, Faults: faults}).Certificate)
	}
	bare := keys(t, 40)
	outcomes := map[bool]int{}
	for seed := range uint64(25) {
		random := mathrand.New(mathrand.NewPCG(seed, 17))
		chain := certificates(w.server.Leaf)
		for range random.IntN(40) {
			chain = append(chain, pool[random.IntN(len(pool))])
		}
		set := append(strangers(random.IntN(40)), bare[:random.IntN(len(bare))]...)
		for range random.IntN(choice(random, 4, 30)) {
			matching := tlsa.Matching(random.IntN(3))
			r := record(tlsa.DANETA, tlsa.Selector(random.IntN(2)), matching, pool[1+random.IntN(len(pool)-1)])
			if !slices.ContainsFunc(set, r.Equal) {
				set = append(set, r)
			}
		}
		accepted, _ := agree(t, chain, set)
		outcomes[accepted]++
	}
	if outcomes[true] < 4 || outcomes[false] < 4 {
		t.Errorf("accepted: %v", outcomes)
	}
}

// TestWorkIsBounded presents what makes naive searches run for ever: many CAs of one
// name that could all have issued each other, and records for all of them.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	root := tlsatest.NewCA(tlsatest.Authority{Name: "Same", Time: noon})
	chain := root.Issue(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.WrongSignature}).Chain()
	var set []tlsa.Record
	for range 64 {
		ca := tlsatest.NewCA(tlsatest.Authority{Name: "Same", Time: noon})
		chain = append(chain, ca.Certificate)
		set = append(set, ca.Record(tlsa.SPKI, tlsa.SHA256), ca.Record(tlsa.Cert, tlsa.Full), ca.Record(tlsa.SPKI, tlsa.Full))
	}
	set = slices.Concat(set, set, set, set, set)
	chain = slices.Concat(chain, chain, chain, chain)
	v := tlsa.Verifier{Records: set, Names: []string{mx}, Time: atNoon}
	start := time.Now()
	if _, err := v.Verify(chain); reasonOf(t, err) != tlsa.ReasonNoPath {
		t.Errorf("Verify: %v", err)
	}
	if anySatisfied(v.Judge(chain)) {
		t.Error("Judge finds a satisfied record")
	}
	// Some hundred signatures each: far below a second.
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestPathsAreNotSearchedForEver has twenty certificates of one CA, each of which has
// signed every other: there are more paths than can be tried, and none to the anchor.
func TestPathsAreNotSearchedForEver(t *testing.T) {
	t.Parallel()
	w := newWorld()
	chain := append(certificates(w.server.Leaf, w.stranger.Certificate), bundle(w.intermediate, 20, 0)...)
	verifyCase{
		rfc: "RFC 7672 §3.1.2", chain: chain, want: tlsa.ReasonNoPath,
		records: records(w.stranger.Record(tlsa.SPKI, tlsa.SHA256)),
	}.check(t)
}

// TestLongKeyInARecord: with an RSA key of the length that a record has room for, one
// signature takes seconds.
func TestLongKeyInARecord(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for bits, want := range map[uint]tlsa.Reason{8192: tlsa.ReasonNoPath, 8193: tlsa.ReasonParse, 500_000: tlsa.ReasonParse} {
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		key := &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
		bare, err := tlsa.NewFromKey(tlsa.DANETA, tlsa.Full, key)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: noon, NotAfter: noon.AddDate(1, 0, 0)}
		der, err := x509.CreateCertificate(rand.Reader, template, w.root.Certificate, key, w.root.Key)
		if err != nil {
			t.Fatal(err)
		}
		whole := tlsa.Record{Usage: tlsa.DANETA, Selector: tlsa.Cert, Matching: tlsa.Full, Data: der}
		for _, r := range records(bare, whole) {
			verifyCase{rfc: "RFC 7671 §5.2.3", chain: w.server.Chain(), records: records(r), want: want}.check(t)
		}
	}
}

// TestChainIsCut documents where.
func TestChainIsCut(t *testing.T) {
	t.Parallel()
	w := newWorld()
	pad := func(n int) []*x509.Certificate {
		chain := certificates(w.server.Leaf, w.intermediate.Certificate)
		for len(chain) < n {
			chain = append(chain, w.stranger.Certificate)
		}
		return append(chain, w.root.Certificate)
	}
	root := records(w.root.Record(tlsa.SPKI, tlsa.SHA256))
	run(t, []verifyCase{
		{name: "the 32nd certificate", rfc: "RFC 7672 §3.1.2", chain: pad(31), records: root, depth: 2},
		{name: "the 33rd certificate", rfc: "RFC 7672 §3.1.2", chain: pad(32), records: root, want: tlsa.ReasonMismatch},
	})
}
