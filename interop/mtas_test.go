//go:build interop

package interop

import (
	"testing"

	"github.com/miekg/dns"
)

// TestMTAs has Postfix and Exim deliver in a world whose only resolver is the program
// validator of the examples, which starts at the root: the scenarios of TestPostfix have to
// come out as with Unbound. In it is tlspolicy of the examples, too, as its README says.
func TestMTAs(t *testing.T) {
	w := newWorldWith(t, "mtas", (*world).serveValidator)
	t.Run("scenarios", w.testScenarios)
	t.Run("exim", w.testExim)
	t.Run("tlspolicy", w.testTLSPolicy)
}

// rootHints lead to the world's name server, as the root's.
const rootHints = ". NS ns.\nns. A " + worldDNS + "\n"

// serveValidator runs validator as the resolver of the world.
func (w *world) serveValidator() error {
	w.stub = true
	if _, err := command("..", "go", "build", "-o", w.site.dir, "./examples/validator", "./examples/tlspolicy"); err != nil {
		return err
	}
	if _, err := w.site.writeFile("hints", rootHints); err != nil {
		return err
	}
	return w.site.startDaemon("validator", answers("127.0.0.1:53", "signed", dns.TypeSOA),
		w.site.path("validator"), "-anchors", w.site.rootDS, "-hints", w.site.path("hints"))
}
