package danetest_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
)

func ExampleInternet() {
	internet := danetest.NewInternet()
	defer internet.Close()
	for _, domain := range []string{"good.example", "unsigned.example", "mismatch.example"} {
		result, err := internet.Checker().Verify(context.Background(), domain)
		fmt.Println(domain, result.Outcome, err)
	}
	// Output:
	// good.example success <nil>
	// unsigned.example none <nil>
	// mismatch.example failure <nil>
}

func ExampleNewInternet() {
	internet := danetest.NewInternet(danetest.Domain{
		Name:  "mine.example",
		Hosts: []danetest.Host{{Name: "mx1", TLSA: []string{"2 0 1"}}, {Name: "mx2"}},
	})
	defer internet.Close()
	result, err := internet.Checker().Verify(context.Background(), "mine.example")
	fmt.Println(result.Outcome, result.Hosts[0].Name, result.Hosts[0].Attempts[0].Match.Record.Usage, err)
	// Output: success mx1.mine.example DANE-TA <nil>
}

// In memory as on sockets, every domain does what it says.
func TestDomains(t *testing.T) {
	t.Parallel()
	for _, sockets := range []bool{false, true} {
		internet := danetest.New(t)
		if sockets {
			if _, err := internet.Listen(); err != nil {
				t.Fatal(err)
			}
		}
		for _, d := range internet.Domains {
			result, err := internet.Checker().Verify(t.Context(), d.Name)
			if err != nil || result.Outcome != d.Outcome || (result.Outcome == dane.OutcomeFailure) != (result.Err != nil && d.Outcome != dane.OutcomeNone) {
				t.Errorf("%s (%s): %s, %v, %v; want %s", d.Name, d.About, result.Outcome, result.Err, err, d.Outcome)
			}
		}
	}
}

func TestDialElsewhere(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	for _, address := range []string{"192.0.2.250:25", "127.0.0.1:25", "nonsense"} {
		if conn, err := internet.Dial(t.Context(), "tcp", address); err == nil {
			conn.Close()
			t.Errorf("connected to %s", address)
		}
	}
}

// What go doc shows of Domains is what it returns.
func TestDomainsAreDocumented(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("domain.go")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, d := range danetest.Domains() {
		fmt.Fprintf(&want, "//\t%-18s %-7s %s\n", d.Name, d.Outcome, d.About)
	}
	if !strings.Contains(string(source), "//\n"+want.String()+"func Domains()") {
		t.Errorf("the comment on Domains should end with\n%s", &want)
	}
}
