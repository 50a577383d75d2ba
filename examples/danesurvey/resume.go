package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/work"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/examples/internal/machine"
)

// commandResume goes on with a survey.
func commandResume() *cli.Command {
	return &cli.Command{
		Name: "resume", Summary: "go on with a survey that has ended before its list",
		Usage: []string{"[flags] DIR"},
		About: `Goes on with the survey in DIR, with the flags that it was begun with, whatever has ended it: a signal, a full
disk, the machine. What was finished is not asked again. Flags that are given here hold from now on: -recursive
or -hints in place of a -resolver that was given before, and -resolver in place of those.`,
		Examples: []cli.Example{
			{Line: "danesurvey resume top1m"},
			{Line: "danesurvey resume -again -resolver 192.0.2.1 top1m", About: "ask once more about what there is no verdict on, another DNS server"},
		},
		Exits: surveyExits,
		Begin: func(f *cli.Flags) cli.Run {
			f.Group("What is asked about")
			again := f.Bool("again", false, "ask once more about domains on which there is no verdict; the newer row counts")
			new(options).changing(f)
			return func(ctx context.Context, s cli.Streams, args []string) (int, error) {
				dir, err := oneFolder(args)
				if err != nil {
					return exitUsage, err
				}
				flags, err := given(f, "again")
				if err != nil {
					return exitUsage, err
				}
				return goOn(ctx, s, dir, flags, *again)
			}
		},
	}
}

func goOn(ctx context.Context, s cli.Streams, dir string, flags map[string]string, again bool) (status int, err error) {
	ignoreSignals()
	st, err := store.Open(dir)
	if err != nil {
		return tell(s, err)
	}
	o, flags, err := remembered(st.About().Flags, flags)
	var w *work.Work
	end := func() {}
	if err == nil {
		w, end, err = o.worker(s.Err)
	}
	defer func() { end() }()
	if err == nil && !maps.Equal(flags, st.About().Flags) { // and the flags are good for something
		about := st.About()
		about.Flags = flags
		err = st.SetAbout(about)
	}
	if err != nil {
		return tell(s, errors.Join(err, st.Close()))
	}
	w.Again = again
	return o.work(ctx, s, st, w, dir)
}

// tell returns what a command does that cannot go on with a survey. If the disk is full, or does not take
// what is written, resume goes on later.
func tell(s cli.Streams, err error) (int, error) {
	if e, ok := errors.AsType[*fs.PathError](err); ok && (e.Op == "write" || e.Op == "sync" || e.Op == "truncate") {
		s.Complain([]string{"danesurvey"}, err)
		return exitCutShort, nil
	}
	return exitUsage, err
}

// descriptorsKept is what this process has open for all domains: standard streams, the folder, and
// connections to DNS servers.
const descriptorsKept = 40

// worker makes a Work, but for its store and list, and what ends it.
func (o *options) worker(stderr io.Writer) (*work.Work, func(), error) {
	o.concurrency = machine.Fit("danesurvey", o.concurrency, descriptorsKept, stderr)
	var internet *danetest.Internet
	end := func() {}
	if o.demo {
		internet = danetest.NewInternet()
		end = internet.Close
	}
	s, err := o.survey(internet, stderr)
	if err != nil {
		end()
		return nil, func() {}, err
	}
	return &work.Work{Survey: s, Row: row.Options{Vantage: o.vantage, Direct: o.dns.Direct()}, Sync: o.sync}, end, nil
}

// work does what is left, and closes the store.
func (o *options) work(ctx context.Context, s cli.Streams, st *store.Store, w *work.Work, dir string) (status int, err error) {
	defer func() {
		if closed := st.Close(); closed != nil && err == nil {
			status, err = tell(s, closed)
		}
	}()
	about := st.About().List
	list, err := work.OpenList(dir, about, o.column)
	if err != nil {
		return exitUsage, err
	}
	defer list.Close()
	tally, err := st.Tally(o.vantage)
	if err != nil {
		return exitUsage, err
	}
	w.Store, w.List = st, list
	w.Progress = work.NewProgress(about.Entries, tally, w.Again)
	watch := newWatch(w.Progress, s.Err)
	if about.Bad > 0 {
		watch.say("%s", badLines(about))
	}
	for _, bound := range o.bounds() {
		watch.say("%s", bound)
	}
	stop := watch.begin(machine.ProgressSignals()...)
	failed := w.Run(ctx)
	stop()
	watch.say("%s", w.Progress)
	return conclude(ctx, watch, st, o.vantage, dir, failed)
}

// bounds are what others notice at most, by the limits in force.
func (o *options) bounds() (lines []string) {
	if o.dnsOnly {
		lines = append(lines, "no mail server is connected to")
	} else {
		lines = append(lines, o.polite.Servers())
	}
	if o.recursive {
		lines = append(lines, o.polite.DNS())
	}
	return lines
}

// invocation is how the program is called again: where go run has built it, into a folder that is gone when it
// ends, that is by go run once more.
func invocation(self string) string {
	if filepath.Base(self) == "danesurvey" && strings.Contains(filepath.ToSlash(self), "/go-build") {
		return "go run ."
	}
	return "danesurvey"
}

// badLines says how many lines of a list have no domain, and why the first has none.
func badLines(l store.List) string {
	text := "one line of the list has no domain"
	if l.Bad > 1 {
		text = fmt.Sprintf("%d lines of the list have no domain", l.Bad)
	}
	if l.FirstBad == "" { // as in the folder of an earlier version
		return text
	}
	return text + "; " + l.FirstBad
}

// conclude says what became of the work, and what can be done now.
func conclude(ctx context.Context, w *watch, st *store.Store, vantage, dir string, failed error) (int, error) {
	program := invocation(os.Args[0])
	switch {
	case failed != nil && ctx.Err() != nil:
		w.say("interrupted; to go on: %s resume %s", program, dir)
		return exitCutShort, nil
	case failed != nil:
		w.say("%v", failed)
		if errors.Is(failed, work.ErrDeaf) {
			w.say("these domains are asked about again; when the server answers, go on: %s resume %s; or ask another one: %s resume -resolver ADDR %s", program, dir, program, dir)
			return exitCutShort, nil
		}
		w.say("what is finished is kept; when that is mended, go on: %s resume %s", program, dir)
		return exitCutShort, nil
	}
	tally, err := st.Tally(vantage)
	if err != nil {
		return exitCutShort, err
	}
	w.say("findings: %s", byFrequency(tally.Findings))
	w.say("to see the rows: %s rows %s; the numbers as a page: %s report %s", program, dir, program, dir)
	if tally.NoVerdict == 0 {
		return exitDone, nil
	}
	domains := "one domain"
	if tally.NoVerdict > 1 {
		domains = fmt.Sprintf("%d domains", tally.NoVerdict)
	}
	w.say("on %s there is no verdict, for a lack of this machine, for want of a DNS server, or as servers were busy; to ask once more: %s resume -again %s", domains, program, dir)
	return exitNoVerdict, nil
}

// byFrequency lists what was counted, the most frequent first.
func byFrequency(counts map[string]int) string {
	text := ""
	for i, name := range sortedByCount(counts) {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%d %s", counts[name], name)
	}
	return text
}
