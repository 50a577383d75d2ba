package canonical_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

func name(t *testing.T, text string) canonical.Name {
	t.Helper()
	n, err := canonical.ParseName(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return n
}

// The order that RFC 4034 §6.1 gives as its example.
func TestCanonicalOrder(t *testing.T) {
	t.Parallel()
	want := []string{
		"example.", "a.example.", "yljkjljk.a.example.", "z.a.example.", "zabc.a.example.", "z.example.",
		`\001.z.example.`, "*.z.example.", `\200.z.example.`,
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, func(a, b string) int { return name(t, a).Compare(name(t, b)) })
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestBelowIsByLabel(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, zone string
		want       bool
	}{
		{"example.com.", "example.com.", true},
		{"WWW.Example.COM", "example.com.", true},
		{"example.com.", ".", true},
		{"evilexample.com.", "example.com.", false},
		{`evil\.example.com.`, "example.com.", false},
		{"com.", "example.com.", false},
		{"a.example.com.", "b.example.com.", false},
	} {
		if got := name(t, tt.name).Below(name(t, tt.zone)); got != tt.want {
			t.Errorf("%s below %s: %v", tt.name, tt.zone, got)
		}
	}
}

func TestNameParts(t *testing.T) {
	t.Parallel()
	n := name(t, "a.b.Example.")
	if n.Labels() != 3 || n.Parent() != name(t, "b.example.") || n.Ancestor(1) != name(t, "example.") ||
		n.Ancestor(0) != canonical.Root || !n.Ancestor(0).IsRoot() || n.String() != "a.b.example." {
		t.Errorf("parts of %s are wrong", n)
	}
	if got := n.CommonAncestor(name(t, "c.b.example.")); got != name(t, "b.example.") {
		t.Errorf("common ancestor %s", got)
	}
	if w, ok := n.Wildcard(); !ok || w != name(t, "*.a.b.example.") || !w.IsWildcard() {
		t.Errorf("wildcard %s", w)
	}
	long := strings.Repeat(strings.Repeat("a", 62)+".", 3) + strings.Repeat("b", 63) + "."
	if _, ok := name(t, long).Wildcard(); ok {
		t.Error("a wildcard longer than 255 octets")
	}
	for _, bad := range []string{strings.Repeat("a", 64) + ".", "a..b.", strings.Repeat("abcdefg.", 40)} {
		if n, err := canonical.ParseName(bad); err == nil {
			t.Errorf("%q parsed as %x", bad, n)
		}
	}
}

func TestSignedDataIsCanonical(t *testing.T) {
	t.Parallel()
	sig := &dns.RRSIG{TypeCovered: dns.TypeMX, Algorithm: 13, Labels: 1, OrigTtl: 0x01020304, SignerName: "EXAMPLE."}
	rr := func(text string) dns.RR {
		t.Helper()
		record, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		return record
	}
	set := []dns.RR{rr("Host.Example. 5 IN MX 20 B.example."), rr("host.EXAMPLE. 9 IN MX 10 a.EXAMPLE."), rr("host.example. 9 IN MX 10 a.example.")}
	rrset, err := canonical.NewRRset(append(set, set[0])...)
	if err != nil || rrset.Len() != 2 {
		t.Fatalf("%d records, %v", rrset.Len(), err)
	}
	got, err := rrset.AppendSignedData(nil, sig)
	if err != nil {
		t.Fatal(err)
	}
	record := func(preference byte, host string) string {
		rdata := "\x00" + string(preference) + string(name(t, host))
		return string(name(t, "*.example.")) + "\x00\x0f\x00\x01\x01\x02\x03\x04\x00" + string(rune(len(rdata))) + rdata
	}
	want := "\x00\x0f\x0d\x01\x01\x02\x03\x04" + strings.Repeat("\x00", 10) + string(name(t, "example.")) +
		record(10, "a.example.") + record(20, "b.example.")
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", hex.EncodeToString(got), hex.EncodeToString([]byte(want)))
	}
	if set[0].Header().Name != "Host.Example." || set[0].(*dns.MX).Mx != "B.example." {
		t.Error("the records given were changed")
	}
	if _, err := rrset.Add(rr("other.example. 9 IN MX 10 a.example.")); err == nil {
		t.Error("two owners passed as one RRset")
	}
	if _, err := new(canonical.RRset).AppendSignedData(nil, sig); err == nil {
		t.Error("no record passed as an RRset")
	}
}

