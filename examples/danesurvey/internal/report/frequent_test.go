package report

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

func tallyOf(n int) tally {
	t := tally{Domains: n, DANE: n / 2}
	t.States[diagnosis.StateNone] = n
	return t
}

// While there is room, all is exact.
func TestFrequentExact(t *testing.T) {
	t.Parallel()
	f := frequent{limit: 4}
	for _, name := range []string{"b", "a", "c", "b", "d", "b", "a"} {
		f.add(name, tallyOf(1))
	}
	lines, others, more := f.top(2)
	if len(lines) != 2 || lines[0].Name != "b" || lines[0].Domains != 3 || lines[1].Name != "a" || lines[1].Domains != 2 || others.Domains != 2 || more != 2 || f.low != 0 {
		t.Errorf("%+v, others %+v in %d, low %d", lines, others, more, f.low)
	}
	if lines, others, more := new(frequent).top(2); lines != nil || others != (tally{}) || more != 0 {
		t.Errorf("nothing counted: %v %v %d", lines, others, more)
	}
}

// However many names there are, and in whatever order they come, the table has room for its
// limit, what comes often is in it, no count is too high or lower than it says, that is not more
// than twice what comes for each place of the table, and nothing is lost.
func TestFrequentBounds(t *testing.T) {
	t.Parallel()
	const limit, draws = 64, 8000
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 7))
		skewed := rand.NewZipf(random, 1.05+float64(seed)/10, 1, 1<<20)
		var names []string
		for i := range draws {
			name := fmt.Sprint("name", skewed.Uint64())
			if seed%3 == 0 && i%2 == 0 {
				name = fmt.Sprint("once", i)
			}
			names = append(names, name)
		}
		switch seed % 4 {
		case 1:
			slices.Sort(names)
		case 2:
			exact := make(map[string]int)
			for _, name := range names {
				exact[name]++
			}
			slices.SortStableFunc(names, func(a, b string) int { return exact[a] - exact[b] }) // the frequent ones last
		}
		f := frequent{limit: limit}
		exact := make(map[string]int)
		for _, name := range names {
			f.add(name, tallyOf(1))
			exact[name]++
			if len(f.names) > limit {
				t.Fatalf("seed %d: %d names, want at most %d", seed, len(f.names), limit)
			}
		}
		if f.low > 2*draws/limit {
			t.Errorf("seed %d: counts are too low by up to %d, want at most %d", seed, f.low, 2*draws/limit)
		}
		for name, n := range exact {
			switch c := f.names[name]; {
			case c == nil && n > f.low:
				t.Errorf("seed %d: %s came %d times, more than %d, and is not there", seed, name, n, f.low)
			case c != nil && (c.Domains > n || c.Domains < n-f.low):
				t.Errorf("seed %d: %s came %d times, and has %d, which may be too low by %d", seed, name, n, c.Domains, f.low)
			}
		}
		lines, others, _ := f.top(10)
		sum := others.Domains
		for i, l := range lines {
			sum += l.Domains
			if i > 0 && l.Domains > lines[i-1].Domains {
				t.Errorf("seed %d: line %d is not in order", seed, i)
			}
		}
		if sum != draws {
			t.Errorf("seed %d: %d in all, want %d", seed, sum, draws)
		}
	}
}

// heap is the memory that is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Domains with a provider, an issuer and a set of records of their own each do not take more
// memory than the tables have room for. A million take no more than these:
//
//	DANE_DOMAINS=1000000 go test -v -run TestMemory ./internal/report
func TestMemory(t *testing.T) {
	domains := 2 * MaxNames
	if text := os.Getenv("DANE_DOMAINS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		domains = n
	}
	limit := uint64(48<<20 + 8*domains)
	before := heap()
	r := &Report{vantages: make(map[string]*numbers)}
	e := entry{Vantage: "one", At: time.Unix(1<<30, 0), state: diagnosis.StateOK, Code: diagnosis.CodeNoNextKey}
	e.Findings = []finding{{Code: diagnosis.CodeNoNextKey, Severity: "warning", Actor: "mail host"}}
	for i := range domains {
		one := e
		one.Line, one.Domain = i+1, fmt.Sprintf("d%d.example", i)
		h := host{Host: fmt.Sprintf("mx.provider-%d.example", i), Action: mustAuthenticate, TLSA: []string{fmt.Sprintf("%d %d %d 00", i&0xff, i>>8&0xff, i>>16)}}
		h.Probes = []probe{{Protocol: "TLSv1.3", Certificates: []certificate{{
			Subject: "CN=x", Issuer: fmt.Sprintf("CN=x,O=Issuer %d", i), NotAfter: one.At.Add(time.Duration(i) * time.Second),
		}}}}
		one.Hosts = []host{h}
		one.Lookups = []lookup{{Type: "MX", Chain: []link{
			{Zone: ".", Server: "192.0.2.1:53"}, {Zone: one.Domain + ".", Type: "MX", Algorithm: uint8(i), Expiration: one.At.Add(time.Duration(i) * time.Second), Server: fmt.Sprintf("10.%d.%d.1:53", i>>8&0xff, i&0xff)},
		}}}
		r.add(&one)
	}
	used := heap() - before
	t.Logf("%d kB after %d domains", used>>10, domains)
	if used > limit {
		t.Errorf("%d octets, want at most %d", used, limit)
	}
	n := r.vantages["one"]
	if n.all.Domains != domains || n.tables[ofProvider].total.Domains != domains || n.tables[ofIssuer].low > 2*domains/MaxNames {
		t.Errorf("%d domains, %d providers counted, issuers too low by %d", n.all.Domains, n.tables[ofProvider].total.Domains, n.tables[ofIssuer].low)
	}
	runtime.KeepAlive(r)
}

// What ends next is what is kept, with the right number of domains, in whatever order it comes.
func TestSoonest(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	var s soonest
	exact := make(map[end]int)
	start := time.Unix(12345*86400, 0)
	first, last := dayOf(start), dayOf(start)+3
	for range 20000 {
		at := start.Add(time.Duration(random.IntN(4*24*60)) * time.Minute)
		name := fmt.Sprint("zone", random.IntN(3))
		s.add(name, at, first)
		exact[end{name, at.Unix()}]++
		for on, list := range s.days {
			if len(list.domains) > 2*maxEnds {
				t.Fatalf("%d are kept of day %d", len(list.domains), on)
			}
		}
	}
	for from := first; from <= last; from++ {
		var want []endOf
		others := 0
		for _, one := range slices.SortedFunc(maps.Keys(exact), end.compare) {
			switch {
			case one.at < from*86400:
			case len(want) < maxEnds:
				want = append(want, endOf{one, exact[one]})
			default:
				others += exact[one]
			}
		}
		got := s.between(from, last, maxEnds)
		if diff := cmp.Diff(want, got.Ends, cmp.AllowUnexported(endOf{}, end{})); diff != "" {
			t.Errorf("from day %d (-want +got):\n%s", from, diff)
		}
		if got.Others != others || !got.Inexact {
			t.Errorf("from day %d there are %d others, %t, want %d, and not all of them known", from, got.Others, got.Inexact, others)
		}
	}
	s.add("later", start.Add(100*day), last)
	if len(s.days) != 2 {
		t.Errorf("%d days are kept, want the last one and that of what came later", len(s.days))
	}
}
