//go:build interop

package interop

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dnssec"
)

// updateArgs is an update of a host, from the old certificate to the next one.
func updateArgs(server, key, host string, args ...string) []string {
	return append([]string{"update", "-server", server, "-key", key, "-current", "old.pem", "-next", "new.pem", host}, args...)
}

// TestUpdatePrimaries has `daneverify tlsa update` change zones that named, Knot and PowerDNS
// sign. After each change the validator says that the set is secure, and is what it should be.
func TestUpdatePrimaries(t *testing.T) {
	for _, p := range primaries {
		t.Run(p.name, func(t *testing.T) {
			w := newUpdateWorld(t, p)
			t.Run("a rollover", w.rollover)
			t.Run("an alias", w.throughAlias)
			t.Run("the first records", w.firstRecords)
			t.Run("a script", w.throughScript)
			t.Run("refusals", w.refusals)
			t.Run("somebody else", w.somebodyElse)
			t.Run("a lost reply", w.lostReply)
		})
	}
}

func (w *updateWorld) rollover(t *testing.T) {
	publish := updateArgs(updatePrimary, "ddns.key", "mx.dyn")
	withdraw := updateArgs(updatePrimary, "ddns.key", "mx.dyn", "-deployed")
	const name = "_25._tcp.mx.dyn."
	w.wantRecords(t, name, w.old)
	w.want(t, 0, "DONE", publish...)
	w.wantRecords(t, name, w.old, w.next)
	w.want(t, 0, "ALREADY THERE", publish...)
	w.want(t, 0, "SAFE", "check", "-cert", "new.pem", "-since", "48h", "mx.dyn")
	w.want(t, 2, "it is not known what it presents", withdraw...)
	stop := w.mailServer(t, w.old)
	w.want(t, 1, "presents the old certificate", withdraw...)
	stop()
	w.wantRecords(t, name, w.old, w.next)
	stop = w.mailServer(t, w.next)
	defer stop()
	w.want(t, 0, "removed", withdraw...)
	w.wantRecords(t, name, w.next)
	w.want(t, 0, "SAFE", "check", "-cert", "new.pem", "-since", "48h", "mx.dyn")
	// The old certificate is not what the records say any more: it is done.
	w.want(t, 0, "ALREADY THERE", publish...)
	w.want(t, 0, "ALREADY THERE", "update", "-server", updatePrimary, "-key", "ddns.key", "-current", "new.pem", "mx.dyn")
}

func (w *updateWorld) throughAlias(t *testing.T) {
	for _, first := range []bool{true, false} {
		want := map[bool]string{true: "is an alias of set.dyn.: all hosts", false: "ALREADY THERE"}[first]
		w.want(t, 0, want, updateArgs(updatePrimary, "ddns.key", "shared.dyn")...)
		w.wantRecords(t, "_25._tcp.shared.dyn.", w.old, w.next)
		w.wantRecords(t, "_25._tcp.second.dyn.", w.old, w.next)
	}
}

func (w *updateWorld) firstRecords(t *testing.T) {
	args := []string{"update", "-server", updatePrimary, "-key", "ddns.key", "-current", "new.pem", "empty.dyn", "-ttl", "120"}
	w.want(t, 0, "120 IN TLSA", args...)
	w.wantRecords(t, "_25._tcp.empty.dyn.", w.next)
	w.want(t, 0, "ALREADY THERE", args...)
	w.wantDenied(t, "_25._tcp.nothing.dyn.")
}

// throughScript has nsupdate do what -dry-run prints.
func (w *updateWorld) throughScript(t *testing.T) {
	const name = "_26._tcp.mx.dyn."
	args := updateArgs(updatePrimary, "ddns.key", "mx.dyn:26", "-dry-run")
	script := w.want(t, 0, "prereq nxrrset", args...)
	w.wantDenied(t, name)
	if out, err := w.nsupdate(script); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
	w.wantRecords(t, name, w.old, w.next)
	// The condition holds no more.
	if out, err := w.nsupdate(script); err == nil || !strings.Contains(out, "YXRRSET") {
		t.Errorf("%v: %s", err, out)
	}
	w.want(t, 0, "ALREADY THERE", args...)
}

