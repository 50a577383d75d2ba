package anchor_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// TestRealFiles reads files as they were found in the world: see testdata/README.md.
func TestRealFiles(t *testing.T) {
	t.Parallel()
	files := map[string]struct {
		want    []string
		line    int // of the error
		errText string
	}{
		"iana-2010-AD42165F.xml":       {want: []string{". DS 19036"}},
		"iana-2024-E9724F53.xml":       {want: []string{". DS 19036", ". DS 20326", ". DS 38696"}},
		"iana-2025-0C05FDD6.xml":       {want: []string{". DS 19036", ". DS 20326", ". DS 38696"}},
		"isc-bind.keys-2010":           {want: []string{"dlv.isc.org. DNSKEY 19297"}},
		"isc-bind.keys-2011":           {want: []string{"dlv.isc.org. DNSKEY 19297", ". DNSKEY 19036"}},
		"unbound-state-2017-07-19.key": {want: []string{". DNSKEY 19036"}}, // 20326 is pending
		"unbound-state-2019-09-20.key": {want: []string{". DNSKEY 20326"}},
		"unbound-revoked-unsigned.key": {errText: "all trust anchors of the root are revoked"},
		"bind-managed-keys-2017.bind":  {line: 3, errText: "the state of BIND's managed keys (managed-keys.bind"},
		"dnsmasq-trust-anchors.conf":   {line: 6, errText: `dnsmasq's trust-anchors.conf, which is not read: write "trust-anchor=ZONE`},
		"published-ca-digests.txt":     {line: 1, errText: "data of TLSA records"},
		"unbound-state-2017-04-24-ksk-test.key": {want: []string{
			"2017-03-12.automated-ksk-test.research.icann.org. DNSKEY 3934",
			"2017-03-12.automated-ksk-test.research.icann.org. DNSKEY 19741",
		}},
	}
	found, err := os.ReadDir("testdata/real")
	if err != nil || len(found) != len(files) {
		t.Errorf("%d files, %v; want %d", len(found), err, len(files))
	}
	for name, tt := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("testdata/real", name)
			set, err := anchor.ReadFile(path)
			wantError(t, err, path, tt.line, tt.errText)
			if diff := cmp.Diff(tt.want, shown(set)); diff != "" {
				t.Errorf("anchors (-want +got):\n%s", diff)
			}
		})
	}
}

// The three files of IANA name the same keys: each is enough for the years that it was
// published in.
func TestFilesOfIANA(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		file string
		year int
		want []string
	}{
		{"real/iana-2010-AD42165F.xml", 2012, []string{". DS 19036"}},
		{"real/iana-2024-E9724F53.xml", 2018, []string{". DS 19036", ". DS 20326"}},
		{"real/iana-2024-E9724F53.xml", 2025, []string{". DS 20326", ". DS 38696"}},
		{"root-anchors.xml", 2026, []string{". DS 20326", ". DS 38696"}},
	} {
		set, err := anchor.ReadFile("testdata/" + tt.file)
		if err != nil {
			t.Fatal(err)
		}
		inForce, err := set.Anchors(time.Date(tt.year, 12, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, shown(inForce)); diff != "" {
			t.Errorf("%s in %d (-want +got):\n%s", tt.file, tt.year, diff)
		}
		if tt.year == 2026 && !inForce.Equal(withoutPeriods(inForce, anchor.Root())) {
			t.Errorf("the built-in keys are not those of %s", tt.file)
		}
	}
}

// withoutPeriods gives the anchors of the second set the periods of the first.
func withoutPeriods(periods, set anchor.Set) anchor.Set {
	for i := range set {
		set[i].From, set[i].Until = periods[i].From, periods[i].Until
	}
	return set
}

