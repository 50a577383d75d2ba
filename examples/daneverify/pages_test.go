package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// -html and -dot write what was verified, for all to read, and leave nothing else behind.
func TestPages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	html, dot := filepath.Join(dir, "report.html"), filepath.Join(dir, "report.dot")
	if err := os.WriteFile(html, []byte("the one before"), 0o600); err != nil {
		t.Fatal(err)
	}
	exit, stdout, stderr := command(t, "demo", "-html", html, "-dot", dot, "good.example", "mismatch.example")
	if exit != exitFailure || !strings.Contains(stdout, "DANE SUCCESS for good.example") {
		t.Fatalf("exit status %d\n%s%s", exit, stdout, stderr)
	}
	for file, wants := range map[string][]string{
		html: {"<!DOCTYPE html>", "DANE report for 2 domains", "good.example", "mismatch.example", "Made by daneverify"},
		dot:  {"digraph dane {", "good.example: warning", "mismatch.example: broken"},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s has no %q", file, want)
			}
		}
		if info, err := os.Stat(file); err != nil || info.Mode() != 0o644 {
			t.Errorf("%s: %v, %v, want 0644", file, info.Mode(), err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("%v, want two files", entries)
	}
}

// The demonstration says on the page what is special about each domain.
func TestPageOfDemonstration(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "demo.html")
	if exit, _, stderr := command(t, "demo", "-html", file); exit != exitSuccess {
		t.Fatalf("exit status %d\n%s", exit, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"DANE report for 12 domains", "Special about it: its signatures have expired.", "nullmx.example"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("it has no %q", want)
		}
	}
}

// The command check writes them, too, with the findings that it prints.
func TestPageOfCheck(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "check.html")
	if exit, _, stderr := command(t, "check", "-demo", "-within", "10000h", "-html", file, "ta.example"); exit != exitSuccess {
		t.Fatalf("exit status %d\n%s", exit, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"DANE report for ta.example", "WARNING", "certificate-ends-soon"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("it has no %q", want)
		}
	}
}

// With -dot - there is a graph on standard output, and nothing else.
func TestDotToStandardOutput(t *testing.T) {
	t.Parallel()
	exit, stdout, stderr := command(t, "-demo", "-dot", "-", "good.example")
	if exit != exitSuccess || !strings.HasPrefix(stdout, "digraph dane {") || !strings.HasSuffix(stdout, "}\n") || strings.Contains(stdout, "DANE SUCCESS") {
		t.Errorf("exit status %d\n%s%s", exit, stdout, stderr)
	}
}

// What cannot be written is told, once and before anything is looked up.
func TestPagesCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"a directory that is not there", []string{"-demo", "-html", filepath.Join(dir, "no", "report.html"), "good.example"}, "-html: open "},
		{"a directory in its place", []string{"-demo", "-dot", dir, "good.example"}, "no regular file"},
		{"a device in its place", []string{"-demo", "-html", os.DevNull, "good.example"}, "no regular file"},
		{"one file for both", []string{"-demo", "-html", filepath.Join(dir, "a"), "-dot", filepath.Join(dir, "a"), "good.example"}, "the same file"},
		{"a page on standard output", []string{"-demo", "-html", "-", "good.example"}, "-html takes a file"},
		{"a graph and JSON on standard output", []string{"-demo", "-json", "-dot", "-", "good.example"}, "both want standard output"},
		{"nothing about domains", []string{"-show-anchors", "-html", filepath.Join(dir, "a")}, "are about domains"},
	} {
		exit, stdout, stderr := command(t, tt.args...)
		if exit != exitUsage || stdout != "" || !strings.Contains(stderr, tt.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit status %d\n%s%s", tt.name, exit, stdout, stderr)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("%v are left behind", entries)
	}
}
