package upstream

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What is delegated below ends with the delegation above ("phoenix domains").
func TestRevokedDelegationsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		servers := internet(map[string]behaviour{
			"192.0.2.2":  authority("test.\nevil 3600 NS ns.evil\nns.evil A 192.0.2.66"),
			"192.0.2.66": authority("evil.test.\n@ NS ns\nns A 192.0.2.66\na 86400 NS ns\nb.a 86400 NS ns", "a.evil.test.\nb 86400 NS ns.evil.test.\n@ A 192.0.2.80", "b.a.evil.test.\n@ A 192.0.2.80"),
		})
		// the server hosts evil.test only, and refers
		servers["192.0.2.66"] = authority("evil.test.\n@ NS ns\nns A 192.0.2.66\na 86400 NS ns2.evil.test.\nns2 A 192.0.2.67")
		servers["192.0.2.67"] = authority("a.evil.test.\n@ A 192.0.2.80\n@ NS ns2.evil.test.")
		net := newNet(t, servers)
		r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		if _, got := askRecursor(t, r, "a.evil.test. A"); !strings.Contains(got, "192.0.2.80") {
			t.Fatal(got)
		}
		servers["192.0.2.2"] = authority("test.\n@ TXT gone") // revoked
		time.Sleep(5 * time.Hour)                             // the TTL at the parent was one hour
		if _, got := askRecursor(t, r, "a.evil.test. A"); strings.Contains(got, "192.0.2.80") {
			t.Errorf("still there four hours after the delegation's end: %s", got)
		}
	})
}
