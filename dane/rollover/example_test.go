package rollover_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/rollover"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A deploy hook: the certificate is installed once senders are known to accept it, and not
// otherwise.
func ExampleWatch() {
	internet := danetest.NewInternet()
	defer internet.Close()
	issued := []*x509.Certificate{internet.Servers["mail.good.example"].Certificate()} // by an ACME client, for instance

	watch := &rollover.Watch{
		Host: "mail.good.example", Port: 25, Chain: issued, Timeout: 26 * time.Hour,
		Since:    time.Now().Add(-48 * time.Hour),                                                // the record has been there for two days, which we know
		Surveyor: &rollover.Surveyor{Resolver: internet.DNS.Resolver(), Dial: internet.DNS.Dial}, // on the Internet, nil will do
	}
	look, err := watch.Wait(context.Background(), func(look *rollover.Look) error {
		fmt.Println("waiting:", look.Why)
		return nil
	})
	if err != nil || look.Verdict != rollover.Safe {
		fmt.Println("not installed:", look.Why)
		return
	}
	fmt.Println("install it")
	// Output: install it
}

// What each server says, and what a sender makes of it. Here the record of a new key is not
// there yet.
func ExampleSurvey_Judge() {
	internet := danetest.NewInternet()
	defer internet.Close()
	next := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mail.good.example"}})

	surveyor := &rollover.Surveyor{Resolver: internet.DNS.Resolver(), Dial: internet.DNS.Dial}
	survey, err := surveyor.Survey(context.Background(), "mail.good.example", 25)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("a cache may keep this for", survey.TTL())
	for _, view := range survey.Judge(next.Chain()).Views {
		fmt.Println(view.Server, view.Status, len(view.Records), view.Accepted)
	}
	// Output:
	// a cache may keep this for 5m0s
	// ns.good.example. secure 1 false
}

// The steps from one key to the next, by the times of the zone.
func ExampleSurvey_Agreed() {
	internet := danetest.NewInternet()
	defer internet.Close()
	current := []*x509.Certificate{internet.Servers["mail.good.example"].Certificate()}
	next := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mail.good.example"}}).Chain()

	surveyor := &rollover.Surveyor{Resolver: internet.DNS.Resolver(), Dial: internet.DNS.Dial}
	survey, err := surveyor.Survey(context.Background(), "mail.good.example", 25)
	if err != nil {
		fmt.Println(err)
		return
	}
	records, err := survey.Agreed()
	if err != nil {
		fmt.Println(err) // servers differ, or could not be asked
		return
	}
	verifier := &tlsa.Verifier{Records: records, Names: []string{survey.Host}, Time: func() time.Time { return survey.Time }}
	tasks, err := verifier.Plan(tlsa.Rollover{
		Current: current, Next: next,
		TTL: survey.TTL(), NegativeTTL: survey.NegativeTTL(),
		Propagation: survey.Propagation(), SignatureValidity: survey.SignatureValidity(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, task := range tasks {
		fmt.Println(task.Kind, "from", task.NotBefore.Sub(survey.Time).Round(time.Second), "on:", len(task.Add), "to add,", len(task.Remove), "to remove")
	}
	// Output:
	// publish from 0s on: 1 to add, 0 to remove
	// deploy from 3h5m0s on: 0 to add, 0 to remove
	// withdraw from 3h5m0s on: 0 to add, 1 to remove
	// retire from 747h5m0s on: 0 to add, 0 to remove
}
