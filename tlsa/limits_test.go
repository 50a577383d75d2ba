package tlsa_test

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

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
	verdicts := v.Judge(chain)
	if reason := reasonOf(t, verdicts[len(verdicts)-1].Err); reason != tlsa.ReasonLimit {
		t.Errorf("the last of %d records: %v", len(verdicts), reason)
	}
	// 130 signatures for Verify and as many for each of 16 records: far below a second.
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

// TestPathsAreNotSearchedForEver has twenty certificates of one CA, each of which has
// signed every other: there are more paths than can be tried, and none to the anchor.
func TestPathsAreNotSearchedForEver(t *testing.T) {
	t.Parallel()
	w := newWorld()
	chain := certificates(w.server.Leaf, w.stranger.Certificate)
	for range 20 {
		chain = append(chain, w.intermediate.NewCA(tlsatest.Authority{CrossSignedOf: w.intermediate}).Certificate)
	}
	verifyCase{
		rfc: "RFC 7672 §3.1.2", chain: chain, want: tlsa.ReasonNoPath,
		records: records(w.stranger.Record(tlsa.SPKI, tlsa.SHA256)),
	}.check(t)
}

// TestAnchorBeyondTheLimitIsNotLookedAt documents where a chain and a record set
// are cut.
func TestAnchorBeyondTheLimitIsNotLookedAt(t *testing.T) {
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
	flood := func(n int, last tlsa.Record) []tlsa.Record {
		var set []tlsa.Record
		for range n {
			set = append(set, tlsatest.NewCA(tlsatest.Authority{Name: "Flood", Time: noon}).Record(tlsa.Cert, tlsa.Full))
		}
		return append(set, last)
	}
	short := certificates(w.server.Leaf, w.intermediate.Certificate)
	run(t, []verifyCase{
		{name: "the 32nd certificate", rfc: "RFC 7672 §3.1.2", chain: pad(31), records: root, depth: 2},
		{name: "the 33rd certificate", rfc: "RFC 7672 §3.1.2", chain: pad(32), records: root, want: tlsa.ReasonMismatch},
		{name: "the 32nd anchor", rfc: "RFC 7671 §5.2.2", chain: short, record: 31, depth: 2,
			records: flood(31, w.root.Record(tlsa.Cert, tlsa.Full))},
		{name: "the 33rd anchor", rfc: "RFC 7671 §5.2.2", chain: short, want: tlsa.ReasonNoPath,
			records: flood(32, w.root.Record(tlsa.Cert, tlsa.Full))},
		{name: "a key that counts once for each issuer in the chain, and then too often", rfc: "RFC 7671 §5.2.3", chain: short, want: tlsa.ReasonNoPath,
			records: flood(31, w.root.Record(tlsa.SPKI, tlsa.Full))},
	})
}
