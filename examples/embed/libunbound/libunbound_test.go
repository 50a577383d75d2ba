//go:build unbound

package libunbound

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/examples/embed/internal/embedtest"
)

// open has libunbound ask a small Internet, and trust its root.
func open(t *testing.T, world *dnssectest.Internet) *Unbound {
	t.Helper()
	address, err := world.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	anchors := filepath.Join(dir, "root.ds")
	var text string
	for _, a := range world.Anchors() {
		text += a.DS.String() + "\n"
	}
	if err := os.WriteFile(anchors, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "unbound.conf")
	text = fmt.Sprintf(`server:
	trust-anchor-file: %q
	do-not-query-localhost: no
	local-zone: "test." nodefault # libunbound knows by itself that it does not exist
	val-sig-skew-min: 0 # without these a signature is good for up to a day after it has expired
	val-sig-skew-max: 0
forward-zone:
	name: "."
	forward-addr: %s@%s
`, anchors, host, port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	u, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return u
}

// The Resolver keeps the contract of dnssec.Answer.
func TestContract(t *testing.T) {
	dnssectest.TestLookup(t, func(t *testing.T, world *dnssectest.Internet) dnssectest.Lookuper {
		return NewVerifier(open(t, world)).Resolver
	})
}

func TestOutcomes(t *testing.T) {
	internet := danetest.New(t)
	embedtest.Outcomes(t, internet, NewVerifier(open(t, internet.DNS)))
}

func TestOpenFails(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "missing.conf")); err == nil {
		t.Error("a configuration that is not there was read")
	}
}
