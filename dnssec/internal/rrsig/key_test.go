package rrsig_test

import (
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// A counter reads keys, and counts them.
type counter struct{ read int }

func (c *counter) Parse([]byte) (rrsig.PublicKey, error) {
	c.read++
	return everything{}, nil
}

type everything struct{}

func (everything) Verify([]byte, []byte) bool { return true }

// What was read of a key takes more memory than the record, and most keys are soon not needed again.
func TestKeyIsReadAgainAfterTheGarbageIsCollected(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	count := new(counter)
	algorithms := rrsig.Algorithms{Extra: map[uint8]rrsig.Algorithm{dns.ED448: count}}
	key := rrsig.NewKey(algorithms, &dns.DNSKEY{Algorithm: dns.ED448})
	for _, want := range []int{1, 2} {
		for range 3 {
			if err := key.Usable(); err != nil {
				t.Fatal(err)
			}
		}
		if count.read != want {
			t.Errorf("read %d times, instead of %d", count.read, want)
		}
		runtime.GC()
	}
	runtime.KeepAlive(key)
}
