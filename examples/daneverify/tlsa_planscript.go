package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/danesmtp/danesmtp/dane/rollover"
	"github.com/danesmtp/danesmtp/internal/printable"
	"github.com/danesmtp/danesmtp/tlsa"
)

// remembered takes from the file of -state since when all servers have the new records, so that
// plan and wait have one time. A key that stays has to wait for nothing.
func (c *planCommand) remembered(s *rollover.Survey) error {
	r := &c.rollover
	if c.state == "" || bytes.Equal(r.Current[0].RawSubjectPublicKeyInfo, r.Next[0].RawSubjectPublicKeyInfo) {
		return nil
	}
	state := rollover.NewState(c.service.owner(), r.Next)
	if err := loadState(c.state, state, c.now()); err != nil {
		return err
	}
	if safe := state.SafeAt(s, 0); !safe.IsZero() {
		r.Since = safe.Add(-r.TTL)
	}
	return nil
}

// waitLine is the command that waits for this rollover, with the flags of this one.
func (c *planCommand) waitLine() string {
	words := []string{"daneverify", "tlsa", "wait", "-cert", c.nextFile}
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, value)
		}
	}
	add("-state", c.state)
	return strings.Join(append(append(shellWords(words), c.flagsOfDNS()...), c.service.String()), " ")
}

// checkLine is the command that shows what each name server has.
func (c *planCommand) checkLine() string {
	return strings.Join(slices.Concat(shellWords([]string{"daneverify", "tlsa", "check", "-cert", c.nextFile}), c.flagsOfDNS(), []string{c.service.String()}), " ")
}

// fromLine is the command that shows what the addresses of the host present.
func (c *planCommand) fromLine() string {
	flags := slices.DeleteFunc(c.flagsOfDNS(), func(word string) bool { return word == "-skip-delegation" })
	return strings.Join(slices.Concat([]string{"daneverify", "tlsa", "make", "-from", c.service.String()}, flags), " ")
}

// flagsOfDNS are those about the DNS that were given, for a shell.
func (c *dnsCommand) flagsOfDNS() (words []string) {
	o := &c.options
	for _, f := range []struct {
		flag, value string
		set         bool
	}{
		{"-resolver", o.resolver, o.resolver != ""},
		{"-recursive", "", o.recursive},
		{"-hints", o.hints, o.hints != ""},
		{"-skip-delegation", "", c.zones.skipDelegation},
		{"-anchors", o.anchors, o.anchors != ""},
	} {
		if !f.set {
			continue
		}
		if words = append(words, f.flag); f.value != "" {
			words = append(words, f.value)
		}
	}
	return shellWords(words)
}

// shellWords quotes what a shell would not take as one word.
func shellWords(words []string) (quoted []string) {
	for _, word := range words {
		if word == "" || strings.ContainsFunc(word, func(r rune) bool {
			return !strings.ContainsRune("-_./:,@%+=", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		}) {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		quoted = append(quoted, word)
	}
	return quoted
}

// script is the plan for nsupdate. Only the first step does something, if it is one that changes
// the records now: nobody who pipes it removes a record before the certificate is installed.
func (c *planCommand) script(records []tlsa.Record, tasks []tlsa.Task, insecure bool) string {
	var text strings.Builder
	ttl := c.ttl()
	if len(records) == 0 {
		ttl = updateTTL
	}
	for i, task := range tasks {
		fmt.Fprintf(&text, "; %d. from %s: %s\n; %s\n", i+1, stamp(roundUp(task.NotBefore)), printable.Line(c.what(task)), printable.Line(c.why(task, insecure)))
		later := "; "
		if i == 0 && !task.NotBefore.After(c.now()) && task.Kind != tlsa.TaskDeploy {
			later = ""
		}
		for _, r := range task.Add {
			fmt.Fprintf(&text, "%supdate add %s %d IN TLSA %s\n", later, c.target, ttl, r)
		}
		for _, r := range task.Remove {
			fmt.Fprintf(&text, "%supdate delete %s IN TLSA %s\n", later, c.target, r)
		}
		if len(task.Add)+len(task.Remove) > 0 {
			text.WriteString(later + "send\n")
		}
	}
	if len(tasks) == 0 {
		text.WriteString("; There is nothing to do.\n")
	}
	return text.String()
}
