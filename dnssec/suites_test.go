package dnssec_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// suite returns the folder of a conformance suite, or skips the test.
func suite(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("DANE_SUITES")
	if root == "" {
		t.Skip("DANE_SUITES is not set: it names a folder of conformance suites")
	}
	return filepath.Join(root, name)
}

// The zones of Unbound's test ede.tdir, and the code that each fault must give.
var edeQuestions = map[string][]struct {
	question string
	want     dnssec.EDE
}{
	"dnssec-failures.test": {
		{"notyetincepted.dnssec-failures.test TXT", dnssec.EDESignatureNotYetValid},
		{"expired.dnssec-failures.test TXT", dnssec.EDESignatureExpired},
		{"missingrrsigs.dnssec-failures.test TXT", dnssec.EDERRSIGsMissing},
	},
	"dnskey-failures.test": {{"dnskey-failures.test A", dnssec.EDEDNSKEYMissing}},
	"rrsig-failures.test":  {{"rrsig-failures.test A", dnssec.EDERRSIGsMissing}},
	"nsec-failures.test":   {{"abc.nsec-failures.test A", dnssec.EDENSECMissing}},
}

// TestEDE checks that zones with one fault each give the right extended error code
// (RFC 8914). They were signed for the second day of 2001.
func TestEDE(t *testing.T) {
	t.Parallel()
	folder := suite(t, "ede")
	anchors, err := anchor.ReadFile(filepath.Join(folder, "trust-anchors"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.signed"))
	if err != nil || len(files) == 0 {
		t.Fatal("no zones: ", err)
	}
	now := time.Date(2001, 1, 1, 2, 2, 2, 0, time.UTC)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".signed")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(edeQuestions[name]) == 0 {
				t.Fatal("no expectation for this zone")
			}
			world := dnssectest.New(t, dnssectest.Zone{Name: name + ".", Records: string(text), AsIs: true})
			world.Time = func() time.Time { return now }
			resolver := &dnssec.Resolver{Exchanger: world, Anchors: anchors, Time: world.Time}
			for _, tt := range edeQuestions[name] {
				name, qtype, _ := strings.Cut(tt.question, " ")
				answer, err := resolver.Lookup(t.Context(), name, dns.StringToType[qtype])
				if answer == nil || answer.Status != dnssec.Bogus || answer.Reason.Code != tt.want {
					t.Errorf("%s: %+v, %v; want %s", tt.question, answer, err, tt.want)
				}
			}
		})
	}
}
