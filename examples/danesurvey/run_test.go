package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// TestDemo: the one command of the README, and what can be said of it afterwards.
func TestDemo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	status, stdout, stderr := command(t, "", "run", "-dir", dir, "-demo")
	if status != exitDone || stdout != "" {
		t.Fatalf("exit status %d: %s%s", status, stdout, stderr)
	}
	var lines []listed
	for _, d := range danetest.Domains() {
		lines = append(lines, listed{d.Name, d.Outcome.String()})
	}
	compare(t, lines, rowsOf(t, dir))
	for _, want := range []string{"12 of 12 done (100 %), ", ": 1 ok, 1 warning, 7 broken, 3 none, 0 unknown\n", "findings: 2 tlsa-mismatch, ", "to see the rows: danesurvey rows " + dir + "; the numbers as a page: danesurvey report " + dir + "\n"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in %s", want, stderr)
		}
	}
	if status, _, stderr := command(t, "", "resume", dir); status != exitDone || !strings.Contains(stderr, "12 of 12 done (100 %): 1 ok") {
		t.Errorf("resume when all is done: exit status %d: %s", status, stderr)
	}
	if status, _, stderr := command(t, "", "run", "-dir", dir, "-demo"); status != exitUsage || !strings.Contains(stderr, "there is a survey already; danesurvey resume goes on with it, or give another -dir") {
		t.Errorf("run again: exit status %d: %s", status, stderr)
	}
	compare(t, lines, rowsOf(t, dir))
}

// TestLists: from standard input, by a column, and without mail servers.
func TestLists(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, list string
		flags      []string
		want       map[int]string // outcomes by line
	}{
		{"ranks and addresses", "1,good.example\n\npostmaster@nodane.example\nhttps://expired.example/x\n", nil,
			map[int]string{1: "success", 3: "none", 4: "failure"}},
		{"CSV", "name;domain\n\"x;y\";good.example\n;;\n", []string{"-column", "domain"}, map[int]string{2: "success", 3: ""}},
		{"look up only", "good.example\nexpired.example\n", []string{"-dns-only"}, map[int]string{1: "success", 2: "success"}},
		{"no line end", "good.example", nil, map[int]string{1: "success"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "survey")
			status, _, stderr := command(t, tt.list, append([]string{"run", "-demo", "-dir", dir, "-"}, tt.flags...)...)
			if status != exitDone {
				t.Fatalf("exit status %d: %s", status, stderr)
			}
			got := make(map[int]string)
			for line, r := range rowsOf(t, dir) {
				got[line] = r.Outcome
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("outcomes (-want +got)\n%s", diff)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for _, tt := range []struct{ wants, args string }{
		{"no command is given", ""},
		{`no flag -colum`, "run -dir x -colum x LIST"},
		{"-dir DIR says where", "run LIST"},
		{"want one list, and not 0", "run -dir DIR"},
		{"want one list, and not 2", "run -dir DIR a b"},
		{"no such file", "run -dir DIR missing"},
		{"column 0", "run -dir DIR -column 0 -"},
		{`no column is named "x"`, "run -dir DIR -demo -column x -"},
		{"-column NAME says it (a, b)", "run -dir DIR -demo -"},
		{"-4 and -6", "run -dir DIR -4 -6 -"},
		{"-concurrency 0", "run -dir DIR -concurrency 0 -"},
		{"want N or N,RATE", "run -dir DIR -per-address x -"},
		{"-share -1s", "run -dir DIR -share -1s -"},
		{"positive duration", "run -dir DIR -sync 0 -"},
		{"-memory 0", "run -dir DIR -memory 0 -"},
		{"vantage point", "run -dir DIR -vantage a.b -"},
		{"one word of ASCII", "run -dir DIR -helo ü -"},
		{"-resolver", "run -dir DIR -resolver nonsense -"},
		{"-hints is for a start at the root", "run -dir DIR -resolver 192.0.2.1 -hints /dev/null -"},
		{"-recursive asks no resolver", "run -dir DIR -resolver 192.0.2.1 -recursive -"},
		{"-demo has servers of its own, and takes no -resolver", "run -dir DIR -demo -resolver 192.0.2.1 -"},
		{"-demo has servers of its own, and takes no -local", "run -dir DIR -demo -local 127.0.0.1"},
		{"there is no survey", "resume EMPTY"},
		{"there is no survey", "rows EMPTY"},
		{"missing: there is no survey, and no such folder", "rows missing"},
		{"missing: there is no survey, and no such folder", "resume missing"},
		{"want one folder", "resume"},
		{"want the folder", "rows"},
		{"there is no survey", "rows a b"},
		{"no flag -column", "resume -column x DIR"},
	} {
		dir := filepath.Join(t.TempDir(), "survey")
		args := strings.Fields(strings.NewReplacer("DIR", dir, "EMPTY", empty).Replace(strings.ReplaceAll(tt.args, "-dir DIR", "-dir "+dir)))
		status, stdout, stderr := command(t, "a,b\n", args...)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, tt.wants) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit status %d, %s%s; want %q", tt.args, status, stdout, stderr, tt.wants)
		}
		if !strings.Contains(tt.args, "-column x -") && !strings.HasSuffix(tt.args, "-demo -") {
			continue
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: there is a folder", tt.args)
		}
		if status, _, stderr := command(t, "", "run", "-demo", "-dir", dir); status != exitDone {
			t.Errorf("%s: afterwards there can be no survey: exit status %d, %s", tt.args, status, stderr)
		}
	}
}

