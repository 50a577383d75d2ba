package trustad

import (
	"testing"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/examples/embed/internal/embedtest"
)

// The Resolver keeps the contract of dnssec.Answer.
func TestContract(t *testing.T) {
	t.Parallel()
	dnssectest.TestLookup(t, func(t *testing.T, world *dnssectest.Internet) dnssectest.Lookuper {
		v, err := NewVerifier(embedtest.Validating(t, world))
		if err != nil {
			t.Fatal(err)
		}
		return v.Resolver
	})
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	v, err := NewVerifier(embedtest.Validating(t, internet.DNS))
	if err != nil {
		t.Fatal(err)
	}
	embedtest.Outcomes(t, internet, v)
}

func TestOnlyThisMachineIsBelieved(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1:53": true, "[::1]:53": true, "192.0.2.1:53": false, "[::ffff:192.0.2.1]:53": false, "0.0.0.0:53": false, "localhost:53": false, "127.0.0.1": false,
	} {
		if v, err := NewVerifier(address); (err == nil) != want || (v != nil) != want {
			t.Errorf("%s: %v, want it to be believed: %t", address, err, want)
		}
	}
}