func (w *updateWorld) refusals(t *testing.T) {
	const name = "_25._tcp.shared.dyn."
	before, err := w.lookUp("_25._tcp.mx.dyn.")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		why, want string
		args      []string
	}{
		{"a key that the server does not know", "BADKEY|NOTAUTH: the server does not accept the key", updateArgs(updatePrimary, "strange.key", "other.dyn")},
		{"a key with another secret", "BADSIG|NOTAUTH: the server does not accept the key", updateArgs(updatePrimary, "wrong.key", "other.dyn")},
		{"a key that may not change the zone", "REFUSED|no acl that allows it", updateArgs(updatePrimary, "reader.key", "other.dyn")},
		{"a zone that the server does not have", "not in the zone|REFUSED|NOTAUTH|not an authority", updateArgs(updatePrimary, "ddns.key", "mx.elsewhere")},
		{"a wildcard", "wildcard", updateArgs(updatePrimary, "ddns.key", "wild.dyn")},
		{"a port where nobody listens", "cannot be reached", updateArgs(updatePrimary+":54", "ddns.key", "other.dyn")},
		{"a server that is not there", "cannot be reached", updateArgs("192.0.2.1", "ddns.key", "other.dyn")},
	} {
		t.Run(tt.why, func(t *testing.T) {
			status, stdout, stderr := w.run(t, tt.args...)
			if status != 2 || stdout != "" || !slices.ContainsFunc(strings.Split(tt.want, "|"), func(want string) bool { return strings.Contains(stderr, want) }) {
				t.Errorf("exit status %d, want 2 with %q\n%s%s", status, tt.want, stdout, stderr)
			}
			if strings.Contains(stderr, readerSecret[:8]) || strings.Contains(stderr, updateSecret[:8]) {
				t.Errorf("it tells the secret: %s", stderr)
			}
		})
	}
	w.wantDenied(t, "_25._tcp.other.dyn.")
	after, err := w.lookUp("_25._tcp.mx.dyn.")
	if err != nil || len(after.Records) != len(before.Records) {
		t.Errorf("%s has changed: %v, %v", name, after, err)
	}
}

// somebodyElse adds a record, once the command has asked for what there is.
func (w *updateWorld) somebodyElse(t *testing.T) {
	const stranger = "3 1 1 eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
	for _, tt := range []struct{ host, want string }{{"mx.dyn:27", "YXRRSET"}, {"mx.dyn:28", "NXRRSET"}} {
		_, port, _ := strings.Cut(tt.host, ":")
		if tt.want == "NXRRSET" {
			w.want(t, 0, "DONE", "update", "-server", updatePrimary, "-key", "ddns.key", "-current", "old.pem", tt.host)
		}
		w.relay.on(func() {
			if out, err := w.nsupdate(fmt.Sprintf("server %s\nzone dyn.\nupdate add _%s._tcp.mx.dyn. 300 IN TLSA %s\nsend\n", updatePrimary, port, stranger)); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		}, false)
		w.want(t, 1, tt.want+": the records are not what they were: somebody else has changed them", updateArgs(updateProxy, "ddns.key", tt.host)...)
		w.relay.on(nil, false)
		answer, err := w.lookUp("_" + port + "._tcp.mx.dyn.")
		if want := map[string]int{"YXRRSET": 1, "NXRRSET": 2}[tt.want]; err != nil || answer.Status != dnssec.Secure || len(answer.Records) != want {
			t.Errorf("%s: %v, %v; want %d records", tt.host, answer, err, want)
		}
	}
}

// lostReply has the primary do the update, and its reply get lost.
func (w *updateWorld) lostReply(t *testing.T) {
	w.relay.on(nil, true)
	defer w.relay.on(nil, false)
	w.want(t, 0, "DONE", updateArgs(updateProxy, "ddns.key", "mx.dyn:29")...)
	w.wantRecords(t, "_29._tcp.mx.dyn.", w.old, w.next)
}

// TestUpdateWithAnotherClock has primaries whose clock is an hour ahead. named does not get
// along with libfaketime; that it says BADTIME as Knot does is what RFC 8945 §5.2.3 has.
func TestUpdateWithAnotherClock(t *testing.T) {
	faketime, err := exec.LookPath("faketime")
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
	for _, p := range primaries {
		want := map[string]string{
			"knotd":       "ahead of that of this machine, and 300 seconds are allowed",
			"pdns_server": "NOTAUTH: the server does not accept the key, and does not say whether it is the name, the secret, the algorithm or the clock",
		}[p.name]
		if want == "" {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			w := newUpdateWorld(t, p, faketime, "-f", "+1h")
			w.want(t, 2, want, updateArgs(updatePrimary, "ddns.key", "mx.dyn")...)
		})
	}
}
