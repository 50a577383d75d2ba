package dnssec

import (
	"testing"
	"time"
)

// Each query notes its reply: that must cost nothing where another one was noted a moment ago.
func TestRepliesAreNotedWithoutAllocation(t *testing.T) {
	var replied replyTime
	now := time.Now()
	replied.note(now)
	if n := testing.AllocsPerRun(100, func() { replied.note(now) }); n != 0 {
		t.Errorf("%v allocations for each reply", n)
	}
}