// The files of others are what a tracker may start from.
func TestStateStartsFromRealFiles(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"real/unbound-state-2017-07-19.key": "pending valid", "real/unbound-state-2019-09-20.key": "valid",
		"real/bind-managed-keys-2017.bind": "anchor: FILE:3: this looks like the state of BIND's managed keys",
		"real/dnsmasq-trust-anchors.conf":  "anchor: FILE:6: this looks like dnsmasq's trust-anchors.conf",
		"root-anchors.xml":                 "anchor: FILE: neither states nor plain",
		"tools/dig-dnssec.txt":             "valid", // the key-signing key alone
	} {
		path := filepath.Join("testdata", name)
		points, err := (&anchor.FileStore{Path: path, ReadOnly: true}).Load()
		var got []string
		for _, p := range points {
			for _, k := range p.Keys {
				got = append(got, k.State.String())
			}
		}
		if err != nil {
			got = []string{strings.Replace(err.Error(), path, "FILE", 1)}
		}
		if text := strings.Join(got, " "); !strings.HasPrefix(text, want) {
			t.Errorf("%s: %s, want %s", name, text, want)
		}
	}
}

// TestToolOutput reads what the tools print that people make anchors with.
func TestToolOutput(t *testing.T) {
	t.Parallel()
	const ksk, zsk, digest = "example. DNSKEY 65158", "example. DNSKEY 39338", "example. DS 65158"
	files := map[string]struct {
		want    []string
		line    int // of the error
		errText string
	}{
		"dig-dnssec.txt":                  {want: []string{ksk, zsk}},
		"dig-multi.txt":                   {want: []string{zsk, ksk}},
		"dig-unknownformat.txt":           {want: []string{ksk, zsk}},
		"kdig-dnssec.txt":                 {want: []string{zsk, ksk}},
		"kdig-multi.txt":                  {want: []string{ksk, zsk}},
		"kdig-generic.txt":                {want: []string{zsk, ksk}},
		"drill-dnssec.txt":                {want: []string{zsk, ksk}},
		"delv-rrcomments.txt":             {want: []string{zsk, ksk}},
		"delv-multi.txt":                  {want: []string{zsk, ksk}},
		"dnssec-keygen.key":               {want: []string{ksk}},
		"dnssec-signzone-dsset":           {want: []string{digest}},
		"dnssec-dsfromkey.txt":            {want: []string{digest}},
		"ldns-key2ds.txt":                 {want: []string{digest}},
		"keymgr-ds.txt":                   {want: []string{digest, digest}},
		"keymgr-dnskey.txt":               {want: []string{ksk}},
		"pdnsutil-export-zone-ds.txt":     {want: []string{digest, digest}},
		"pdnsutil-export-zone-dnskey.txt": {want: []string{ksk}},

		"dnssec-dsfromkey-cds.txt": {line: 1, errText: "an anchor is written as DS"},
		"dnssec-signzone.zone":     {line: 3, errText: "SOA record of example.: neither DS nor DNSKEY"},
		"dig-nocrypto.txt":         {line: 1, errText: "dig +nocrypto"},
		"dig-short.txt":            {line: 1, errText: "dig without +short"},
		"dig-yaml.txt":             {line: 1, errText: "without +yaml"},
		"dig-refused.txt":          {errText: "a query that failed"},
		"dig-no-answer.txt":        {errText: "a query that failed"},
		"delv-yaml.txt":            {line: 1, errText: "without +yaml"},
		"kdig-json.txt":            {line: 1, errText: "JSON"},
		"host.txt":                 {line: 1, errText: "the output of host"},
		"pdnsutil-show-zone.txt":   {line: 1, errText: "pdnsutil export-zone-ds"},
	}
	found, err := os.ReadDir("testdata/tools")
	if err != nil || len(found) != len(files) {
		t.Errorf("%d files, %v; want %d", len(found), err, len(files))
	}
	for name, tt := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("testdata/tools", name))
			if err != nil {
				t.Fatal(err)
			}
			// As it is, and as Windows keeps it.
			for _, text := range []string{string(text), "\ufeff" + strings.ReplaceAll(string(text), "\n", "\r\n")} {
				set, err := anchor.Parse(strings.NewReader(text), name)
				wantError(t, err, name, tt.line, tt.errText)
				if diff := cmp.Diff(tt.want, shown(set)); diff != "" {
					t.Errorf("anchors (-want +got):\n%s", diff)
				}
			}
		})
	}
}
