package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane/danetest"
)

// A check of a domain leaves the state of the anchors that it began with, which the next
// one takes.
func TestTrustState(t *testing.T) {
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
	for range 2 {
		exit, stdout, stderr := command(t, "-dns-only", "-resolver", resolver, "-trust-state", state, "good.example")
		if exit != exitSuccess || stderr != "" && !strings.Contains(stderr, "was start, and is valid") {
			t.Fatalf("exit status %d\n%s%s", exit, stdout, stderr)
		}
	}
	exit, stdout, stderr := command(t, "-trust-state", state, "-show-anchors", "-json")
	var zones []shownZone
	if err := json.Unmarshal([]byte(stdout), &zones); err != nil || exit != exitSuccess {
		t.Fatalf("exit status %d, %v\n%s%s", exit, err, stdout, stderr)
	}
	if len(zones) != 1 || zones[0].Zone != "." || len(zones[0].Keys) != 1 || zones[0].Keys[0].State != "valid" || zones[0].NextQuery == nil {
		t.Errorf("zones %+v", zones)
	}
	exit, stdout, _ = command(t, "-trust-state", state, "-show-anchors")
	for _, want := range []string{"Zone .\n", ": valid since ", "  last validated ", "  next query "} {
		if exit != exitSuccess || !strings.Contains(stdout, want) {
			t.Errorf("exit status %d, no %q in:\n%s", exit, want, stdout)
		}
	}
}

func TestAnchorsUpdate(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	state, file := filepath.Join(folder, "root.key"), filepath.Join(folder, "new.ds")
	if err := os.WriteFile(file, []byte(". DS 4711 13 2 "+strings.Repeat("ab", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	exit, stdout, stderr := command(t, "-trust-state", state, "-show-anchors")
	if exit != exitSuccess || !strings.Contains(stdout, "key 20326, RSASHA256: configured") || !strings.Contains(stdout, "key 38696") {
		t.Errorf("at first: exit status %d\n%s%s", exit, stdout, stderr)
	}
	exit, stdout, stderr = command(t, "-trust-state", state, "-anchors-update", file, "-show-anchors")
	if exit != exitSuccess || !strings.Contains(stdout, "key 4711") || strings.Contains(stdout, "20326") {
		t.Errorf("after an update: exit status %d\n%s%s", exit, stdout, stderr)
	}
	if err := os.WriteFile(state, []byte("; autotrust trust anchor file\nhalf a li"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"-show-anchors"}, {"-anchors-update", file}, {"good.example"}} {
		if exit, stdout, stderr := command(t, append([]string{"-trust-state", state}, args...)...); exit != exitUsage || !strings.Contains(stderr, "root.key:2: ") {
			t.Errorf("a file that makes no sense, %v: exit status %d\n%s%s", args, exit, stdout, stderr)
		}
	}
}

// Without a state, the anchors of the flags are shown.
func TestShowAnchors(t *testing.T) {
	t.Parallel()
	exit, stdout, stderr := command(t, "-show-anchors")
	if want := "Zone .\n  key 20326, RSASHA256: configured\n  key 38696, RSASHA256: configured\n"; exit != exitSuccess || stdout != want {
		t.Errorf("exit status %d\n%s%s", exit, stdout, stderr)
	}
	revoked := filepath.Join(t.TempDir(), "example.key")
	if err := os.WriteFile(revoked, []byte("; autotrust trust anchor file\n;;REVOKED\n;;id: example. 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	exit, stdout, stderr = command(t, "-anchors", revoked, "-show-anchors")
	if want := "Zone example., all trust anchors revoked\n"; exit != exitSuccess || stdout != want {
		t.Errorf("exit status %d\n%s%s", exit, stdout, stderr)
	}
	for _, args := range [][]string{{"-anchors-update", "x"}, {"-show-anchors", "good.example"}, {"-demo", "-trust-state", "x"}} {
		if exit, stdout, stderr := command(t, args...); exit != exitUsage {
			t.Errorf("%v: exit status %d\n%s%s", args, exit, stdout, stderr)
		}
	}
}

// A file in a format that is not read is told by its name, with what to do.
func TestAnchorsOfAnotherProgram(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "trust-anchors.conf")
	if err := os.WriteFile(file, []byte("trust-anchor=.,20326,8,2,E06D\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-anchors", file, "-show-anchors"},
		{"-trust-state", file, "-show-anchors"},
		{"-trust-state", filepath.Join(t.TempDir(), "state"), "-anchors-update", file},
	} {
		exit, stdout, stderr := command(t, args...)
		if exit != exitUsage || !strings.Contains(stderr, "trust-anchors.conf:1: this looks like dnsmasq's") || !strings.Contains(stderr, "ZONE IN DS TAG") {
			t.Errorf("%v: exit status %d\n%s%s", args, exit, stdout, stderr)
		}
	}
}