// TestListStays: rows belong to lines by their numbers.
func TestListStays(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "survey")
	list := writeList(t, []listed{{text: "good.example"}, {text: "nodane.example"}})
	if status, _, stderr := command(t, "", "run", "-demo", "-dir", dir, list); status != exitDone {
		t.Fatal(stderr)
	}
	// The list itself is not needed any more.
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := command(t, "", "resume", dir); status != exitDone {
		t.Errorf("exit status %d: %s", status, stderr)
	}
	if err := os.WriteFile(filepath.Join(dir, "list"), []byte("good.example\nexpired.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := command(t, "", "resume", dir); status != exitUsage || !strings.Contains(stderr, "not the one that the survey began with") {
		t.Errorf("exit status %d: %s", status, stderr)
	}
}

// TestAgain: on what the DNS did not answer there is no verdict, until it is asked again and answers.
func TestAgain(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	address, err := internet.Listen()
	if err != nil {
		t.Fatal(err)
	}
	anchors := filepath.Join(t.TempDir(), "root.ds")
	if err := os.WriteFile(anchors, []byte(internet.DNS.Anchors()[0].DS.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	deaf, err := net.ListenPacket("udp", "127.0.0.1:0") // and no TCP
	if err != nil {
		t.Fatal(err)
	}
	nobody := deaf.LocalAddr().String()
	deaf.Close()
	dir := filepath.Join(t.TempDir(), "survey")
	none := map[int]read{}
	status, _, stderr := command(t, "nullmx.example\n..\nnodane.example\n", "run", "-dir", dir, "-dns-only", "-vantage", "here", "-anchors", anchors, "-resolver", nobody, "-")
	for line, r := range rowsOf(t, dir) {
		if r.None {
			none[line] = r
		}
	}
	if status != exitNoVerdict || len(none) != 2 || !strings.Contains(stderr, "on 2 domains there is no verdict") || !strings.Contains(stderr, "resume -again "+dir) {
		t.Fatalf("exit status %d, %d rows without a verdict: %s", status, len(none), stderr)
	}
	if status, _, stderr := command(t, "", "resume", "-resolver", address, dir); status != exitNoVerdict {
		t.Errorf("without -again: exit status %d: %s", status, stderr)
	}
	if status, _, stderr := command(t, "", "resume", "-again", dir); status != exitDone || !strings.Contains(stderr, "3 of 3 done") {
		t.Errorf("with -again: exit status %d: %s", status, stderr)
	}
	rows := rowsOf(t, dir)
	if len(rows) != 3 || rows[1].None || rows[3].None || rows[3].Outcome != "none" || rows[1].State != "none" {
		t.Errorf("in the end: %+v", rows)
	}
	if n := writtenLines(t, dir); n != 5 {
		t.Errorf("%d rows were written, want 5: the third was asked once", n)
	}
	st, err := store.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	want := map[string]string{"dns-only": "true", "vantage": "here", "anchors": anchors, "resolver": address}
	if diff := cmp.Diff(want, st.About().Flags); diff != "" {
		t.Errorf("what is remembered (-want +got)\n%s", diff)
	}
}

// TestDeadServer: a DNS server that does not answer costs a survey nothing but time.
func TestDeadServer(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	address, err := internet.Listen()
	if err != nil {
		t.Fatal(err)
	}
	anchors := filepath.Join(t.TempDir(), "root.ds")
	if err := os.WriteFile(anchors, []byte(internet.DNS.Anchors()[0].DS.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "survey")
	list := strings.Repeat("nodane.example\n", 300)
	status, _, stderr := command(t, list, "run", "-dir", dir, "-dns-only", "-anchors", anchors, "-resolver", "127.0.0.1:1", "-")
	if status != exitCutShort || !strings.Contains(stderr, "for 50 domains in a row") || !strings.Contains(stderr, "127.0.0.1:1") || !strings.Contains(stderr, "danesurvey resume -resolver ADDR "+dir) {
		t.Errorf("exit status %d: %s", status, stderr)
	}
	if rows := rowsOf(t, dir); len(rows) != 0 {
		t.Errorf("%d rows", len(rows))
	}
	if status, _, stderr := command(t, "", "resume", "-resolver", address, dir); status != exitDone || len(rowsOf(t, dir)) != 300 {
		t.Errorf("exit status %d, %d rows: %s", status, len(rowsOf(t, dir)), stderr)
	}
}

// TestBounds: a survey begins by what others notice of it.
func TestBounds(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"":                    "danesurvey: connections to an address 2 at a time and 2 a second, ",
		"-per-address 5":      "danesurvey: connections to an address 5 at a time and 2 a second, ",
		"-per-address 0,0":    "danesurvey: connections to an address without limits, ",
		"-per-provider 1,0.5": "to a provider 1 at a time and 0.5 a second; servers at loopback addresses have no limits\n",
		"-dns-only":           "danesurvey: no mail server is connected to\n",
	} {
		dir := filepath.Join(t.TempDir(), "survey")
		list := "good.example\n"
		status, _, stderr := command(t, list, append([]string{"run", "-demo", "-dir", dir, "-"}, strings.Fields(args)...)...)
		if status != exitDone || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit status %d: %s; want %s", args, status, stderr, want)
		}
		if status, _, stderr := command(t, "", "resume", dir); status != exitDone || !strings.Contains(stderr, want) {
			t.Errorf("%s: resume: exit status %d: %s; want %s", args, status, stderr, want)
		}
	}
	o := options{recursive: true}
	if got := strings.Join(o.bounds(), "; "); !strings.Contains(got, "queries to a DNS server") {
		t.Errorf("-recursive: %s", got)
	}
}

// TestFlagsAreRemembered: every flag of run can be said again by its text.
func TestFlagsAreRemembered(t *testing.T) {
	t.Parallel()
	o := new(options)
	f := cli.NewFlags("run")
	o.fixed(f)
	o.changing(f)
	args := strings.Fields("-column 2 -vantage here -dns-only -demo=false -port 2525 -4 -resolver 192.0.2.1 -recursive=false -hints h -anchors a " +
		"-trust-state t -local 127.0.0.1 -helo a.example -probe-timeout 5s -timeout 1m -concurrency 7 -per-address 1,0.5 -per-network 0,0 " +
		"-per-provider 8 -per-dns-server 0,1e3 -pause 0s -share 1d -memory 3 -sync 1s")
	if _, err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	flags, err := given(f)
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	f.VisitAll(func(*flag.Flag) { all++ })
	if len(flags) != all-1 { // -6
		t.Errorf("%d of %d flags are in this test", len(flags), all)
	}
	if !filepath.IsAbs(flags["anchors"]) {
		t.Errorf("a file is remembered as %q", flags["anchors"])
	}
	again, _, err := remembered(flags, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again.polite != o.polite || again.column != o.column || again.concurrency != 7 || again.port != 2525 {
		t.Errorf("%+v, and it was %+v", again, o)
	}
}

// TestRatesStay: to resume with more connections at a time is not to resume at another rate.
func TestRatesStay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ before, today, want string }{
		{"-per-address 1,0.1", "-per-address 4", "4,0.1"},
		{"-per-address 1,0.1", "-per-address 4,3", "4,3"},
		{"-per-address 1", "-per-address 4", "4,2"},
		{"", "-per-address 4", "4,2"},
		{"-per-address 1,0.1", "-per-network 4", "1,0.1"},
	} {
		var both [2]map[string]string
		for i, args := range []string{tt.before, tt.today} {
			f := cli.NewFlags("test")
			new(options).changing(f)
			if _, err := f.Parse(strings.Fields(args)); err != nil {
				t.Fatal(err)
			}
			var err error
			if both[i], err = given(f); err != nil {
				t.Fatal(err)
			}
		}
		_, flags, err := remembered(both[0], both[1])
		if err != nil || flags["per-address"] != tt.want {
			t.Errorf("%q, and then %q: %q, want %q; %v", tt.before, tt.today, flags["per-address"], tt.want, err)
		}
	}
}

