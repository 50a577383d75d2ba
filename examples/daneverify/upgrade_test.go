package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
)

// upgradedFrom is the build whose files go on to work: what docs/upgrading.md promises.
const upgradedFrom = "7a0b85e"

// writePolicy is a program of that version, which prints a policy as it writes it.
const writePolicy = `package main

import (
	"encoding/json"
	"os"

	"github.com/danesmtp/danesmtp/dane"
)

func main() {
	policy, err := dane.NewPolicy(dane.Profile{}, map[string]dane.Profile{
		"broken.example":  {DANE: dane.DANENone},
		"clear.example":   {DANE: dane.DANENone, TLS: dane.TLSNone},
		"partner.example": {DANE: dane.DANEMandatory, TLS: dane.TLSRequired},
		"watched.example": {Audit: true},
		"mx.example":      {UseInsecureMX: true},
		"try.example":     {TLS: dane.TLSPreferredVerify},
		"ca.example":      {TLS: dane.TLSRequiredVerify},
		"hosted.example":  {TLS: dane.TLSRequiredVerifyHosted, Route: dane.Route{Hosts: []string{"relay.example", "[192.0.2.1]"}, Port: 587}},
		"inside.example":  {Flow: dane.Accept},
	})
	if err != nil {
		panic(err)
	}
	json.NewEncoder(os.Stdout).Encode(policy)
}
`

// An earlier is a build of an earlier version.
type earlier struct{ daneverify, policy string }

