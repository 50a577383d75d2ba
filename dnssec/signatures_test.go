package dnssec_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/denial"
	"github.com/danesmtp/danesmtp/dnssec/internal/ds"
	"github.com/danesmtp/danesmtp/dnssec/internal/replay"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// TestSignatures checks the RRsets, DS records and hashes of Unbound's unit tests.
func TestSignatures(t *testing.T) {
	t.Parallel()
	folder := suite(t, "signatures")
	dates := make(map[string]string)
	for _, row := range table(t, filepath.Join(folder, "dates.tsv")) {
		dates[row[0]] = row[1]
	}
	files, err := filepath.Glob(filepath.Join(folder, "test_*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files: ", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			entries, err := replay.ParseEntries(f, file)
			if err != nil || len(entries) == 0 {
				t.Fatal("no entries: ", err)
			}
			kind, _, _ := strings.Cut(filepath.Base(file), ".")
			switch kind {
			case "test_ds":
				checkDS(t, entries)
			case "test_nsec3_hash":
				checkHashes(t, entries)
			default:
				now, err := time.Parse("20060102150405", dates[filepath.Base(file)])
				if err != nil {
					t.Fatal("no date for this file: ", err)
				}
				checkSignatures(t, now, entries)
			}
		})
	}
}

// table reads a file of lines with tabs between the columns.
func table(t *testing.T, file string) [][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for line := range strings.Lines(string(text)) {
		rows = append(rows, strings.Split(strings.TrimRight(line, "\r\n"), "\t"))
	}
	return rows
}

// checkDS compares the DS record and the key of each entry. The question says whether
// they must match.
func checkDS(t *testing.T, entries []*replay.Entry) {
	for _, e := range entries {
		var record *dns.DS
		var key *dns.DNSKEY
		for _, rr := range e.Msg.Answer {
			switch rr := rr.(type) {
			case *dns.DS:
				record = rr
			case *dns.DNSKEY:
				key = rr
			}
		}
		if record == nil || key == nil {
			t.Fatalf("line %d: no pair of DS and DNSKEY", e.Line)
		}
		want := strings.HasPrefix(e.Msg.Question[0].Name, "yes")
		if got := ds.Matches(record, name(t, key.Hdr.Name), key); got != want {
			t.Errorf("line %d: match %t, want %t", e.Line, got, want)
		}
	}
}

// checkHashes hashes the name in each question by the parameters of the NSEC3 record: a
// record with the hash in the answer as its owner is that of the name.
func checkHashes(t *testing.T, entries []*replay.Entry) {
	free := denial.Cost{Iterations: denial.MaxIterations, Spend: func(int, int) error { return nil }}
	for _, e := range entries {
		record, ok := e.Msg.Ns[0].(*dns.NSEC3)
		if !ok {
			t.Fatalf("line %d: no NSEC3 record", e.Line)
		}
		owner := e.Msg.Answer[0].Header().Name
		for _, good := range []bool{true, false} {
			match := dns.Copy(record).(*dns.NSEC3)
			match.TypeBitMap = []uint16{dns.TypeA}
			match.Hdr.Name = owner
			if !good { // another hash
				match.Hdr.Name = map[bool]string{true: "1", false: "0"}[owner[0] == '0'] + owner[1:]
			}
			_, err := denial.New(name(t, owner).Parent(), []dns.RR{match}, free).NoData(name(t, e.Msg.Question[0].Name), dns.TypeMX)
			if (err == nil) != good {
				t.Errorf("line %d: the hash of %s, %s: %v", e.Line, e.Msg.Question[0].Name, match.Hdr.Name, err)
			}
		}
	}
}

// checkSignatures verifies the RRsets by the keys in the first entry. What is named
// "bogus" must not verify; or, where there are several algorithms, not by each of them,
// since one good path is enough (RFC 6840 §5.11).
func checkSignatures(t *testing.T, now time.Time, entries []*replay.Entry) {
	algorithms, keys, checked := suiteAlgorithms(), entries[0].Msg.Answer, 0
	for _, e := range entries[1:] {
		for _, signed := range signedSets(t, e) {
			bogus := strings.HasPrefix(e.Msg.Question[0].Name, "bogus") || strings.HasPrefix(signed.set.Owner.String(), "bogus")
			failed := 0
			for number, sigs := range signed.sigs {
				checked++
				err := verify(algorithms, &signed.set, sigs, keys, now)
				switch {
				case !algorithms.Supports(number):
					if !errors.Is(err, rrsig.ErrUnsupported) {
						t.Errorf("line %d: %s by algorithm %d: %v, want %v", e.Line, signed.set.Owner, number, err, rrsig.ErrUnsupported)
					}
				case err != nil && !bogus:
					t.Errorf("line %d: %s by algorithm %d: %v", e.Line, signed.set.Owner, number, err)
				}
				if err != nil {
					failed++
				}
			}
			if bogus && failed == 0 && len(signed.sigs) > 0 {
				t.Errorf("line %d: %s verifies", e.Line, signed.set.Owner)
			}
		}
	}
	if checked == 0 {
		t.Error("no signed RRset in the file")
	}
}

// A signedSet is an RRset with its signatures by algorithm.
type signedSet struct {
	set  canonical.RRset
	sigs map[uint8][]*dns.RRSIG
}

// signedSets returns the RRsets of a message, wherever their signatures are.
func signedSets(t *testing.T, e *replay.Entry) []*signedSet {
	sets := make(map[string]*signedSet)
	find := func(rr dns.RR, rrtype uint16) *signedSet {
		key := fmt.Sprint(name(t, rr.Header().Name), rrtype)
		if sets[key] == nil {
			sets[key] = &signedSet{sigs: make(map[uint8][]*dns.RRSIG)}
		}
		return sets[key]
	}
	for _, rr := range slices.Concat(e.Msg.Answer, e.Msg.Ns, e.Msg.Extra) {
		if sig, ok := rr.(*dns.RRSIG); ok {
			sigs := find(rr, sig.TypeCovered).sigs
			sigs[sig.Algorithm] = append(sigs[sig.Algorithm], sig)
		} else if _, err := find(rr, rr.Header().Rrtype).set.Add(rr); err != nil {
			t.Fatalf("line %d: %v", e.Line, err)
		}
	}
	return slices.Collect(maps.Values(sets))
}

// verify reports why none of the signatures is good.
func verify(algorithms rrsig.Algorithms, set *canonical.RRset, sigs []*dns.RRSIG, keys []dns.RR, now time.Time) error {
	err := errors.New("no such key")
	for _, sig := range sigs {
		for _, rr := range keys {
			key, ok := rr.(*dns.DNSKEY)
			if !ok || key.KeyTag() != sig.KeyTag || key.Algorithm != sig.Algorithm {
				continue
			}
			zone, _ := canonical.ParseName(key.Hdr.Name)
			if err = cmp.Or(rrsig.Check(set, sig, zone, now, 0), rrsig.ZoneKey(key)); err == nil {
				err = rrsig.NewKey(algorithms, key).Verify(set, sig)
			}
			if err == nil {
				return nil
			}
		}
	}
	return err
}
