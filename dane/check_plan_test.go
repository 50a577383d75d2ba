package dane_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
)

// TestPlan looks up and connects to nobody; JSON keeps that.
func TestPlan(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	for _, tt := range []struct {
		domain  string
		outcome dane.Outcome
		action  dane.Action
	}{
		{"good.example", dane.OutcomeSuccess, dane.MustAuthenticate},
		{"mismatch.example", dane.OutcomeSuccess, dane.MustAuthenticate}, // which only a connection shows
		{"unusable.example", dane.OutcomeNone, dane.MustEncrypt},
		{"nodane.example", dane.OutcomeNone, dane.MayEncrypt},
		{"bogustlsa.example", dane.OutcomeFailure, dane.Skip},
	} {
		t.Run(tt.domain, func(t *testing.T) {
			r, err := internet.Checker().Plan(t.Context(), tt.domain)
			if err != nil || !r.Planned || r.Outcome != tt.outcome || r.Hosts[0].Action != tt.action || len(r.Hosts[0].Attempts) > 0 {
				t.Fatalf("%v, %+v", err, r)
			}
			if _, decided := r.Decision(); decided {
				t.Error("a row of the tables of what a connection shows")
			}
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			var got dane.Result
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(&got)
			if err != nil || string(again) != string(text) {
				t.Errorf("%v\n%s\n%s", err, text, again)
			}
		})
	}
	for _, server := range internet.Servers {
		if n := len(server.Sessions()); n > 0 {
			t.Errorf("%d connections", n)
		}
	}
}

func ExampleChecker_Plan() {
	internet := danetest.NewInternet()
	defer internet.Close()
	r, err := internet.Checker().Plan(context.Background(), "good.example")
	fmt.Println(r.Outcome, err)
	for _, h := range r.Hosts {
		fmt.Println(h.Name, h.Action)
	}
	// Output:
	// success <nil>
	// mail.good.example must-authenticate
}
