//go:build interop

package interop

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// A report is what daneverify -json prints about a domain, as far as it is
// promised.
type report struct {
	Domain  string
	Outcome string
	Lookups []struct {
		Name, Type, Status string
		Reason             string
		EDE                *int
	}
}

// build builds the command once.
var build = sync.OnceValues(func() (program string, err error) {
	program = lab.path("daneverify")
	_, err = command("..", "go", "build", "-o", program, "./examples/daneverify")
	return program, err
})

// daneverify runs the command through a resolver and returns what it printed and
// its exit status. Anything on standard output that is no report is an error.
func daneverify(t *testing.T, resolver string, domains ...string) (reports []report, exit int, stderr string) {
	t.Helper()
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	var out, diagnosis bytes.Buffer
	cmd := exec.Command(program, append([]string{
		"-resolver", resolver, "-anchors", lab.rootDS, "-port", strconv.Itoa(lab.smtp), "-json",
	}, domains...)...)
	cmd.Stdout, cmd.Stderr = &out, &diagnosis
	err = cmd.Run()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		var r report
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		reports = append(reports, r)
	}
	return reports, cmd.ProcessState.ExitCode(), diagnosis.String()
}

// TestDaneverify asks about every domain through both resolvers, and delv about
// every name that was looked up.
func TestDaneverify(t *testing.T) {
	for _, r := range lab.resolvers {
		for _, d := range domains {
			t.Run(r.name+"/"+d.name, func(t *testing.T) {
				reports, exit, stderr := daneverify(t, address(r.port), d.name)
				if len(reports) != 1 {
					t.Fatalf("%d lines of JSON, want 1; exit status %d\n%s", len(reports), exit, stderr)
				}
				got := reports[0]
				if got.Domain != d.name || got.Outcome != d.outcome || exit != d.exit {
					t.Errorf("%s: %s is %q, exit status %d; want %s is %q, %d\n%+v",
						d.why, got.Domain, got.Outcome, exit, d.name, d.outcome, d.exit, got)
				}
				checkLookups(t, d, got)
				checkDelvAgrees(t, r, got)
			})
		}
	}
}

// checkLookups compares the statuses, and the reason of the one that is bogus,
// with the table.
func checkLookups(t *testing.T, d domain, got report) {
	t.Helper()
	want := d.questions()
	seen := map[question]bool{}
	for _, l := range got.Lookups {
		q := question{strings.TrimSuffix(l.Name, "."), l.Type}
		seen[q] = true
		status, known := want[q]
		if known && l.Status != status {
			t.Errorf("%s: %s is %s, want %s: %s", d.why, q, l.Status, status, l.Reason)
		}
		if l.Status != "secure" && l.Reason == "" {
			t.Errorf("%s: %s is %s without a reason", d.why, q, l.Status)
		}
		if !known || status != "bogus" {
			continue
		}
		if !strings.Contains(strings.ToLower(l.Reason), strings.ToLower(d.reason)) {
			t.Errorf("%s: the reason for %s is %q, want one with %q", d.why, q, l.Reason, d.reason)
		}
		if l.EDE == nil || !slices.Contains(d.ede, *l.EDE) {
			t.Errorf("%s: the extended error for %s is %v, want one of %v", d.why, q, l.EDE, d.ede)
		}
	}
	for _, q := range d.required() {
		if !seen[q] {
			t.Errorf("%s: %s was not looked up: %+v", d.why, q, got.Lookups)
		}
	}
}

// required are the lookups that a sender cannot do without: each step is taken
// only where the one before is secure.
func (d domain) required() []question {
	var steps []question
	statuses := d.questions()
	for _, qtype := range []string{"MX", "A", "TLSA"} {
		for q, status := range statuses {
			if q.qtype != qtype {
				continue
			}
			steps = append(steps, q)
			if status != "secure" {
				return steps
			}
		}
	}
	return steps
}

func checkDelvAgrees(t *testing.T, r resolver, got report) {
	t.Helper()
	if len(got.Lookups) == 0 {
		t.Error("no lookup is reported")
	}
	for _, l := range got.Lookups {
		status, output, err := delv(t.Context(), r, lab.rootBIND, question{dns.Fqdn(l.Name), l.Type})
		if err != nil {
			t.Error(err)
		} else if status != l.Status {
			t.Errorf("%s %s is %s for us (%s) and %s for delv\n%s", l.Name, l.Type, l.Status, l.Reason, status, output)
		}
	}
}

func TestDomainThatDoesNotExist(t *testing.T) {
	for _, r := range lab.resolvers {
		t.Run(r.name, func(t *testing.T) {
			reports, exit, stderr := daneverify(t, address(r.port), "nosuch.test")
			if len(reports) != 1 || reports[0].Outcome != "failure" || exit != 1 {
				t.Fatalf("got %+v, exit status %d; want one failure, 1\n%s", reports, exit, stderr)
			}
			checkDelvAgrees(t, r, reports[0])
		})
	}
}

func TestExitStatusOfSeveralDomains(t *testing.T) {
	for _, tt := range []struct {
		name    string
		domains []string
		exit    int
	}{
		{"all succeed", []string{"good.test", "goodnsec3.test", "ta.test"}, 0},
		{"no DANE comes before success", []string{"good.test", "unsigned.test"}, 3},
		{"failure comes before no DANE", []string{"unsigned.test", "mismatch.test", "good.test"}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reports, exit, stderr := daneverify(t, address(lab.resolvers[0].port), tt.domains...)
			if exit != tt.exit {
				t.Errorf("exit status %d, want %d\n%s", exit, tt.exit, stderr)
			}
			var got []string
			for _, r := range reports {
				got = append(got, r.Domain)
			}
			// Each line is printed as it is ready, in no order.
			slices.Sort(got)
			if want := slices.Sorted(slices.Values(tt.domains)); !slices.Equal(got, want) {
				t.Errorf("reports on %q, want %q", got, want)
			}
		})
	}
}

func TestNoResolverAnswers(t *testing.T) {
	port, err := freePort() // and nobody listens there
	if err != nil {
		t.Fatal(err)
	}
	reports, exit, stderr := daneverify(t, address(port), "good.test")
	if exit != 2 || stderr == "" {
		t.Errorf("exit status %d, want 2 and a word on standard error: %+v\n%s", exit, reports, stderr)
	}
}
