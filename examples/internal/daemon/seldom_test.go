package daemon

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Seldom
		lines, leftOut := 0, 0
		flood := func() { // a hundred a second, for ten seconds
			lines, leftOut = 0, 0
			for range 1000 {
				if n, ok := s.Now(); ok {
					lines, leftOut = lines+1, leftOut+n
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
		if flood(); lines != seldomBurst+9 || leftOut > 1000-lines || leftOut < 1000-lines-100 {
			t.Errorf("%d lines, which tell of %d others", lines, leftOut)
		}
		if flood(); lines != 10 || leftOut < 900 {
			t.Errorf("then %d lines, which tell of %d others", lines, leftOut)
		}
		time.Sleep(time.Minute)
		for i := range seldomBurst {
			if n, ok := s.Now(); !ok || n > 0 && i > 0 {
				t.Errorf("after a minute: %t, %d left out", ok, n)
			}
		}
	})
}
