package rrsig_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
	"github.com/danesmtp/danesmtp/dnssec/internal/sign"
)

var benched = []struct {
	name      string
	algorithm uint8
}{
	{"RSA-2048", dns.RSASHA256}, {"P-256", dns.ECDSAP256SHA256}, {"Ed25519", dns.ED25519},
}

// BenchmarkVerify is what it takes to verify an RRset as it is received, from its
// canonical form on, beside the bare check of the same signature: they take turns, and
// medians count, so that the ratio holds on a busy machine.
func BenchmarkVerify(b *testing.B) {
	for _, bench := range benched {
		b.Run(bench.name, func(b *testing.B) {
			ours, bare := verification(b, bench.algorithm)
			var took, floor []time.Duration
			for b.Loop() {
				start := time.Now()
				bare()
				middle := time.Now()
				ours()
				took, floor = append(took, time.Since(middle)), append(floor, middle.Sub(start))
			}
			slices.Sort(took)
			slices.Sort(floor)
			median := b.N / 2
			b.ReportMetric(float64(floor[median]), "bare-ns/op")
			b.ReportMetric(float64(took[median]), "ns/op")
			b.ReportMetric(float64(took[median])/float64(floor[median]), "x-bare")
			b.ReportMetric(testing.AllocsPerRun(100, ours)-testing.AllocsPerRun(100, bare), "allocs-above/op")
		})
	}
}

func TestVerifyAllocatesLittle(t *testing.T) {
	for _, bench := range benched {
		ours, bare := verification(t, bench.algorithm)
		if above := testing.AllocsPerRun(10, ours) - testing.AllocsPerRun(10, bare); above > 4 {
			t.Errorf("%s: %v allocations above the bare check", bench.name, above)
		}
	}
}

// verification returns all that it takes to verify an MX RRset as it is received, and
// the check of the signature alone.
func verification(tb testing.TB, algorithm uint8) (ours, bare func()) {
	tb.Helper()
	key, err := sign.NewKey("example.", algorithm, sign.ZSK)
	if err != nil {
		tb.Fatal(err)
	}
	now := time.Now()
	set := []dns.RR{record[dns.RR](tb, "example. 300 IN MX 10 Mail.example."), record[dns.RR](tb, "example. 300 IN MX 20 backup.example.")}
	sig, err := key.Sign(set, now, now.Add(time.Hour))
	if err != nil {
		tb.Fatal(err)
	}
	set, sig = received(tb, set[0], set[1], sig)
	apex, public := zone(tb, "example."), rrsig.NewKey(supported, key.Public)
	ours = func() {
		var signed canonical.RRset
		for _, rr := range set {
			if _, err := signed.Add(rr); err != nil {
				tb.Fatal(err)
			}
		}
		if err := rrsig.Check(&signed, sig, apex, now, 0); err != nil {
			tb.Fatal(err)
		}
		if err := public.Verify(&signed, sig); err != nil {
			tb.Fatal(err)
		}
	}
	return ours, bareVerify(tb, rrset(tb, set...), sig, key)
}

// received returns two records and a signature as they come from the network.
func received(tb testing.TB, first, second dns.RR, sig *dns.RRSIG) ([]dns.RR, *dns.RRSIG) {
	wire, err := (&dns.Msg{Answer: []dns.RR{first, second, sig}}).Pack()
	if err != nil {
		tb.Fatal(err)
	}
	var msg dns.Msg
	if err := msg.Unpack(wire); err != nil {
		tb.Fatal(err)
	}
	return msg.Answer[:2], msg.Answer[2].(*dns.RRSIG)
}

// bareVerify returns the call of the standard library that checks the signature.
func bareVerify(tb testing.TB, set *canonical.RRset, sig *dns.RRSIG, key *sign.Key) func() {
	data, err := set.AppendSignedData(nil, sig)
	if err != nil {
		tb.Fatal(err)
	}
	signature, err := base64.StdEncoding.DecodeString(sig.Signature)
	if err != nil {
		tb.Fatal(err)
	}
	digest := sha256.Sum256(data)
	var good func() bool
	switch public := key.Private.Public().(type) {
	case *rsa.PublicKey:
		good = func() bool { return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil }
	case *ecdsa.PublicKey:
		der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])})
		if err != nil {
			tb.Fatal(err)
		}
		good = func() bool { return ecdsa.VerifyASN1(public, digest[:], der) }
	case ed25519.PublicKey:
		good = func() bool { return ed25519.Verify(public, data, signature) }
	}
	return func() {
		if !good() {
			tb.Fatal("the signature is not good")
		}
	}
}
