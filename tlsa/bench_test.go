package tlsa_test

import (
	"crypto/sha256"
	"crypto/x509"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
)

// BenchmarkVerify has what a sender does for every connection, each beside the
// work that cannot be avoided.
func BenchmarkVerify(b *testing.B) {
	w := newWorld()
	chain := w.server.Chain()
	verify := func(r tlsa.Record) func(*testing.B) {
		v := &tlsa.Verifier{Records: records(r), Names: []string{mx}, Time: atNoon}
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(chain); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("3 1 1", verify(w.server.Record(tlsa.SPKI, tlsa.SHA256)))
	b.Run("3 1 1 floor is sha256", func(b *testing.B) {
		for b.Loop() {
			sha256.Sum256(chain[0].RawSubjectPublicKeyInfo)
		}
	})
	b.Run("2 1 1", verify(w.root.Record(tlsa.SPKI, tlsa.SHA256)))
	b.Run("2 1 1 floor is x509", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
			roots.AddCert(chain[2])
			intermediates.AddCert(chain[1])
			if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: noon}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestVerifyOfDANEEEAllocatesNothing(t *testing.T) {
	w := newWorld()
	chain := w.server.Chain()
	v := &tlsa.Verifier{Records: records(w.root.Record(tlsa.Cert, tlsa.Full), w.server.Record(tlsa.SPKI, tlsa.SHA256)), Names: []string{mx, "example.org."}}
	if n := testing.AllocsPerRun(100, func() { v.Verify(chain) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkVerifyOfAFullRRset has as many issuers as one message over TCP has room for,
// and the right one last.
func BenchmarkVerifyOfAFullRRset(b *testing.B) {
	w := newWorld()
	chain := w.server.Chain()
	v := &tlsa.Verifier{Records: append(strangers(oneRRset(32)-1), w.root.Record(tlsa.SPKI, tlsa.SHA256)), Names: []string{mx}, Time: atNoon}
	for b.Loop() {
		if _, err := v.Verify(chain); err != nil {
			b.Fatal(err)
		}
	}
}
