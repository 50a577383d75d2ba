package limittest

import (
	"runtime"
	"testing"
)

// HeapOf returns what the heap grows by, in octets, when something is filled that stays alive. No
// other test may run at the same time.
func HeapOf(fill func() (alive any)) int {
	size := func() uint64 {
		runtime.GC()
		runtime.GC() // what finalizers and pools have held
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	before := size()
	alive := fill()
	after := size()
	runtime.KeepAlive(alive)
	return int(after) - int(before)
}

// WantHeap compares it with a bound: not much more, and not so much less that there is room
// for little.
func WantHeap(t *testing.T, heap, bound int) {
	t.Helper()
	ratio := float64(heap) / float64(bound)
	t.Logf("%.1f MB, %.2f of the bound", float64(heap)/(1<<20), ratio)
	if ratio > 1.25 || ratio < 0.5 {
		t.Errorf("%d octets where the bound is %d", heap, bound)
	}
}
