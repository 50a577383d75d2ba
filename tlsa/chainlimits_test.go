package tlsa_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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

// limitOfWork has a certificate whose signature is tried with n keys, each of which costs as
// much as sixteen of P-256.
func limitOfWork(t *testing.T) {
	w := newWorld()
	var set []tlsa.Record
	for range 4096/16 + 1 {
		key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		r, err := tlsa.NewFromKey(tlsa.DANETA, tlsa.Full, key.Public())
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
