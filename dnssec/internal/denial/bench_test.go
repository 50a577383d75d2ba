package denial

import (
	"crypto/sha1"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// BenchmarkHash is the hash of a name in a proof beside the bare applications of SHA-1:
// they take turns, and medians count, so that the ratio holds on a busy machine.
func BenchmarkHash(b *testing.B) {
	name, err := canonical.ParseName("_25._tcp.mail.example.")
	if err != nil {
		b.Fatal(err)
	}
	const turn = 64 // hashes, since the clock takes as long as one
	for _, iterations := range []uint16{0, 10, 150} {
		b.Run(fmt.Sprint(iterations, " iterations"), func(b *testing.B) {
			p := parameters{iterations, "\xaa\xbb\xcc\xdd"}
			chain := nsec3Chain{hasher: hasher{parameters: p, spend: func(int, int) error { return nil }}, records: make([]nsec3Record, 1)}
			input, between := []byte(string(name)+p.salt), make([]byte, sha1.Size+len(p.salt))
			b.ReportAllocs()
			var took, floor []time.Duration
			for b.Loop() {
				start := time.Now()
				for range turn {
					hash := sha1.Sum(input)
					for range iterations {
						copy(between, hash[:])
						hash = sha1.Sum(between)
					}
				}
				middle := time.Now()
				for range turn {
					chain.hashes = chain.hashes[:0]
					if _, err := chain.hash(name); err != nil {
						b.Fatal(err)
					}
				}
				took, floor = append(took, time.Since(middle)), append(floor, middle.Sub(start))
			}
			slices.Sort(took)
			slices.Sort(floor)
			median := b.N / 2
			b.ReportMetric(float64(floor[median])/turn, "bare-ns/hash")
			b.ReportMetric(float64(took[median])/turn, "ns/hash")
			b.ReportMetric(float64(took[median])/float64(floor[median]), "x-bare")
			b.ReportMetric(0, "ns/op")
		})
	}
}