// TestInterruptedBefore: a list that does not come leaves no survey.
func TestInterruptedBefore(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "survey")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr strings.Builder
	status := run(ctx, []string{"run", "-demo", "-dir", dir}, strings.NewReader(""), &stdout, &stderr)
	if status != exitUsage || !strings.Contains(stderr.String(), "interrupted before the list was read") {
		t.Errorf("exit status %d: %s", status, &stderr)
	}
	if _, err := store.Open(dir); err == nil {
		t.Error("there is a survey")
	}
}

// TestInterruptedWhileReading: a list that comes no further is not waited for.
func TestInterruptedWhileReading(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "survey")
	ctx, cancel := context.WithCancel(t.Context())
	list, lines := io.Pipe()
	defer lines.Close()
	ended := make(chan string)
	go func() {
		var stdout, stderr strings.Builder
		status := run(ctx, []string{"run", "-demo", "-dir", dir, "-"}, list, &stdout, &stderr)
		ended <- fmt.Sprintf("exit status %d: %s%s", status, &stdout, &stderr)
	}()
	io.WriteString(lines, "good.exam") // has been read, and is no line yet
	cancel()
	select {
	case got := <-ended:
		if !strings.HasPrefix(got, "exit status 2") || !strings.Contains(got, "interrupted before the list was read") {
			t.Error(got)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for the list")
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "list*")); len(names) > 0 {
		t.Errorf("there is %q", names)
	}
	if status, _, stderr := command(t, "", "run", "-demo", "-dir", dir); status != exitDone {
		t.Errorf("afterwards there can be no survey: exit status %d, %s", status, stderr)
	}
}

