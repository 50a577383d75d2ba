package rrsig_test

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// slowly is an algorithm whose signatures take until they are let go. Good ones begin with 1.
type slowly struct {
	letGo    chan struct{}
	at, most atomic.Int32 // how many are verified now, and were at the same time
}

func (s *slowly) Parse([]byte) (rrsig.PublicKey, error) { return s, nil }

func (s *slowly) Verify(_, signature []byte) bool {
	at := s.at.Add(1)
	defer s.at.Add(-1)
	for most := s.most.Load(); at > most && !s.most.CompareAndSwap(most, at); most = s.most.Load() {
	}
	<-s.letGo
	return signature[0] == 1
}

// slowKey is a key of the algorithm.
func slowKey(t *testing.T, s *slowly) *rrsig.Key {
	const number = 200
	return rrsig.NewKey(rrsig.Add(supported, number, s), record[*dns.DNSKEY](t, "example. DNSKEY 257 3 200 AQ=="))
}

func TestQueueVerifiesAsManyAsThereAreProcessors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slowly{letGo: make(chan struct{})}
		key, queue := slowKey(t, s), new(rrsig.Queue)
		processors := runtime.GOMAXPROCS(0)
		asked := 3 * processors
		var all sync.WaitGroup
		var good atomic.Int32
		for i := range asked {
			all.Go(func() {
				sig := &dns.RRSIG{Signature: "AQ=="}
				if i%2 == 1 {
					sig.Signature = "AA=="
				}
				switch err := queue.VerifyData(key, []byte("data"), sig); {
				case err == nil && i%2 == 0:
					good.Add(1)
				case !errors.Is(err, rrsig.ErrSignature) || i%2 == 0:
					t.Errorf("signature %d: %v", i, err)
				}
			})
		}
		synctest.Wait()
		if now := int(s.at.Load()); now != processors {
			t.Errorf("%d are verified while %d wait, want %d", now, asked, processors)
		}
		close(s.letGo)
		all.Wait()
		if got, want := int(good.Load()), (asked+1)/2; got != want {
			t.Errorf("%d are good, want %d", got, want)
		}
		if most := int(s.most.Load()); most != processors {
			t.Errorf("%d were verified at the same time, want %d", most, processors)
		}
		// Its goroutines have ended: else the bubble would not, and this test would fail.
	})
}

func TestQueueVerifiesInTheOrderInWhichTheyCame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &slowly{letGo: make(chan struct{})}
		key, queue := slowKey(t, s), new(rrsig.Queue)
		processors := runtime.GOMAXPROCS(0)
		done := make(chan int, 4*processors)
		var all sync.WaitGroup
		for i := range cap(done) {
			all.Go(func() {
				_ = queue.VerifyData(key, nil, &dns.RRSIG{Signature: "AQ=="})
				done <- i
			})
			synctest.Wait() // it is in the queue before the next one comes
		}
		for first := 0; first < cap(done); first += processors {
			for range processors { // so many are verified at the same time
				s.letGo <- struct{}{}
				synctest.Wait()
			}
			for range processors {
				if got := <-done; got < first || got >= first+processors {
					t.Errorf("signature %d was verified among those from %d to %d", got, first, first+processors-1)
				}
			}
		}
		all.Wait()
	})
}

func TestQueueThatIsNilVerifies(t *testing.T) {
	t.Parallel()
	s := &slowly{letGo: make(chan struct{})}
	close(s.letGo)
	var queue *rrsig.Queue
	if err := queue.VerifyData(slowKey(t, s), nil, &dns.RRSIG{Signature: "AA=="}); !errors.Is(err, rrsig.ErrSignature) {
		t.Errorf("%v, want %v", err, rrsig.ErrSignature)
	}
}
