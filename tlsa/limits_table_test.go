package tlsa_test

import (
	"crypto/rsa"
	"math/big"
	"testing"

	"github.com/danesmtp/danesmtp/internal/limittest"
	"github.com/danesmtp/danesmtp/tlsa"
)

func TestLimitsOfAChain(t *testing.T) {
	t.Parallel()
	limittest.Table(t, "../SECURITY.md", "One certificate chain (package tlsa)", map[string]limittest.Row{
		"presented certificates": {Limit: "32", Tests: []string{"TestChainIsCut"}},
		"trust anchors tried together, by crypto/x509 with 100 signatures": {Limit: "32", Tests: []string{"TestNoLimitHidesTheRightRecord"}},
		"trust anchors tried one by one, nearest first":                    {Limit: "8, with 100 signatures each", Tests: []string{"TestNoLimitHidesTheRightRecord"}},
		"signatures checked to find out which are near":                    {Limit: "4096 of the cost of P-256", Check: limitOfWork},
		"RSA keys in records of usage 2":                                   {Limit: "8192 bits", Tests: []string{"TestLongKeyInARecord"}},
	})
}

// limitOfWork has a certificate whose signature is tried with n RSA keys of 8192 bits, each of
// which counts for sixteen of P-256. It is of another algorithm, so that the test takes no time.
func limitOfWork(t *testing.T) {
	w := newWorld()
	var set []tlsa.Record
	for i := range int64(4096/16 + 1) {
		n := new(big.Int).Lsh(big.NewInt(1), 8191)
		r, err := tlsa.NewFromKey(tlsa.DANETA, tlsa.Full, &rsa.PublicKey{N: n.Add(n, big.NewInt(2*i+1)), E: 65537})
		if err != nil {
			t.Fatal(err)
		}
		set = append(set, r)
	}
	for n, limited := range map[int]bool{4096 / 16: false, 4096/16 + 1: true} {
		if accepted, cut := agree(t, certificates(w.server.Leaf), set[:n]); accepted || cut != limited {
			t.Errorf("%d keys: accepted %t, limited %t, want %t", n, accepted, cut, limited)
		}
	}
}