// TestMistakesAreForgotten: what resume was told and is of no use does not hold from then on.
func TestMistakesAreForgotten(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "survey")
	flags := []string{"-resolver", "127.0.0.1:1", "-dns-only"}
	status, _, stderr := command(t, "good.example\n", append(append([]string{"run"}, flags...), "-dir", dir, "-")...)
	if status != exitNoVerdict {
		t.Fatalf("exit status %d, %s", status, stderr)
	}
	for _, mistake := range []string{"-anchors missing", "-local 192.0.2.1", "-local 1.2.3", "-resolver nonsense", "-hints missing", "-recursive -resolver 192.0.2.1", "-per-address x", "-concurrency 0"} {
		args := append(append([]string{"resume"}, strings.Fields(mistake)...), dir)
		if status, _, stderr := command(t, "", args...); status != exitUsage || !strings.Contains(stderr, strings.Fields(mistake)[0]) {
			t.Errorf("%s: exit status %d, %s", mistake, status, stderr)
		}
		if status, _, stderr := command(t, "", "resume", dir); status != exitNoVerdict {
			t.Errorf("after %s: exit status %d, %s", mistake, status, stderr)
		}
	}
}

// TestOtherServers: today's way into the DNS takes the place of the one that is remembered.
func TestOtherServers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ before, today, want string }{
		{"-resolver 192.0.2.1", "-recursive", "-recursive=true"},
		{"-resolver 192.0.2.1", "-recursive=false", "-recursive=false -resolver=192.0.2.1"},
		{"-resolver 192.0.2.1", "-hints /h", "-hints=/h"},
		{"-recursive -hints /h", "-resolver 192.0.2.1", "-resolver=192.0.2.1"},
		{"-recursive -hints /h", "-resolver=", "-hints=/h -recursive=true -resolver="},
		{"-resolver 192.0.2.1", "-resolver 192.0.2.2", "-resolver=192.0.2.2"},
		{"-recursive", "-concurrency 7", "-concurrency=7 -recursive=true"},
	} {
		flags := func(line string) map[string]string {
			o, f := new(options), cli.NewFlags("run")
			o.fixed(f)
			o.changing(f)
			if _, err := f.Parse(strings.Fields(line)); err != nil {
				t.Fatal(err)
			}
			set, err := given(f)
			if err != nil {
				t.Fatal(err)
			}
			return set
		}
		_, all, err := remembered(flags(tt.before), flags(tt.today))
		var got []string
		for _, name := range slices.Sorted(maps.Keys(all)) {
			got = append(got, "-"+name+"="+all[name])
		}
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%s, and today %s: %s, %v; want %s", tt.before, tt.today, strings.Join(got, " "), err, tt.want)
		}
	}
}