// However many records there are, and in whatever order they come, each counts once and stands
// in its place (RFC 4034 §6.3).
func TestManyRecords(t *testing.T) {
	t.Parallel()
	rr := func(text string) dns.RR {
		record, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		return record
	}
	for _, n := range []int{15, 16, 17, 18, 4000} {
		var set canonical.RRset
		for i := range n {
			address := n - 1 - i
			record := rr(fmt.Sprintf("a. 60 A 192.0.%d.%d", address/256, address%256))
			for again, want := range []bool{true, false} {
				if added, err := set.Add(record); added != want || err != nil {
					t.Fatalf("record %d, time %d: %t, %v", i, again+1, added, err)
				}
			}
		}
		sig := rr("a. 60 RRSIG A 13 1 60 20300101000000 20200101000000 1 . AAAA").(*dns.RRSIG)
		data, err := set.AppendSignedData(nil, sig)
		if err != nil || set.Len() != n {
			t.Fatalf("%d of %d records, %v", set.Len(), n, err)
		}
		records := data[len(data)-set.SignedSize():]
		for i := range n {
			const size = 3 + 10 + 4
			if last := records[i*size+size-2 : (i+1)*size]; int(last[0])*256+int(last[1]) != i {
				t.Fatalf("of %d records, number %d is %v", n, i, last)
			}
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, seed := range []string{".", "example.", `a\.b.c`, `\000\255.x.`, "A.b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := canonical.ParseName(text)
		if err != nil {
			return
		}
		var wire [256]byte
		end, err := dns.PackDomainName(dns.Fqdn(text), wire[:], 0, nil, false)
		if err != nil || !bytes.EqualFold(wire[:end], []byte(n)) && string(bytes.ToLower(wire[:end])) != string(n) {
			t.Errorf("%q became %x, and with miekg/dns %x (%v)", text, n, wire[:end], err)
		}
		if theirs, _, err := dns.UnpackDomainName([]byte(n), 0); err != nil || theirs != n.String() {
			t.Errorf("%x is written %q, and by miekg/dns %q (%v)", n, n.String(), theirs, err)
		}
		again, err := canonical.ParseName(n.String())
		if err != nil || again != n {
			t.Errorf("%q became %x, then %x (%v)", text, n, again, err)
		}
		if !n.Is(text) || !n.Is(n.String()) || n.Is("x."+n.String()) || n.IsRoot() != n.Is(".") {
			t.Errorf("%q is not %x", text, n)
		}
		if !n.Below(canonical.Root) || n.Compare(n) != 0 || len(n) > 255 {
			t.Errorf("%q: not a name: %x", text, n)
		}
	})
}

// What is near makes no difference to the name.
func TestParseNear(t *testing.T) {
	texts := []string{".", "test.", "TEST", "zone.test.", "a.zone.test.", "one.test.", "xone.test.", `a\.zone.test.`, `\004zone.test.`, "e.test.", ""}
	for _, text := range append(texts, "..", "a..b", strings.Repeat("a", 64)) {
		want, wantErr := canonical.ParseName(text)
		for _, near := range texts {
			name, err := canonical.ParseName(near)
			if err != nil {
				name = "" // the zero Name, too
			}
			if got, err := canonical.ParseNear(name, text); got != want || err != wantErr {
				t.Errorf("%q near %q: %q, %v; want %q, %v", text, near, got, err, want, wantErr)
			}
		}
	}
	near, err := canonical.ParseName("_25._tcp.mail.zone.test.")
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { canonical.ParseNear(near, "Zone.test.") }); n != 0 {
		t.Errorf("%v allocations for a name above", n)
	}
}
