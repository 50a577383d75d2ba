package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

var update = flag.Bool("update", false, "write the files of share")

// What is kept in share is what the table of commands says.
func TestShare(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"daneverify.1": {"man"}, "daneverify.bash": {"completion", "bash"}, "_daneverify": {"completion", "zsh"}, "daneverify.fish": {"completion", "fish"},
	} {
		status, text, stderr := command(t, args...)
		if status != exitSuccess || stderr != "" {
			t.Errorf("%q: exit status %d, %s", args, status, stderr)
		}
		file := filepath.Join("share", name)
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		kept, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(kept), text); diff != "" {
			t.Errorf("%s is not what daneverify %s prints: run go generate ./examples/daneverify (-kept +printed)\n%s", file, strings.Join(args, " "), diff)
		}
	}
	for _, args := range [][]string{{"man", "x"}, {"completion"}, {"completion", "csh"}, {"completion", "bash", "zsh"}} {
		if status, stdout, stderr := command(t, args...); status != exitUsage || stdout != "" || stderr == "" {
			t.Errorf("%q: exit status %d, %s%s", args, status, stdout, stderr)
		}
	}
}

// needs returns where a program is, or skips the test.
func needs(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("SKIPPED: %s is not installed", name)
	}
	return path
}

// Those who read manual pages have nothing to say against ours.
func TestManualPage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"mandoc", "-Tlint", "-Wall"}, {"man", "--warnings", "-l"}} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			c := exec.Command(needs(t, args[0]), append(args[1:], "share/daneverify.1")...)
			c.Env = append(os.Environ(), "MANWIDTH=80", "LC_ALL=C.UTF-8", "PAGER=cat", "MANPAGER=cat")
			var stdout, stderr strings.Builder
			c.Stdout, c.Stderr = &stdout, &stderr
			if err := c.Run(); err != nil || stderr.Len() > 0 {
				t.Errorf("%v\n%s%s", err, stdout.String(), stderr.String())
			}
			if args[0] == "mandoc" && stdout.Len() > 0 {
				t.Error(stdout.String())
			}
			if args[0] == "man" && !strings.Contains(stdout.String(), "SYNOPSIS") {
				t.Errorf("no page:\n%s", stdout.String())
			}
		})
	}
}

// completions are command lines, and what the last word of each becomes.
func completions(t *testing.T) map[string]string {
	file := filepath.Join(t.TempDir(), "anchors.xml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"daneverify che":                                  "check",
		"daneverify tlsa pl":                              "plan",
		"daneverify vers":                                 "version",
		"daneverify completion fi":                        "fish",
		"daneverify -rec":                                 "-recursive",
		"daneverify check -str":                           "-strict",
		"daneverify check example.org -wi":                "-within",
		"daneverify tlsa make -cert x -nsup":              "-nsupdate",
		"daneverify check -anchors " + file[:len(file)-3]: file,
		"daneverify check -port che":                      "",
		"daneverify check example.org che":                "",
	}
}

// bashDriver completes its arguments, and prints what the last of them can become.
const bashDriver = `source /usr/share/bash-completion/bash_completion
source share/daneverify.bash
complete -p daneverify >&2 || exit 1
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_daneverify
printf '%s\n' "${COMPREPLY[@]}"
`

func TestBashCompletion(t *testing.T) {
	t.Parallel()
	bash := needs(t, "bash")
	if _, err := os.Stat("/usr/share/bash-completion/bash_completion"); err != nil {
		t.Skip("SKIPPED: bash-completion is not installed")
	}
	for line, want := range completions(t) {
		out, err := exec.Command(bash, append([]string{"--norc", "-c", bashDriver, "bash"}, strings.Fields(line)...)...).Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q: %q, want %q, %v", line, got, want, err)
		}
	}
}

func TestFishCompletion(t *testing.T) {
	t.Parallel()
	fish := needs(t, "fish")
	for line, want := range completions(t) {
		c := exec.Command(fish, "--no-config", "-c", `source share/daneverify.fish; complete -C "$argv[1]"`, line)
		c.Env = append(os.Environ(), "HOME="+t.TempDir())
		out, err := c.CombinedOutput()
		got, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\t")
		if err != nil || got != want {
			t.Errorf("%q: %q, want %q, %v", line, got, want, err)
		}
	}
}

