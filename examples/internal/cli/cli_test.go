package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// program has two commands; the second has one below it. What is run is printed.
func program() *cli.Command {
	begin := func(f *cli.Flags) cli.Run {
		f.Group("Time")
		pause := f.Duration("timeout", 90*time.Second, "give up after `D`")
		f.Group("Output")
		times := f.Int("times", 1, "do it `N` times")
		f.Bool("json", false, "print JSON, "+strings.Repeat("which is long, ", 10))
		size := f.Uint("size", 0, "so `LARGE`")
		f.Group("Time")
		f.Func("colour", "paint it `red|green`", func(name string) error {
			if name != "red" && name != "green" {
				return fmt.Errorf("%q: want red or green", name)
			}
			return nil
		})
		return func(_ context.Context, s cli.Streams, args []string) (int, error) {
			if len(args) > 0 && args[0] == "fail" {
				return 0, errors.New("it failed\nby RFC 1 §2…\x1b\xff")
			}
			fmt.Fprintln(s.Out, *pause, *times, *size, args)
			return 7, nil
		}
	}
	return &cli.Command{
		Name: "prog", Summary: "try things",
		Commands: []*cli.Command{
			{Name: "check", Summary: "check things", Begin: begin, Exits: []cli.Exit{{Status: 7, Means: "done"}}, Examples: []cli.Example{{Line: "prog check x", About: "checks x"}}},
			{Name: "group", Summary: "more of them", Misuse: 3, Commands: []*cli.Command{{Name: "make", Begin: begin, Misuse: 3}}},
		},
	}
}

func run(args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = program().Run(context.Background(), cli.Streams{Out: &out, Err: &errs}, args)
	return status, out.String(), errs.String()
}

func TestRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		args   string
		status int
		stdout string
		stderr string
	}{
		{"flags before arguments", "check -timeout 5s -times=3 a b", 7, "5s 3 0 [a b]\n", ""},
		{"flags after arguments", "check a --timeout 5s b -times 3", 7, "5s 3 0 [a b]\n", ""},
		{"no flags after --", "check -times 3 -- a -times 4", 7, "1m30s 3 0 [a -times 4]\n", ""},
		{"- is an argument", "check - -times 2", 7, "1m30s 2 0 [-]\n", ""},
		{"a flag without value takes none", "check -json a", 7, "1m30s 1 0 [a]\n", ""},
		{"a command below another", "group make x", 7, "1m30s 1 0 [x]\n", ""},
		{"a duration without unit", "check -timeout 5", 2, "", "prog: check: -timeout 5: want a duration such as 5s\n"},
		{"a duration that is none", "check -timeout soon", 2, "", `prog: check: -timeout "soon": want a duration such as 5s or 2m` + "\n"},
		{"a number that is none", "check -times x", 2, "", `prog: check: -times "x": want a whole number` + "\n"},
		{"a number below zero", "check -size -1", 2, "", `prog: check: -size "-1": want a whole number that is not negative` + "\n"},
		{"a bool that is none", "check -json=perhaps", 2, "", `prog: check: -json "perhaps": want true or false` + "\n"},
		{"a value that the flag does not know", "check -colour blue", 2, "", `prog: check: -colour: "blue": want red or green` + "\n"},
		{"a value is missing", "check -timeout", 2, "", "prog: check: -timeout: want a duration such as 5s or 2m after it\n"},
		{"a value is missing before a flag", "check -timeout -json", 2, "", "prog: check: -timeout: want a duration such as 5s or 2m after it, and not -json; a value that looks like a flag is given by -timeout=-json\n"},
		{"a value is missing before a flag with its value", "check -colour --times=2", 2, "", "prog: check: -colour: want red|green after it, and not --times=2; a value that looks like a flag is given by -colour=--times=2\n"},
		{"a value is missing before -help", "check -timeout -help", 2, "", "prog: check: -timeout: want a duration such as 5s or 2m after it, and not -help; a value that looks like a flag is given by -timeout=-help\n"},
		{"a value is missing before -h", "check -colour -h", 2, "", "prog: check: -colour: want red|green after it, and not -h; a value that looks like a flag is given by -colour=-h\n"},
		{"a value is missing before the end of the flags", "check -colour -- a", 2, "", "prog: check: -colour: want red|green after it, and not --; a value that looks like a flag is given by -colour=--\n"},
		{"a value that begins like a flag", "check -times -3", 7, "1m30s -3 0 []\n", ""},
		{"a value of the name of a flag", "check -times 2 -- -json", 7, "1m30s 2 0 [-json]\n", ""},
		{"a letter is wrong in a command with flags", "chekc -timeout 5s", 2, "", `prog: there is no command "chekc"; did you mean check? prog -help lists them` + "\n"},
		{"a letter is wrong in a command below another", "group maek -times 5", 3, "", `prog: group: there is no command "maek"; did you mean make? prog group -help lists them` + "\n"},
		{"a command as a flag", "--check a", 2, "", "prog: there is no flag -check, but a command: prog check\n"},
		{"a command below another as a flag", "group -make", 3, "", "prog: group: there is no flag -make, but a command: prog group make\n"},
		{"a letter is wrong in a flag", "check -timeuot 5s", 2, "", "prog: check: there is no flag -timeuot; did you mean -timeout? -help lists the flags\n"},
		{"an unknown flag", "check -x", 2, "", "prog: check: there is no flag -x; -help lists the flags\n"},
		{"a letter is wrong in a command", "chekc a", 2, "", `prog: there is no command "chekc"; did you mean check? prog -help lists them` + "\n"},
		{"no command", "group", 3, "", "prog: group: no command is given; prog group -help lists them\n"},
		{"the status of a mistake", "group make -x", 3, "", "prog: group make: there is no flag -x; -help lists the flags\n"},
		{"an error is one line", "check fail", 2, "", `prog: check: it failed; by RFC 1 §2…\x1b\xff` + "\n"},
		{"help on a command that is not there", "help chekc", 2, "", `prog: there is no command "chekc"; did you mean check? prog -help lists them` + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := run(strings.Fields(tt.args)...)
			if status != tt.status || stdout != tt.stdout || stderr != tt.stderr {
				t.Errorf("exit status %d, stdout %q, stderr %q; want %d, %q, %q", status, stdout, stderr, tt.status, tt.stdout, tt.stderr)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	const want = `usage: prog check [flags]

Time:
  -timeout D          give up after D (default 1m30s)
  -colour red|green   paint it red|green

Output:
  -json               print JSON, which is long, which is long, which is long,
                      which is long, which is long, which is long, which is
                      long, which is long, which is long, which is long,
  -size LARGE         so LARGE
  -times N            do it N times (default 1)

Examples:
  prog check x
      checks x

Exit status:
  7  done
`
	for _, args := range []string{"check -help", "check -h", "check a --help -x", "help check"} {
		status, stdout, stderr := run(strings.Fields(args)...)
		if diff := cmp.Diff(want, stdout); diff != "" || status != 0 || stderr != "" {
			t.Errorf("%s: exit status %d, stderr %q (-want +got)\n%s", args, status, stderr, diff)
		}
	}
	for _, args := range []string{"-help", "help", "group --help", "group help", "group make -h", "help group make"} {
		if status, stdout, stderr := run(strings.Fields(args)...); status != 0 || stderr != "" || !strings.HasPrefix(stdout, "usage: prog") {
			t.Errorf("%s: exit status %d, stdout %q, stderr %q", args, status, stdout, stderr)
		}
	}
}

// Text is no wider than the screen, and has colours only where there are any.
func TestScreen(t *testing.T) {
	t.Parallel()
	c := program().Commands[0]
	for _, width := range []int{30, 40, 80, 200} {
		for line := range strings.Lines(c.Help([]string{"prog", "check"}, cli.Screen{Width: width})) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns on a screen of %d: %q", n, width, line)
			}
		}
	}
	if text := c.Help([]string{"prog", "check"}, cli.Screen{}); strings.Contains(text, "\x1b") {
		t.Errorf("colour without a terminal: %q", text)
	}
	if text := c.Help([]string{"prog", "check"}, cli.Screen{Colour: true}); !strings.Contains(text, "\x1b[1mTime:\x1b[0m\n") {
		t.Errorf("no colour: %q", text)
	}
	if s := cli.ScreenOf(new(bytes.Buffer), func(string) string { return "xterm" }); s != (cli.Screen{}) {
		t.Errorf("a buffer is a terminal: %+v", s)
	}
}

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	words := []string{"check", "explain", "tlsa", "demo"}
	for typed, want := range map[string]string{
		"chekc": "check", "chck": "check", "explian": "explain", "tls": "tlsa", "dmeo": "demo", "exlpain": "explain",
		"example": "", "zzz": "", "": "", "c": "", strings.Repeat("check", 1000): "",
	} {
		if want != "" {
			want = "; did you mean " + want + "?"
		}
		if got := cli.DidYouMean(typed, words); got != want {
			t.Errorf("%.20q: %q, want %q", typed, got, want)
		}
	}
}

// TestMistake: a command may tell its mistakes to who reads no standard error.
func TestMistake(t *testing.T) {
	t.Parallel()
	c := program()
	check := c.Command("check")
	check.Mistake = func(s cli.Streams, args []string, err error) (int, bool) {
		if args[0] != "-json" {
			return 0, false
		}
		fmt.Fprintln(s.Out, "wrong:", err)
		return 9, true
	}
	for args, want := range map[string]string{
		"check -json -nonsense": "9 wrong: there is no flag -nonsense; -help lists the flags\n|",
		"check -json fail":      "9 wrong: it failed\nby RFC 1 §2…\x1b\xff\n|",
		"check -nonsense":       "2 |prog: check: there is no flag -nonsense; -help lists the flags\n",
		"check -json ok":        "7 1m30s 1 0 [ok]\n|",
	} {
		var out, errs bytes.Buffer
		status := c.Run(context.Background(), cli.Streams{Out: &out, Err: &errs}, strings.Fields(args))
		if got := fmt.Sprintf("%d %s|%s", status, &out, &errs); got != want {
			t.Errorf("%s: got %q, want %q", args, got, want)
		}
	}
}
