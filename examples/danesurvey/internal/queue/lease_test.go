package queue

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestPartitionsHaveOneOwner: workers come, go, die, are deaf for a while, and the Server is
// started again; at no time do two of them have the same partition, and in the end those
// that are there have all of them.
func TestPartitionsHaveOneOwner(t *testing.T) {
	t.Parallel()
	const length = 12 * time.Second
	type worker struct {
		holds []int
		until time.Time // by its own clock: its last request that was answered, and the lease
		dead  bool
	}
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 1))
		now := time.Unix(0, 0)
		server := newLeases(length, now.Add(-length))
		workers := make(map[string]*worker)
		names := []string{"a", "b", "c", "d"}
		for step := range 400 {
			now = now.Add(time.Duration(random.IntN(3000)) * time.Millisecond)
			name := names[random.IntN(len(names))]
			w := workers[name]
			if w == nil || w.dead {
				w = new(worker)
				names = append(slices.DeleteFunc(names, func(n string) bool { return n == name }), name+"'")
				workers[name+"'"] = w
				name += "'"
			}
			settled := step > 350 // nothing happens to anybody any more
			if !settled {
				switch random.IntN(40) {
				case 0:
					w.dead = true // and holds what it has until its lease is over
					continue
				case 1:
					server = newLeases(length, now)
				}
			}
			if now.After(w.until) {
				w.holds = nil
			}
			grant, _ := server.renew("v", leaseRequest{Worker: name, Holds: w.holds}, now)
			if !settled && random.IntN(5) == 0 {
				continue // the reply is lost
			}
			w.holds, w.until = grant, now.Add(length)
			owner := make(map[int]string)
			for n, other := range workers {
				for _, p := range other.holds {
					if now.After(other.until) {
						continue
					}
					if owner[p] != "" {
						t.Fatalf("seed %d, step %d: %s and %s both have %d", seed, step, owner[p], n, p)
					}
					owner[p] = n
				}
			}
		}
		for round := range 20 {
			now = now.Add(length / 4)
			held := 0
			for _, name := range names {
				if w := workers[name]; w != nil && !w.dead {
					w.holds, _ = server.renew("v", leaseRequest{Worker: name, Holds: w.holds}, now)
					held += len(w.holds)
				}
			}
			if round == 19 && held != partitions {
				t.Fatalf("seed %d: %d of %d partitions have an owner", seed, held, partitions)
			}
		}
	}
}

// TestThoseWhoComeFirst: workers of a new survey that come together get their parts at once, which have had no owner; what
// goes from one to another has had one, and so may all after a restart of the Server.
func TestThoseWhoComeFirst(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	type step struct {
		after  time.Duration // since the start
		worker string
		grants int
		fresh  bool
	}
	together := []step{
		{0, "a", 0, false}, {100 * time.Millisecond, "b", 0, false},
		{gather, "a", partitions / 2, true}, {gather, "b", partitions / 2, true}, {time.Second, "a", partitions / 2, true},
	}
	later := []step{
		{0, "a", 0, false}, {gather, "a", partitions, true}, {time.Second, "b", 0, true},
		{time.Second, "a", partitions / 2, true}, {time.Second, "a", partitions / 2, true}, {2 * time.Second, "b", partitions / 2, false},
	}
	const length = 12 * time.Second
	restarted := []step{
		{0, "a", 0, false}, {length - 1, "b", 0, false}, {length, "a", partitions / 2, false}, {length, "b", partitions / 2, false},
	}
	for _, tt := range []struct {
		name  string
		began time.Time
		steps []step
	}{{"two together", time.Time{}, together}, {"one after the other", time.Time{}, later}, {"after a restart", start, restarted}} {
		l, holds := newLeases(length, tt.began), make(map[string][]int)
		for i, s := range tt.steps {
			grant, fresh := l.renew("v", leaseRequest{Worker: s.worker, Holds: holds[s.worker]}, start.Add(s.after))
			if len(grant) != s.grants || fresh != s.fresh {
				t.Errorf("%s, step %d: %d partitions, fresh %t; want %d, %t", tt.name, i, len(grant), fresh, s.grants, s.fresh)
			}
			holds[s.worker] = grant
		}
	}
}

func TestWhoHasDied(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	l := newLeases(time.Second, now)
	l.renew("v", leaseRequest{Worker: "dead"}, now)
	l.renew("v", leaseRequest{Worker: "left"}, now)
	l.renew("v", leaseRequest{Worker: "left", Leaving: true}, now)
	l.renew("v", leaseRequest{Worker: "alive"}, now.Add(time.Minute))
	for worker, want := range map[string]bool{"dead": true, "left": false, "alive": false, "unknown": false} {
		if _, died := l.died("v", worker, now.Add(time.Minute)); died != want {
			t.Errorf("%s: died %t", worker, died)
		}
	}
}
