package main

import "testing"

// TestSpareLines: buffers are used again, but neither many nor large ones are kept.
func TestSpareLines(t *testing.T) {
	t.Parallel()
	spare := make(spareLines, maxSpareLines)
	if line := spare.take(); line != nil {
		t.Errorf("%d octets before any was given back", cap(line))
	}
	spare.put(append(make([]byte, 0, 100), "a row"...))
	if line := spare.take(); len(line) != 0 || cap(line) != 100 {
		t.Errorf("a buffer of %d of %d octets, want an empty one of 100", len(line), cap(line))
	}
	spare.put(make([]byte, maxSpareLine+1))
	if line := spare.take(); line != nil {
		t.Errorf("one of %d octets was kept", cap(line))
	}
	for range maxSpareLines + 1 {
		spare.put(make([]byte, 1))
	}
	if len(spare) != maxSpareLines {
		t.Errorf("%d are kept, want %d", len(spare), maxSpareLines)
	}
}
