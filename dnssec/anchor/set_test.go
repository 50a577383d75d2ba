package anchor_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

func TestEnclosingIsByLabel(t *testing.T) {
	t.Parallel()
	set, err := anchor.Parse(strings.NewReader("example. DS 1 13 2 ab\nsub.example. DS 1 13 2 ab"), "test")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"example.": "example.", "a.b.SUB.Example.": "sub.example.", "evilexample.": "", "x.test.": "",
	} {
		if got, found := set.Enclosing(name); got != want || found != (want != "") {
			t.Errorf("Enclosing(%q) = %q, %v; want %q", name, got, found, want)
		}
	}
}

func TestAnchorsInForce(t *testing.T) {
	t.Parallel()
	at := func(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }
	forever := anchor.Anchor{Zone: "."}
	from, until := anchor.Anchor{Zone: ".", From: at(2010)}, anchor.Anchor{Zone: ".", Until: at(2020)}
	island := anchor.Anchor{Zone: "island.", Until: at(2015)}
	for _, tt := range []struct {
		name string
		set  anchor.Set
		now  time.Time
		want anchor.Set // none: an error
	}{
		{"no period", anchor.Set{forever}, at(2000), anchor.Set{forever}},
		{"before the first instant", anchor.Set{forever, from}, at(2010).Add(-1), anchor.Set{forever}},
		{"at the first instant", anchor.Set{forever, from}, at(2010), anchor.Set{forever, from}},
		{"before the last instant", anchor.Set{until, from}, at(2020).Add(-1), anchor.Set{until, from}},
		{"at the last instant", anchor.Set{until, from}, at(2020), anchor.Set{from}},
		{"not yet", anchor.Set{from}, at(2000), nil},
		{"no longer", anchor.Set{until}, at(2030), nil},
		{"a lapsed root does not become unsigned beside an island", anchor.Set{until, {Zone: "other."}}, at(2030), nil},
		{"nor does a lapsed island beside the root", anchor.Set{forever, island}, at(2030), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.set.Anchors(tt.now)
			if (err == nil) != (tt.want != nil) || err != nil && !errors.Is(err, anchor.ErrNone) {
				t.Fatalf("error %v", err)
			}
			if !got.Equal(tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
	if got, err := anchor.Set(nil).Anchors(at(2000)); got != nil || err != nil {
		t.Errorf("the zero Set gives %v, %v", got, err)
	}
}

// A lookup asks for the anchors each time. Not parallel, for the count to be right.
func TestAnchorsWithoutPeriodsAreNotCopied(t *testing.T) {
	set, now := anchor.Root(), time.Now()
	if n := testing.AllocsPerRun(10, func() { _, _ = set.Anchors(now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