// buildEarlier builds what made the files: minutes, where nothing is in the cache.
func buildEarlier(t *testing.T) earlier {
	t.Helper()
	if os.Getenv("DANE_UPGRADE") == "" {
		t.Skip("DANE_UPGRADE is not set: build an earlier version, and go on with its files")
	}
	if err := exec.Command("git", "cat-file", "-e", upgradedFrom+"^{commit}").Run(); err != nil {
		t.Skipf("the history does not have %s: %v", upgradedFrom, err)
	}
	folder := t.TempDir()
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
	}
	top, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		t.Fatal(err)
	}
	run("git", "-C", strings.TrimSpace(string(top)), "archive", "-o", filepath.Join(folder, "earlier.tar"), upgradedFrom)
	run("tar", "-xf", "earlier.tar")
	if err := os.MkdirAll(filepath.Join(folder, "examples", "writepolicy"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "examples", "writepolicy", "main.go"), []byte(writePolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	run("go", "build", "-o", "built/", "./examples/daneverify", "./examples/writepolicy")
	return earlier{daneverify: filepath.Join(folder, "built", "daneverify"), policy: filepath.Join(folder, "built", "writepolicy")}
}

func showAnchors(t *testing.T, text string) []shownZone {
	t.Helper()
	var zones []shownZone
	if err := json.Unmarshal([]byte(text), &zones); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return zones
}

// TestUpgrade goes on with the trust anchors and the policy of an earlier build.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	old := buildEarlier(t)
	t.Run("the file of -trust-state", func(t *testing.T) {
		t.Parallel()
		internet := danetest.New(t)
		resolver, err := internet.Listen()
		if err != nil {
			t.Fatal(err)
		}
		state := filepath.Join(t.TempDir(), "root.key")
		if err := os.WriteFile(state, []byte(internet.DNS.Anchors()[0].DS.String()+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		run := func(args ...string) string {
			out, err := exec.Command(old.daneverify, args...).CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", upgradedFrom, err, out)
			}
			return string(out)
		}
		run("-dns-only", "-resolver", resolver, "-trust-state", state, "good.example")
		was := showAnchors(t, run("-trust-state", state, "-show-anchors", "-json"))
		kept, err := os.ReadFile(state)
		if err != nil {
			t.Fatal(err)
		}
		if len(was) != 1 || len(was[0].Keys) != 1 || was[0].Keys[0].State != "valid" {
			t.Fatalf("%s has kept %+v", upgradedFrom, was)
		}

		status, stdout, stderr := command(t, "-trust-state", state, "-show-anchors", "-json")
		if status != exitSuccess || stderr != "" {
			t.Fatalf("exit status %d: %s", status, stderr)
		}
		if diff := cmp.Diff(was, showAnchors(t, stdout)); diff != "" {
			t.Errorf("what is trusted changes by reading the file (-was +is):\n%s", diff)
		}
		if now, err := os.ReadFile(state); err != nil || string(now) != string(kept) {
			t.Errorf("reading it has changed the file (-was +is): %v\n%s", err, cmp.Diff(string(kept), string(now)))
		}
		status, stdout, stderr = command(t, "-dns-only", "-resolver", resolver, "-trust-state", state, "good.example")
		if status != exitSuccess || stderr != "" {
			t.Errorf("with the file of %s: exit status %d\n%s%s", upgradedFrom, status, stdout, stderr)
		}
		// And back, for who goes back.
		is := showAnchors(t, run("-trust-state", state, "-show-anchors", "-json"))
		for _, zones := range [][]shownZone{was, is} {
			for i := range zones {
				zones[i].LastQuery, zones[i].LastSuccess, zones[i].NextQuery = nil, nil, nil
				for k := range zones[i].Keys {
					zones[i].Keys[k].Seen = 0
				}
			}
		}
		if diff := cmp.Diff(was, is); diff != "" {
			t.Errorf("what %s trusts after an upgrade and back (-was +is):\n%s", upgradedFrom, diff)
		}
	})
	t.Run("a policy", func(t *testing.T) {
		t.Parallel()
		text, err := exec.Command(old.policy).Output()
		if err != nil {
			t.Fatal(err)
		}
		testPolicyOf(t, string(text))
	})
}

// testPolicyOf compares a policy that an earlier version has written with what it means.
func testPolicyOf(t *testing.T, text string) {
	t.Helper()
	policy, err := dane.ReadPolicy(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for name, want := range map[string]dane.Profile{
		"other.example":   {},
		"broken.example":  {DANE: dane.DANENone},
		"clear.example":   {DANE: dane.DANENone, TLS: dane.TLSNone},
		"partner.example": {DANE: dane.DANEMandatory, TLS: dane.TLSRequired},
		"watched.example": {Audit: true},
		"mx.example":      {UseInsecureMX: true},
		"try.example":     {TLS: dane.TLSPreferredVerify},
		"ca.example":      {TLS: dane.TLSRequiredVerify},
		"hosted.example":  {TLS: dane.TLSRequiredVerifyHosted, Route: dane.Route{Hosts: []string{"relay.example", "[192.0.2.1]"}, Port: 587}},
		"inside.example":  {DANE: dane.DANENone}, // which is what "flow": "accept" was
	} {
		if diff := cmp.Diff(want, policy.For(name)); diff != "" {
			t.Errorf("%s (-was +is):\n%s", name, diff)
		}
	}
}

// The files in testdata/upgrade are those that the build of TestUpgrade wrote, so that they are
// tried where it cannot be built.
func TestUpgradeFiles(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "upgrade", "policy.json"))
	if err != nil {
		t.Fatal(err)
	}
	testPolicyOf(t, string(text))
	kept, err := os.ReadFile(filepath.Join("testdata", "upgrade", "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(t.TempDir(), "root.key")
	if err := os.WriteFile(state, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := command(t, "-trust-state", state, "-show-anchors", "-json")
	if status != exitSuccess || stderr != "" {
		t.Fatalf("exit status %d: %s", status, stderr)
	}
	zones := showAnchors(t, stdout)
	if len(zones) != 1 || zones[0].Zone != "." || len(zones[0].Keys) != 1 {
		t.Fatalf("%+v", zones)
	}
	since := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	if key := zones[0].Keys[0]; key.State != "valid" || key.Since == nil || key.Since.Before(since) || key.Since.After(since.AddDate(0, 0, 1)) {
		t.Errorf("the key is %+v", key)
	}
	if now, err := os.ReadFile(state); err != nil || string(now) != string(kept) {
		t.Errorf("reading it has changed the file: %v\n%s", err, cmp.Diff(string(kept), string(now)))
	}
}