// zshDriver types lines into an interactive zsh on a pseudo-terminal, each with a tab, and
// prints what they are then.
const zshDriver = `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PROMPT= RPROMPT=; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; setopt no_beep; tell() { print -r -- \"<LINE>\$BUFFER</LINE>\" }; zle -N tell; bindkey '^X' tell; bindkey '^I' complete-word; print -r -- RE''ADY"
text= part=
while [[ $text != *READY* ]]; do zpty -r z part || exit 1; text+=$part; done
shift
for line; do
	zpty -w -n z $'\x15'"$line"$'\t\x18'
	text=
	while [[ $text != *'</LINE>'* ]]; do zpty -r z part || exit 1; text+=$part; done
	text=${text##*<LINE>}
	print -r -- ${text%%</LINE>*}
done
zpty -d z
`

func TestZshCompletion(t *testing.T) {
	t.Parallel()
	zsh := needs(t, "zsh")
	share, err := filepath.Abs("share")
	if err != nil {
		t.Fatal(err)
	}
	var lines, want []string
	for line, completed := range completions(t) {
		last := strings.LastIndex(line, " ") + 1
		if completed == "" {
			completed = line[last:]
		}
		lines, want = append(lines, line), append(want, line[:last]+completed)
	}
	c := exec.CommandContext(t.Context(), zsh, append([]string{"-f", "-c", zshDriver, "zsh", share}, lines...)...)
	c.Env = append(os.Environ(), "TERM=dumb", "HOME="+t.TempDir())
	out, err := c.CombinedOutput()
	var got []string
	for line := range strings.Lines(string(out)) {
		got = append(got, strings.TrimSpace(line))
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
}

// commandLines returns the command lines of this program in a text: what begins with its name at the
// start of a line, after a sign of the shell, or in back quotes.
func commandLines(text string) (all [][]string) {
	for _, match := range inText.FindAllStringSubmatch(text, -1) {
		line := strings.NewReplacer("…", "", "'", "").Replace(match[1])
		all = append(all, strings.Fields(line))
	}
	return all
}

var inText = regexp.MustCompile("(?m)(?:^ *(?:\\$ )?|[`|] *)daneverify((?: [^`|>&#\n]+)?)")

// What documents and examples tell people to type is understood.
func TestDocumentedCommandLines(t *testing.T) {
	t.Parallel()
	texts := make(map[string]string)
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../../README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = string(text)
	}
	var visit func(c *cli.Command)
	visit = func(c *cli.Command) {
		for _, e := range c.Examples {
			texts["the examples of "+c.Name] += e.Line + "\n"
		}
		for _, below := range c.Commands {
			visit(below)
		}
	}
	visit(program())
	seen := 0
	for where, text := range texts {
		for _, line := range commandLines(text) {
			seen++
			if len(line) == 1 && program().Command(line[0]) != nil {
				continue // it is mentioned, and not to be typed
			}
			if err := program().Understand(line); err != nil && !slices.Contains(line, "COMMAND") {
				t.Errorf("%s: daneverify %s: %v", where, strings.Join(line, " "), err)
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d command lines are found", seen)
	}
	if err := program().Understand([]string{"check", "-nonsense"}); err == nil {
		t.Error("an unknown flag is understood")
	}
}

// Each command says what it is for, has help that fits 80 columns, and exit statuses.
func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	var visit func(path []string, c *cli.Command)
	visit = func(path []string, c *cli.Command) {
		path = append(path[:len(path):len(path)], c.Name)
		if c.Summary == "" || len(c.Exits) == 0 {
			t.Errorf("%q: no summary, or no exit statuses", path)
		}
		status, stdout, stderr := command(t, append(path[1:len(path):len(path)], "-help")...)
		if status != exitSuccess || stderr != "" || !strings.HasPrefix(stdout, "usage: "+strings.Join(path, " ")) {
			t.Errorf("%q: exit status %d, %s%s", path, status, stdout, stderr)
		}
		text, _, _ := strings.Cut(stdout, "\nExamples:\n")
		for line := range strings.Lines(text) {
			if len([]rune(line)) > 81 && !strings.HasPrefix(line, "  ") {
				t.Errorf("%q: %q", path, line)
			}
		}
		for _, below := range c.Commands {
			visit(path, below)
		}
	}
	visit(nil, program())
}