// TestInvocation: who has no program yet is told of none.
func TestInvocation(t *testing.T) {
	t.Parallel()
	for self, want := range map[string]string{
		"/tmp/go-build123/b001/exe/danesurvey": "go run .", "/usr/bin/danesurvey": "danesurvey", "./danesurvey": "danesurvey", "danesurvey": "danesurvey",
		"/tmp/go-build123/b001/danesurvey.test": "danesurvey",
	} {
		if got := invocation(self); got != want {
			t.Errorf("%s: %s, want %s", self, got, want)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-help"}, {"run", "-help"}, {"resume", "-help"}, {"rows", "-help"}, {"version"}, {"man"}, {"completion", "bash"}} {
		status, stdout, stderr := command(t, "", args...)
		if status != exitDone || stderr != "" || len(stdout) < 20 {
			t.Errorf("%q: exit status %d: %s%s", args, status, stdout, stderr)
		}
	}
	for _, args := range [][]string{{"version", "x"}, {"man", "x"}, {"completion"}, {"completion", "csh"}} {
		if status, _, _ := command(t, "", args...); status != exitUsage {
			t.Errorf("%q: exit status %d", args, status)
		}
	}
}

// TestRowsInWords: why a domain is broken is said in words.
func TestRowsInWords(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "survey")
	list := "postmaster@Mismatch.example\nnodane.example\nxgood.example\nx,y,z\nmismatch.example\n"
	if status, _, stderr := command(t, list, "run", "-demo", "-vantage", "here", "-dir", dir, "-"); status != exitDone {
		t.Fatal(stderr)
	}
	status, stdout, stderr := command(t, "", "rows", dir, "MISMATCH.example.")
	if status != exitDone || stderr != "" {
		t.Errorf("exit status %d, %s", status, stderr)
	}
	for want, n := range map[string]int{
		"mismatch.example, line 1, asked 20": 1, "mismatch.example, line 5, ": 1, " from here\n": 2, "\nState: BROKEN: ": 2, "tlsa-mismatch": 4, "  fix (mail host): ": 2, "  seen: ": -1,
		"  see: https://github.com/danesmtp/danesmtp/blob/main/docs/findings.md#tlsa-mismatch\n": 2, "nodane": 0,
	} {
		if got := strings.Count(stdout, want); got != n && (n >= 0 || got == 0) {
			t.Errorf("%d times %q, want %d, in\n%s", got, want, n, stdout)
		}
	}
	if status, stdout, stderr := command(t, "", "rows", dir, "nodane.example", "good.example"); status != exitUsage ||
		!strings.Contains(stdout, "State: NONE") || strings.Contains(stdout, "xgood") || !strings.Contains(stderr, "has no row of good.example") {
		t.Errorf("a domain that has no row: exit status %d, %s%s", status, stdout, stderr)
	}
	if status, stdout, stderr := command(t, "", "rows", dir, "x,y,z"); status != exitDone || !strings.Contains(stdout, "it has columns") || strings.Contains(stdout, "\x1b") {
		t.Errorf("a line without a domain: exit status %d, %q%s", status, stdout, stderr)
	}
}

// TestRowsAreLines: after their own keys rows have what the package of rows writes, so that readers of
// daneverify's lists read them.
func TestRowsAreLines(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "survey")
	if status, _, stderr := command(t, "good.example\n", "run", "-demo", "-vantage", "here", "-dir", dir, "-"); status != exitDone {
		t.Fatal(stderr)
	}
	_, stdout, _ := command(t, "", "rows", dir)
	var keys map[string]json.RawMessage
	if err := json.Unmarshal([]byte(stdout), &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"at", "vantage", "line", "input", "state", "finding", "findings", "version", "domain", "outcome", "hosts"} {
		if keys[key] == nil {
			t.Errorf("no %q in %.300s", key, stdout)
		}
	}
}
